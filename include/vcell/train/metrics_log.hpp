#pragma once

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vcell/io/csv.hpp"
#include "vcell/io/csv_number.hpp"
#include "vcell/train/train_state.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

constexpr std::string_view metrics_header =
    "step,train_loss,validation_loss,learning_rate,gradient_norm,pearson_delta,discrimination";

/// What the lines of a log begin with: of a log of members also whose they are.
template <class = void>
std::string metrics_start(bool members, uint64_t member, uint64_t step) {
  return members ? message(member, ',', step, ',') : message(step, ',');
}

/// The lines of steps 1 .. done[m] of every member m + 1, out of a log that may have been cut off
/// within a line.
template <class = void>
std::string metrics_until(const std::filesystem::path& path, std::span<const uint64_t> done,
                          bool members) {
  const auto fail = [&](const auto&... parts) {
    throw FormatError(message("MetricsLog: ", quoted(path.string()), ": ", parts...,
                              "; without it the run cannot go on, start it anew"));
  };
  const std::string whole = read_text(path);
  const std::string_view text = whole;
  const std::string header = message(members ? "member," : "", metrics_header);
  if (!text.starts_with(header + '\n')) fail("expected the header ", header);
  size_t end = header.size() + 1;
  for (size_t m = 0; m < done.size(); ++m)
    for (uint64_t step = 1; step <= done[m]; ++step) {
      const size_t next = text.find('\n', end);
      if (next == text.npos || !text.substr(end).starts_with(metrics_start(members, m + 1, step)))
        fail("the row of step ", step, members ? message(" of member ", m + 1) : "",
             " is not there, though the checkpoint is of step ", done[m]);
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
    open(path, {&done, 1});
  }
  /// A log of several models that are trained in turn, which has a column `member`.
  /// @param done  the steps of each, up to the one that is trained next; no steps at all: a new log
  template <class = void>
  MetricsLog(const std::filesystem::path& path, std::span<const uint64_t> done)
      : path_(path.string()), members_(true) {
    open(path, done);
  }

  /// Appends a row; it is with the system when this returns.
  /// @throws IoError if the file cannot be written
  template <class = void>
  void add(const MetricsRow& row) {
    char line[224];  // eight numbers of at most 25 characters; no allocation
    char* end = line;
    const auto put = [&](auto value, char after) {
      end = std::to_chars(end, line + sizeof line, value).ptr;
      *end++ = after;
    };
    if (members_) put(row.member, ',');
    put(row.step, ',');
    put(row.train_loss, ',');
    const auto put_if_there = [&](const std::optional<double>& value, char after) {
      if (value)
        put(*value, after);
      else
        *end++ = after;
    };
    put_if_there(row.validation_loss, ',');
    put(row.learning_rate, ',');
    put(row.gradient_norm, ',');
    put_if_there(row.pearson_delta, ',');
    put_if_there(row.discrimination, '\n');
    file_.write(line, end - line);
    file_.flush();
    check();
  }

 private:
  template <class = void>
  void open(const std::filesystem::path& path, std::span<const uint64_t> done) {
    const bool anew = std::all_of(done.begin(), done.end(), [](uint64_t n) { return n == 0; });
    write_text(path, anew ? message(members_ ? "member," : "", detail::metrics_header, '\n')
                          : detail::metrics_until(path, done, members_));
    file_.open(path, std::ios::binary | std::ios::app);
    check();
  }
  template <class = void>
  void check() const {
    if (!file_)
      throw WriteError(message("MetricsLog: cannot write ", quoted(path_), "; has the disk room?"));
  }

  std::string path_;
  bool members_ = false;
  std::ofstream file_;
};

/// Reads a log back.
/// @throws IoError; FormatError naming file, row and column
template <class = void>
std::vector<MetricsRow> read_metrics(const std::filesystem::path& path) {
  const CsvTable table = read_csv(path);
  std::vector<MetricsRow> rows(table.rows.size());
  const size_t columns[] = {table.column("step"), table.column("train_loss"),
                            table.column("learning_rate"), table.column("gradient_norm")};
  const auto has = [&](const char* name) {
    return std::find(table.header.begin(), table.header.end(), name) != table.header.end();
  };
  const bool members = has("member");
  const size_t member = members ? table.column("member") : 0;
  std::vector<std::pair<size_t, std::optional<double> MetricsRow::*>> measured = {
      {table.column("validation_loss"), &MetricsRow::validation_loss}};
  if (has("pearson_delta")) {  // else a log of before there were metrics
    measured.emplace_back(table.column("pearson_delta"), &MetricsRow::pearson_delta);
    measured.emplace_back(table.column("discrimination"), &MetricsRow::discrimination);
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto read = [&](size_t column) {
      return csv_number("read_metrics", path, table.header, table.rows[i], i, column);
    };
    const MetricsRow before = i ? rows[i - 1] : MetricsRow();
    const bool next = members && i && read(member) == double(before.member + 1);
    rows[i].member = before.member + next;
    rows[i].step = next ? 1 : before.step + 1;
    if ((members && read(member) != double(rows[i].member)) ||
        read(columns[0]) != double(rows[i].step))
      throw FormatError(message("read_metrics: ", quoted(path.string()), ", row ", i + 1,
                                " is of step ", read(columns[0]),
                                members ? message(" of member ", read(member)) : "",
                                ", expected a row a step"));
    rows[i].train_loss = read(columns[1]);
    for (const auto& [column, field] : measured)
      if (!table.rows[i][column].empty()) rows[i].*field = read(column);
    rows[i].learning_rate = read(columns[2]);
    rows[i].gradient_norm = read(columns[3]);
  }
  return rows;
}

VCELL_END_NAMESPACE
