#include "print_scores.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "vcell/report/report_input.hpp"

void print_scores(const std::vector<vcell::ScoredMethod>& methods, Console& console) {
  std::vector<std::string> columns;
  for (const auto& column : methods.front().contexts.front().scores.columns)
    columns.push_back(column.name);
  const auto text = [](const vcell::ScoredMethod& method, const std::string& column) {
    const auto mean = vcell::mean_score(method, column);
    return mean ? fmt::format("{:.3f}", *mean) : std::string("-");
  };
  std::string line;
  constexpr size_t most = 8;  // of them fit in a line
  if (columns.size() > most) {
    line = fmt::format("{:<28}", "");
    for (const auto& method : methods) line += fmt::format("  {:>10}", method.name);
    console.result(line);
    for (const auto& column : columns) {
      line = fmt::format("{:<28}", column);
      for (const auto& method : methods)
        line +=
            fmt::format("  {:>{}}", text(method, column), std::max<size_t>(10, method.name.size()));
      console.result(line);
    }
    return;
  }
  line = fmt::format("{:<24}", "");
  for (const auto& column : columns) line += fmt::format("  {}", column);
  console.result(line);
  for (const auto& method : methods) {
    line = fmt::format("{:<24}", method.name);
    for (const auto& column : columns)
      line += fmt::format("  {:>{}}", text(method, column), column.size());
    console.result(line);
  }
}
