#include "print_scores.hpp"

#include <fmt/format.h>

#include "vcell/report/report_input.hpp"

void print_scores(const std::vector<vcell::ScoredMethod>& methods, Console& console) {
  std::vector<std::string> columns;
  for (const auto& column : methods.front().contexts.front().scores.columns)
    columns.push_back(column.name);
  std::string line = fmt::format("{:<24}", "");
  for (const auto& column : columns) line += fmt::format("  {}", column);
  console.result(line);
  for (const auto& method : methods) {
    line = fmt::format("{:<24}", method.name);
    for (const auto& column : columns) {
      const auto mean = vcell::mean_score(method, column);
      line += fmt::format("  {:>{}}", mean ? fmt::format("{:.3f}", *mean) : "-", column.size());
    }
    console.result(line);
  }
}
