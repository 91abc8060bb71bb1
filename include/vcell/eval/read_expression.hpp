#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/eval/write_expression.hpp"
#include "vcell/io/file_stamp.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

template <class = void>
double number_in(const std::filesystem::path& path, const std::vector<std::string>& header,
                 const std::vector<std::string>& fields, size_t row, size_t column) {
  if (const auto number = parse_number(fields[column])) return *number;
  throw FormatError(message("read_results: ", quoted(path.string()), ", row ", row + 1, ", column ",
                            quoted(header[column]), " holds ", quoted(fields[column]),
                            ", expected a number"));
}

/// The rows of a file of a table of differential expression, one after the other.
class ExpressionRows {
 public:
  /// @throws IoError, FormatError if it cannot be read or lacks a column
  template <class = void>
  explicit ExpressionRows(const std::filesystem::path& path);

  /// Where the next row is.
  CsvReader::Place place() const { return reader_.place(); }
  /// Reads on at a row, before which there are so many.
  template <class = void>
  void go_to(const CsvReader::Place& place, size_t rows) {
    reader_.go_to(place);
    rows_ = rows;
  }

  /// Reads a row; false after the last one.
  template <class = void>
  bool next() {
    if (!reader_.next_row(fields_, header_.header.size())) return false;
    ++rows_;
    return true;
  }
  const std::string& target() const { return fields_[column_[0]]; }
  const std::string& gene() const { return fields_[column_[1]]; }
  /// A number, by its place in differential_expression_columns.
  template <class = void>
  double number(size_t c) const {
    return number_in(path_, header_.header, fields_, rows_ - 1, column_[c]);
  }
  template <class = void>
  size_t count(size_t c) const;
  /// The numbers of the columns that for_each_column names, in its order.
  template <class = void>
  std::array<double, 6> numbers() const {
    return {number(2), number(6), number(7), number(8), number(9), number(10)};
  }

 private:
  std::filesystem::path path_;
  CsvReader reader_;
  CsvTable header_;  // without rows
  std::array<size_t, 11> column_{};
  std::vector<std::string> fields_;
  size_t rows_ = 0;
};

template <class>
ExpressionRows::ExpressionRows(const std::filesystem::path& path) : path_(path), reader_(path) {
  header_.header = reader_.header();
  for (size_t c = 0; c < column_.size(); ++c)
    column_[c] = header_.column(differential_expression_columns[c]);
}

template <class>
size_t ExpressionRows::count(size_t c) const {
  const double number = this->number(c);
  if (number >= 0 && number < 1e15 && number == std::floor(number)) return size_t(number);
  throw FormatError(message("read_results: ", quoted(path_.string()), ", row ", rows_, ", column ",
                            quoted(header_.header[column_[c]]), " holds ", number,
                            ", expected a number of cells"));
}

/// A file that was read through once, and is read again for each block.
struct ExpressionFile {
  std::filesystem::path path;  // absolute
  FileStamp stamp;
  ExpressionNames names;
  std::vector<float> ref_mean;
  std::vector<CsvReader::Place> places;  // beside the targets: of the first row of each

  /// @throws IoError if it is not the file any more that was read through
  template <class = void>
  DifferentialExpression rows(std::span<const size_t> targets, const Progress& progress) const;
};

template <class>
DifferentialExpression ExpressionFile::rows(std::span<const size_t> targets,
                                            const Progress& progress) const {
  const auto check = [&](bool is_same) {
    if (!is_same)
      throw IoError(message("read_results: ", quoted(path.string()), " has changed since it was ",
                            "first read (", text_of(stamp), "; now ", text_of(file_stamp(path)),
                            "); read it again"));
  };
  check(file_stamp(path) == stamp);
  const size_t features = names.features.size();
  DifferentialExpression out = make_expression(select_names(names, targets));
  std::copy(ref_mean.begin(), ref_mean.end(), out.ref_mean.data());
  ExpressionRows rows(path);
  for (size_t i = 0; i < targets.size(); ++i) {
    const size_t t = targets[i];
    if (i == 0 || t != targets[i - 1] + 1) rows.go_to(places[t], t * features);
    for (size_t g = 0; g < features; ++g) {
      check(rows.next() && rows.target() == names.targets[t] && rows.gene() == names.features[g]);
      const auto numbers = rows.numbers();
      size_t k = 0;
      for_each_column([&]<class T>(Tensor<T, 2>& column) { column(i, g) = T(numbers[k++]); }, out);
    }
    report(progress, {"differential expression", i + 1, targets.size(), {}});
  }
  return out;
}

}  // namespace detail

/// Reads what write_differential_expression wrote: the same genes in the same order for each
/// target. All of it is read and checked once; a table that takes more than memory.kept_bytes is
/// then read again in blocks, for which the file has to stay as it is.
/// @param progress  told of bytes
/// @throws IoError, FormatError naming the file and what is wrong with it; Stopped
template <class = void>
ExpressionTable read_differential_expression(const std::filesystem::path& path,
                                             const ExpressionMemory& memory = {},
                                             const Progress& progress = {}) {
  detail::ExpressionRows rows(path);
  detail::ExpressionFile file{std::filesystem::absolute(path), file_stamp(path), {}, {}, {}};
  ExpressionNames& names = file.names;
  std::array<std::vector<double>, 6> numbers;  // of the columns, while they are few enough
  bool keeps = true;
  size_t n = 0;
  for (auto place = rows.place(); rows.next(); place = rows.place(), ++n) {
    if (names.targets.empty() || rows.target() != names.targets.back()) {
      report(progress, {"read", size_t(place.offset), size_t(file.stamp.bytes), {}});
      // By the text of the first target: what is far too large is not kept even until it is seen to
      // be, and what may be kept does not grow by being copied.
      if (names.targets.size() == 1) {
        const double entry = double(place.offset - file.places[0].offset) / double(n),
                     entries = double(file.stamp.bytes) / entry,
                     most = double(memory.kept_bytes) / double(expression_entry_bytes());
        keeps = keeps && entries < 2 * most;
        if (!keeps) numbers = {};
        for (auto& column : numbers)
          if (keeps) column.reserve(size_t(std::min(entries, most)));
      }
      names.targets.push_back(rows.target());
      names.target_membership.push_back(rows.count(4));
      file.places.push_back(place);
    }
    if (names.targets.size() == 1) {
      names.features.push_back(rows.gene());
      file.ref_mean.push_back(float(rows.number(3)));
    } else {
      const size_t g = n % names.features.size(), t = n / names.features.size();
      if (t + 1 != names.targets.size() || rows.gene() != names.features[g])
        throw FormatError(message("read_results: ", quoted(path.string()), ", row ", n + 1,
                                  " is of ", quoted(rows.gene()), ", expected ",
                                  quoted(names.features[g]), " of ",
                                  quoted(names.targets[std::min(t, names.targets.size() - 1)])));
    }
    names.ref_membership = rows.count(5);
    const auto row = rows.numbers();
    if (keeps && (n + 1) * expression_entry_bytes() > memory.kept_bytes) {
      keeps = false;
      numbers = {};
    }
    if (keeps)
      for (size_t k = 0; k < row.size(); ++k) numbers[k].push_back(row[k]);
  }
  const Shape<2> shape = {names.targets.size(), names.features.size()};
  if (n != shape[0] * shape[1])
    throw FormatError(message("read_results: ", quoted(path.string()), " has ", n,
                              " rows, expected ", shape[1], " genes for each of ", shape[0],
                              " targets"));
  if (!keeps) {
    ExpressionNames of_table = names;
    const auto shared = std::make_shared<const detail::ExpressionFile>(std::move(file));
    return ExpressionTable(
        std::move(of_table),
        [shared](std::span<const size_t> targets, const Progress& watcher) {
          return shared->rows(targets, watcher);
        },
        memory);
  }
  DifferentialExpression de;
  static_cast<ExpressionNames&>(de) = std::move(names);
  de.ref_mean = Tensor<float, 1>({shape[1]}, file.ref_mean);
  size_t k = 0;
  const auto fill = [&]<class T>(Tensor<T, 2>& column) {
    column = Tensor<T, 2>(shape);
    std::transform(numbers[k].begin(), numbers[k].end(), column.data(),
                   [](double x) { return T(x); });
    numbers[k++] = {};  // one of them is in memory twice, for a moment
  };
  for_each_column(fill, de);
  return ExpressionTable(std::move(de));
}

VCELL_INSTANTIATE(files,
                  ExpressionTable read_differential_expression<void>(const std::filesystem::path&,
                                                                     const ExpressionMemory&,
                                                                     const Progress&));

VCELL_END_NAMESPACE
