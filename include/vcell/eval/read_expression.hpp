#pragma once

#include <algorithm>
#include <array>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/eval/write_expression.hpp"
#include "vcell/io/csv_number.hpp"
#include "vcell/io/file_stamp.hpp"

VCELL_BEGIN_NAMESPACE

/// Which columns the file of a table of differential expression must have.
enum class ExpressionColumns {
  own,  ///< those that write_differential_expression writes, pdex's
  /// target, feature, log2_fold_change and fdr; for these and others the names `fold_change` (a
  /// ratio, whose logarithm is taken), `p_adj` and `reference_mean` do as well. Numbers that are
  /// not there are NaN, and groups have 0 cells.
  any,
};

namespace detail {

/// The rows of a file of a table of differential expression, one after the other.
class ExpressionRows {
 public:
  /// @throws IoError, FormatError if it cannot be read or lacks a column
  template <class = void>
  ExpressionRows(const std::filesystem::path& path, ExpressionColumns columns);

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
  float ref_mean() const { return float(number(3)); }
  template <class = void>
  size_t count(size_t c) const;
  size_t target_membership() const { return count(4); }
  size_t ref_membership() const { return count(5); }
  /// The numbers of the columns that for_each_column names, in its order.
  template <class = void>
  std::array<double, 6> numbers() const {
    const double change = is_ratio_ ? std::log2(number(6)) : number(6);
    return {number(2), change, number(7), number(8), number(9), number(10)};
  }
  /// An error about the row that was read last.
  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    throw FormatError(message("read_results: ", quoted(path_.string()), ", row ", rows_, parts...));
  }

 private:
  static constexpr size_t none = ~size_t(0);

  /// A number, by its place in differential_expression_columns; NaN where there is no such column,
  /// or an empty field in a table of any program, which is how data frames write it.
  template <class = void>
  double number(size_t c) const {
    if (column_[c] == none || (columns_ == ExpressionColumns::any && fields_[column_[c]].empty()))
      return std::numeric_limits<double>::quiet_NaN();
    return csv_number("read_results", path_, header_.header, fields_, rows_ - 1, column_[c]);
  }

  std::filesystem::path path_;
  CsvReader reader_;
  ExpressionColumns columns_;
  CsvTable header_;  // without rows
  std::array<size_t, 11> column_{};
  bool is_ratio_ = false;  // of fold changes, not their logarithm
  std::vector<std::string> fields_;
  size_t rows_ = 0;
};

template <class>
ExpressionRows::ExpressionRows(const std::filesystem::path& path, ExpressionColumns columns)
    : path_(path), reader_(path), columns_(columns) {
  header_.header = reader_.header();
  const auto& header = header_.header;
  const auto find = [&](const char* name) {
    const auto found = std::find(header.begin(), header.end(), name);
    return found == header.end() ? none : size_t(found - header.begin());
  };
  for (size_t c = 0; c < column_.size(); ++c) column_[c] = find(differential_expression_columns[c]);
  const auto need = [&](size_t c) {
    if (column_[c] == none) header_.column(differential_expression_columns[c]);  // which throws
  };
  if (columns == ExpressionColumns::own) {
    for (size_t c = 0; c < column_.size(); ++c) need(c);
    return;
  }
  if (column_[3] == none) column_[3] = find("reference_mean");
  if (column_[10] == none) column_[10] = find("p_adj");
  if (column_[6] == none && (column_[6] = find("fold_change")) != none) is_ratio_ = true;
  for (const size_t c : {0, 1, 6, 10}) need(c);
}

template <class>
size_t ExpressionRows::count(size_t c) const {
  if (column_[c] == none) return 0;
  const double number = this->number(c);
  if (number >= 0 && number < 1e15 && number == std::floor(number)) return size_t(number);
  fail(", column ", quoted(header_.header[column_[c]]), " holds ", number,
       ", expected a number of cells");
}

/// Where genes are in a table: quickly where rows have them in the same order for every target.
class GenePlaces {
 public:
  /// The place of a gene, which is made for one that is new.
  template <class = void>
  size_t place(const std::string& gene, std::vector<std::string>& genes) {
    if (++last_ >= genes.size()) last_ = 0;
    if (!genes.empty() && genes[last_] == gene) return last_;
    const auto [found, is_new] = places_.try_emplace(gene, genes.size());
    if (is_new) genes.push_back(gene);
    return last_ = found->second;
  }
  template <class = void>
  void learn(const std::vector<std::string>& genes) {
    for (size_t g = 0; g < genes.size(); ++g) places_.emplace(genes[g], g);
  }

 private:
  std::unordered_map<std::string, size_t> places_;
  size_t last_ = ~size_t(0);
};

/// A file that was read through once, and is read again for each block.
struct ExpressionFile {
  std::filesystem::path path;  // absolute
  FileStamp stamp;
  ExpressionColumns columns;
  ExpressionNames names;
  std::vector<float> ref_mean;
  std::vector<CsvReader::Place> places;  // beside the targets: of the first row of each
  std::vector<size_t> rows_before;       // (targets + 1)

  bool is_complete() const {
    return rows_before.back() == names.targets.size() * names.features.size();
  }
  /// A table of some of its targets, whose rows are not there yet.
  template <class = void>
  DifferentialExpression empty_table(std::span<const size_t> targets) const;
  /// @throws IoError if it is not the file any more that was read through
  template <class = void>
  DifferentialExpression rows(std::span<const size_t> targets, const Progress& progress) const;
};

/// Fills a row of a table.
template <class = void>
void put_row(DifferentialExpression& de, size_t t, size_t g, const std::array<double, 6>& numbers) {
  size_t k = 0;
  for_each_column([&]<class T>(Tensor<T, 2>& column) { column(t, g) = T(numbers[k++]); }, de);
  if (de.is_kept.count()) de.is_kept(t, g) = 1;
}

template <class>
DifferentialExpression ExpressionFile::empty_table(std::span<const size_t> targets) const {
  DifferentialExpression out = make_expression(select_names(names, targets));
  std::copy(ref_mean.begin(), ref_mean.end(), out.ref_mean.data());
  if (is_complete()) return out;
  out.is_kept = Tensor<uint8_t, 2>(out.fdr.shape());
  for (double& rate : out.fdr.values()) rate = std::numeric_limits<double>::quiet_NaN();
  return out;
}

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
  DifferentialExpression out = empty_table(targets);
  std::vector<std::string> genes = names.features;
  GenePlaces gene_places;
  gene_places.learn(genes);
  ExpressionRows rows(path, columns);
  for (size_t i = 0; i < targets.size(); ++i) {
    const size_t t = targets[i];
    if (i == 0 || t != targets[i - 1] + 1) rows.go_to(places[t], rows_before[t]);
    for (size_t n = rows_before[t]; n < rows_before[t + 1]; ++n) {
      check(rows.next() && rows.target() == names.targets[t]);
      const size_t g = gene_places.place(rows.gene(), genes);
      check(g < names.features.size());
      put_row(out, i, g, rows.numbers());
    }
    report(progress, {"differential expression", i + 1, targets.size(), {}});
  }
  return out;
}

}  // namespace detail

/// Reads what write_differential_expression wrote, or a table of pdex or cell-eval: rows of one
/// target follow each other; a target may lack genes that a filter took out
/// (DifferentialExpression::is_kept). All of it is read and checked once; a table that takes more
/// than memory.kept_bytes is then read again in blocks, for which the file has to stay as it is.
/// @param progress  told of bytes
/// @return          targets and features in the order in which the file names them
/// @throws IoError, FormatError naming the file and what is wrong with it; Stopped
template <class = void>
ExpressionTable read_differential_expression(const std::filesystem::path& path,
                                             const ExpressionMemory& memory = {},
                                             const Progress& progress = {},
                                             ExpressionColumns columns = ExpressionColumns::own) {
  detail::ExpressionRows rows(path, columns);
  detail::ExpressionFile file{
      std::filesystem::absolute(path), file_stamp(path), columns, {}, {}, {}, {0}};
  ExpressionNames& names = file.names;
  std::array<std::vector<double>, 6> numbers;  // of the columns, while they are few enough
  std::vector<uint32_t> genes;                 // beside them
  std::unordered_map<std::string, size_t> seen_targets;
  std::vector<size_t> last_target;  // of the features: where it was met last, + 1
  detail::GenePlaces gene_places;
  bool keeps = true;
  const auto forget = [&] {
    keeps = false;
    numbers = {};
    genes = {};
  };
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
        if (entries >= 2 * most) forget();
        for (auto& column : numbers)
          if (keeps) column.reserve(size_t(std::min(entries, most)));
      }
      if (!seen_targets.try_emplace(rows.target(), names.targets.size()).second)
        rows.fail(" is of ", quoted(rows.target()), " again, expected all rows of a target ",
                  "together; sort the table by target");
      if (!names.targets.empty()) file.rows_before.push_back(n);
      names.targets.push_back(rows.target());
      names.target_membership.push_back(rows.target_membership());
      file.places.push_back(place);
      if (names.targets.size() == 1) names.ref_membership = rows.ref_membership();
    }
    const size_t g = gene_places.place(rows.gene(), names.features);
    const float ref_mean = rows.ref_mean();
    if (g == file.ref_mean.size()) {
      file.ref_mean.push_back(ref_mean);
      last_target.push_back(0);
    }
    if (std::exchange(last_target[g], names.targets.size()) == names.targets.size())
      rows.fail(" is of ", quoted(rows.gene()), " again, expected each gene of ",
                quoted(rows.target()), " once");
    const bool is_same = file.ref_mean[g] == ref_mean || std::isnan(ref_mean);
    if (!is_same || rows.ref_membership() != names.ref_membership)
      rows.fail(" has another mean or number of reference cells than rows before it have of ",
                quoted(rows.gene()), "; expected a table in which all targets are compared with ",
                "the same cells");
    const auto row = rows.numbers();
    if (keeps && (n + 1) * expression_entry_bytes() > memory.kept_bytes) forget();
    if (!keeps) continue;
    genes.push_back(uint32_t(g));
    for (size_t k = 0; k < row.size(); ++k) numbers[k].push_back(row[k]);
  }
  if (!names.targets.empty()) file.rows_before.push_back(n);
  const size_t targets = names.targets.size();
  if (keeps && targets * names.features.size() * expression_entry_bytes() > memory.kept_bytes)
    forget();
  if (!keeps) {
    ExpressionNames of_table = names;
    return ExpressionTable(
        std::move(of_table),
        [file = std::move(file)](std::span<const size_t> asked, const Progress& watcher) {
          return file.rows(asked, watcher);
        },
        memory);
  }
  const auto all = detail::places(targets);
  DifferentialExpression de = file.empty_table(all);
  for (size_t t = 0; t < targets; ++t)
    for (size_t i = file.rows_before[t]; i < file.rows_before[t + 1]; ++i) {
      std::array<double, 6> row;
      for (size_t k = 0; k < row.size(); ++k) row[k] = numbers[k][i];
      detail::put_row(de, t, genes[i], row);
    }
  return ExpressionTable(std::move(de));
}

VCELL_INSTANTIATE(files, ExpressionTable read_differential_expression<void>(
                             const std::filesystem::path&, const ExpressionMemory&, const Progress&,
                             ExpressionColumns));

VCELL_END_NAMESPACE
