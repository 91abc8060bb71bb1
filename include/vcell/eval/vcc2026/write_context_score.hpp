#pragma once

#include <algorithm>
#include <array>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/eval/result_files.hpp"
#include "vcell/eval/vcc2026/score_context.hpp"
#include "vcell/io/csv.hpp"
#include "vcell/io/number_text.hpp"

VCELL_BEGIN_NAMESPACE
namespace vcc2026 {

namespace detail {

/// Writes (perturbation, metric, value); a perturbation that a metric leaves out has no row.
template <class = void>
void write_long_scores(const std::filesystem::path& path, const ScoreTable& scores) {
  CsvTable table{{"perturbation", "metric", "value"}, {}};
  for (const ScoreColumn& column : scores.columns)
    for (size_t t = 0; t < scores.perturbations.size(); ++t)
      if (column.values[t])
        table.rows.push_back(
            {scores.perturbations[t], column.name, number_text(*column.values[t])});
  write_csv(path, table);
}

/// count, null_count, mean, std, min, max, median of a metric: of the rows that it has, NaN left
/// out of all but the count.
template <class = void>
std::array<double, 7> statistics_of(const std::vector<Score>& scores) {
  std::vector<double> numbers;
  size_t rows = 0;
  for (const Score& s : scores) {
    rows += s.has_value();
    if (s && !std::isnan(*s)) numbers.push_back(*s);
  }
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  std::array<double, 7> out = {double(rows), 0, none, none, none, none, none};
  if (numbers.empty()) return out;
  std::sort(numbers.begin(), numbers.end());
  const size_t n = numbers.size();
  out[2] = mean_of_numbers(scores);
  double squares = 0;
  for (const double x : numbers) squares += (x - out[2]) * (x - out[2]);
  if (n > 1) out[3] = std::sqrt(squares / double(n - 1));
  out[4] = numbers.front();
  out[5] = numbers.back();
  out[6] = (numbers[(n - 1) / 2] + numbers[n / 2]) / 2;
  return out;
}

/// Writes a row per statistic, a column per metric, sorted.
template <class = void>
void write_statistics(const std::filesystem::path& path, const Comparison& comparison) {
  CsvTable table{{"statistic"},
                 {{"count"}, {"null_count"}, {"mean"}, {"std"}, {"min"}, {"max"}, {"median"}}};
  const auto add = [&](std::string name, const std::array<double, 7>& values) {
    table.header.push_back(std::move(name));
    for (size_t s = 0; s < values.size(); ++s) table.rows[s].push_back(number_text(values[s]));
  };
  for (const ScoreColumn& column : comparison.scores.columns) {
    add(column.name, statistics_of(column.values));
    if (column.name != "expr_mse_unbiased_capped") continue;
    std::array<double, 7> norm;
    norm.fill(std::numeric_limits<double>::quiet_NaN());
    norm[2] = comparison.mse.norm();
    add(std::string(mse_norm_name), norm);
  }
  write_csv(path, table);
}

/// A metric of one of the halves: its value, and how many perturbations have one; the ratio of sums
/// is of no number of them.
struct HalfValue {
  std::string metric;
  double value;
  std::optional<size_t> perturbations;
};

template <class = void>
std::vector<HalfValue> values_of_half(const Comparison& half) {
  std::vector<HalfValue> out;
  for (const ScoreColumn& column : half.scores.columns) {
    size_t n = 0;
    for (const Score& s : column.values) n += s && !std::isnan(*s);
    out.push_back({column.name, mean_of_numbers(column.values), n});
    if (column.name == "expr_mse_unbiased_capped")
      out.push_back({std::string(mse_norm_name), half.mse.norm(), {}});
  }
  return out;
}

template <class = void>
void write_replicates(const std::filesystem::path& splits_path,
                      const std::filesystem::path& mean_path, const ContextScore& score) {
  std::vector<std::vector<HalfValue>> halves;
  for (const Comparison& half : score.halves) halves.push_back(values_of_half(half));
  const auto text = [](const std::optional<size_t>& n) { return n ? message(*n) : std::string(); };
  CsvTable splits{{"split_index", "seed", "metric", "value", "n_perturbations"}, {}};
  for (size_t i = 0; i < halves.size(); ++i)
    for (const HalfValue& half : halves[i])
      splits.rows.push_back({message(i), message(score.seeds[i]), half.metric,
                             number_text(half.value), text(half.perturbations)});
  write_csv(splits_path, splits);

  CsvTable means{{"metric", "replicate", "replicate_sd", "replicate_min", "replicate_max",
                  "n_perturbations_min", "n_perturbations_max", "estimator"},
                 {}};
  for (size_t m = 0; m < halves[0].size(); ++m) {
    std::vector<double> values;
    std::optional<size_t> fewest = halves[0][m].perturbations, most = fewest;
    for (const auto& half : halves) {
      if (!std::isnan(half[m].value)) values.push_back(half[m].value);
      if (fewest) fewest = std::min(*fewest, *half[m].perturbations);
      if (most) most = std::max(*most, *half[m].perturbations);
    }
    constexpr double none = std::numeric_limits<double>::quiet_NaN();
    double mean = none, deviation = none, least = none, largest = none;
    if (!values.empty()) {
      double sum = 0, squares = 0;
      for (const double x : values) sum += x;
      mean = sum / double(values.size());
      for (const double x : values) squares += (x - mean) * (x - mean);
      deviation = std::sqrt(squares / double(values.size()));
      const auto [first, last] = std::minmax_element(values.begin(), values.end());
      least = *first, largest = *last;
    }
    const std::string& name = halves[0][m].metric;
    means.rows.push_back({name, number_text(mean), number_text(deviation), number_text(least),
                          number_text(largest), text(fewest), text(most),
                          name == lfc_nmae_name ? "full_gate_raw" : "split_half_raw"});
  }
  write_csv(mean_path, means);
}

template <class = void>
void write_scaled(const std::filesystem::path& path, const ContextScore& score) {
  CsvTable table{{"metric", "from_baseline", "from_replicate", "low-random_high-1_v10"}, {}};
  for (size_t m = 0; m < n_scored; ++m)
    table.rows.push_back({std::string(scored_metrics[m].name), number_text(score.from_baseline[m]),
                          number_text(score.from_replicate[m]), number_text(score.from_random[m])});
  table.rows.push_back(
      {"avg_score", "", number_text(score.score), number_text(mean_value(score.from_random))});
  write_csv(path, table);
}

}  // namespace detail

/// Writes a context's tables as cell-eval2 calls and shapes them: results.csv (perturbation,
/// metric, value) and agg_results.csv of the prediction, baseline_results.csv and baseline_agg.csv
/// of the baseline, replicate_splits.csv and replicate_agg.csv of the halves, and score.csv.
/// @param start  folder and beginning of every file's name
/// @throws WriteError if a file cannot be written
template <class = void>
void write_context_score(const std::filesystem::path& start, const ContextScore& score) {
  const auto file = [&](const char* name) { return start.string() + name; };
  detail::write_long_scores(file("results.csv"), score.prediction.scores);
  detail::write_statistics(file("agg_results.csv"), score.prediction);
  detail::write_long_scores(file("baseline_results.csv"), score.baseline.scores);
  detail::write_statistics(file("baseline_agg.csv"), score.baseline);
  detail::write_replicates(file("replicate_splits.csv"), file("replicate_agg.csv"), score);
  detail::write_scaled(file("score.csv"), score);
}

/// The mean over contexts of their scores.
template <class = void>
double final_score(const std::vector<ContextScore>& contexts) {
  double sum = 0;
  for (const ContextScore& context : contexts) sum += context.score;
  return sum / double(contexts.size());
}

/// Writes the tables of every context into a folder, which is there, with prefixes where there are
/// several (see result_files), and final_score.csv: a row per context, a column for each metric's
/// score between baseline and replicate, their mean as avg_score, and its mean over contexts in the
/// row `final`.
/// @throws WriteError if a file cannot be written
template <class = void>
void write_scores(const std::filesystem::path& folder, const std::vector<ContextScore>& contexts) {
  std::vector<std::string> names;
  for (const ContextScore& context : contexts) names.push_back(context.context);
  const auto files = result_files(names);
  CsvTable table{{"context"}, {}};
  for (const ScoredMetric& metric : scored_metrics) table.header.emplace_back(metric.name);
  table.header.push_back("avg_score");
  for (size_t c = 0; c < contexts.size(); ++c) {
    write_context_score(folder / files[c].prefix, contexts[c]);
    table.rows.push_back({names[c]});
    for (const double x : contexts[c].from_replicate) table.rows.back().push_back(number_text(x));
    table.rows.back().push_back(number_text(contexts[c].score));
  }
  table.rows.push_back({"final"});
  table.rows.back().resize(table.header.size() - 1);
  table.rows.back().push_back(number_text(final_score(contexts)));
  write_csv(folder / "final_score.csv", table);
}

VCELL_INSTANTIATE(files, void write_scores<void>(const std::filesystem::path&,
                                                 const std::vector<ContextScore>&));
VCELL_INSTANTIATE(files, void write_context_score<void>(const std::filesystem::path&,
                                                        const ContextScore&));

}  // namespace vcc2026
VCELL_END_NAMESPACE
