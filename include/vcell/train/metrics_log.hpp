#pragma once

#include <charconv>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "vcell/io/csv.hpp"
#include "vcell/io/number_text.hpp"
#include "vcell/train/train_state.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

constexpr std::string_view metrics_header =
    "step,train_loss,validation_loss,learning_rate,gradient_norm";

/// The lines of steps 1 .. done out of a log that may have been cut off within a line.
template <class = void>
std::string metrics_until(const std::filesystem::path& path, uint64_t done) {
  const auto fail = [&](const auto&... parts) {
    throw FormatError(message("MetricsLog: ", quoted(path.string()), ": ", parts...,
                              "; without it the run cannot go on, start it anew"));
  };
  const std::string whole = read_text(path);
  const std::string_view text = whole;
  if (!text.starts_with(message(metrics_header, '\n')))
    fail("expected the header ", metrics_header);
  size_t end = metrics_header.size() + 1;
  for (uint64_t step = 1; step <= done; ++step) {
    const size_t next = text.find('\n', end);
    if (next == text.npos || !text.substr(end).starts_with(message(step, ',')))
      fail("the row of step ", step, " is not there, though the checkpoint is of step ", done);
    end = next + 1;
  }
  return whole.substr(0, end);
}

}  // namespace detail

/// A log of training: one CSV line a step, written as it comes, without any clock time, so that
/// equal runs leave equal bytes.
///
///   MetricsLog log("run/metrics.csv", trainer.state().step);
///   trainer.run(task, {.metrics = [&](const MetricsRow& row) { log.add(row); }});
class MetricsLog {
 public:
  /// @param done  0: a new log, in place of any old one. Else the log goes on after that step, and
  ///              rows of later steps, which a killed run left, are dropped.
  /// @throws IoError if it cannot be read or written; FormatError if rows up to `done` are missing
  template <class = void>
  explicit MetricsLog(const std::filesystem::path& path, uint64_t done = 0) : path_(path.string()) {
    write_text(path,
               done ? detail::metrics_until(path, done) : message(detail::metrics_header, '\n'));
    file_.open(path, std::ios::binary | std::ios::app);
    check();
  }

  /// Appends a row; it is with the system when this returns.
  /// @throws IoError if the file cannot be written
  template <class = void>
  void add(const MetricsRow& row) {
    char line[160];  // five numbers of at most 25 characters; no allocation
    char* end = line;
    const auto put = [&](auto value, char after) {
      end = std::to_chars(end, line + sizeof line, value).ptr;
      *end++ = after;
    };
    put(row.step, ',');
    put(row.train_loss, ',');
    if (row.validation_loss)
      put(*row.validation_loss, ',');
    else
      *end++ = ',';
    put(row.learning_rate, ',');
    put(row.gradient_norm, '\n');
    file_.write(line, end - line);
    file_.flush();
    check();
  }

 private:
  template <class = void>
  void check() const {
    if (!file_)
      throw WriteError(message("MetricsLog: cannot write ", quoted(path_), "; has the disk room?"));
  }

  std::string path_;
  std::ofstream file_;
};

/// Reads a log back.
/// @throws IoError; FormatError naming file, row and column
template <class = void>
std::vector<MetricsRow> read_metrics(const std::filesystem::path& path) {
  const CsvTable table = read_csv(path);
  std::vector<MetricsRow> rows(table.rows.size());
  const size_t columns[] = {table.column("step"), table.column("train_loss"),
                            table.column("validation_loss"), table.column("learning_rate"),
                            table.column("gradient_norm")};
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto read = [&](size_t column) {
      const std::string& text = table.rows[i][columns[column]];
      const auto value = parse_number(text);
      if (!value)
        throw FormatError(message("read_metrics: ", quoted(path.string()), ", row ", i + 1,
                                  ", column ", quoted(table.header[columns[column]]), ": ",
                                  quoted(text), ", expected a number"));
      return *value;
    };
    if (read(0) != double(i + 1))
      throw FormatError(message("read_metrics: ", quoted(path.string()), ", row ", i + 1,
                                " is of step ", read(0), ", expected a row a step"));
    rows[i].step = i + 1;
    rows[i].train_loss = read(1);
    if (!table.rows[i][columns[2]].empty()) rows[i].validation_loss = read(2);
    rows[i].learning_rate = read(3);
    rows[i].gradient_norm = read(4);
  }
  return rows;
}

VCELL_END_NAMESPACE
