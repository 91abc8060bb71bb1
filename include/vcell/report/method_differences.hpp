#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vcell/eval/paired_difference.hpp"
#include "vcell/io/csv.hpp"
#include "vcell/io/number_text.hpp"
#include "vcell/report/report_input.hpp"

VCELL_BEGIN_NAMESPACE

/// How the first method differs from another one in a score.
struct MethodDifference {
  std::string score, other;
  std::optional<PairedDifference> found;  ///< null with too few perturbations
};

/// The differences of the first method from each other one (paired_difference), score by score: of
/// those that have a value for each perturbation.
template <class = void>
std::vector<MethodDifference> method_differences(const ReportInput& input) {
  const auto methods = methods_of(input);
  const auto tables = [](const ScoredMethod& method, const std::string& score) {
    std::vector<std::pair<std::string, const ScoreTable*>> out;
    for (const ScoredContext& c : method.contexts)
      if (detail::column_of(&c.scores, score)) out.emplace_back(c.context, &c.scores);
    return out;
  };
  std::vector<MethodDifference> out;
  for (const std::string& score : detail::score_names(input)) {
    const Metric metric = metric_of(input, score);
    if (!metric.scores && !metric.of_target) continue;  // one value of all, or not known
    for (size_t m = 1; m < methods.size(); ++m)
      out.push_back(
          {score, methods[m].name,
           paired_difference(tables(methods[0], score), tables(methods[m], score), score)});
  }
  return out;
}

/// Writes them: the method less the other one, with an interval of about 95 %; empty fields with
/// too few perturbations.
/// @throws WriteError if the file cannot be written
template <class = void>
void write_differences(const std::filesystem::path& path, const ReportInput& input) {
  CsvTable table{{"metric", "method", "other", "difference", "low", "high", "perturbations"}, {}};
  for (const auto& [score, other, found] : method_differences(input)) {
    table.rows.push_back({score, input.method, other, "", "", "", ""});
    if (!found) continue;
    table.rows.back()[3] = number_text(found->difference);
    table.rows.back()[4] = number_text(found->low);
    table.rows.back()[5] = number_text(found->high);
    table.rows.back()[6] = number_text(double(found->names));
  }
  write_csv(path, table);
}

VCELL_END_NAMESPACE
