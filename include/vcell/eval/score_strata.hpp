#pragma once

#include <algorithm>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/eval/evaluate.hpp"
#include "vcell/eval/select_genes.hpp"

VCELL_BEGIN_NAMESPACE

namespace detail {

/// The strata of perturbations by a number each has: those with one alone.
struct PerturbationStrata {
  std::string by;
  std::vector<double> bounds;  // ascending; the first at most the least number, the last beyond all

  /// @param numbers  of each pair of context and perturbation
  /// @param scores   (metrics, pairs)
  template <class = void>
  void add(std::span<const double> numbers, const std::vector<std::vector<Score>>& scores,
           ScoreStrata& out) const {
    for (size_t b = 0; b + 1 < bounds.size(); ++b) {
      ScoreStratum stratum{by, bounds[b], bounds[b + 1], 0, {}};
      std::vector<size_t> places;
      for (size_t i = 0; i < numbers.size(); ++i)
        if (numbers[i] >= stratum.low && numbers[i] < stratum.high) places.push_back(i);
      stratum.size = places.size();
      if (places.empty()) continue;
      for (const auto& column : scores) {
        std::vector<Score> some;
        for (const size_t i : places) some.push_back(column[i]);
        stratum.means.push_back(summarise(some)[summary_mean]);
      }
      out.strata.push_back(std::move(stratum));
    }
  }
};

}  // namespace detail

/// Mean scores of parts of what was scored: of perturbations by how many genes are differentially
/// expressed in the observed cells (none, below 10, below 100, more) and by how many cells were
/// observed (below 30, 100, 300, more), and of genes by thirds of their mean in the observed
/// controls (metrics that read mean cells alone; not those in an embedding, of which genes have no
/// part). So that a mean that strong perturbations carry is
/// seen to be one.
///
/// Means are over pairs of perturbation and context, of metrics that have a score for each.
/// @param real, predicted  as evaluate() has them
/// @param evaluation       what it said of them
/// @param options          as they were evaluated by
/// @throws ConfigError if the sides differ; Stopped
template <class = void>
ScoreStrata score_strata(const std::vector<EvaluationSide>& real,
                         const std::vector<EvaluationSide>& predicted, const Evaluation& evaluation,
                         const EvaluationOptions& options = {}) {
  check_size_match("score_strata", "contexts of real", real.size(), "contexts of predicted",
                   predicted.size());
  check_size_match("score_strata", "contexts of real", real.size(), "contexts of the evaluation",
                   evaluation.contexts.size());
  const bool has_embedding = std::any_of(real.begin(), real.end(),
                                         [](const EvaluationSide& s) { return bool(s.embedding); });
  std::vector<Metric> metrics, of_means;
  for (const Metric& metric : options.metrics.empty() ? metrics_of("vcell") : options.metrics) {
    if (metric.is_of_all()) continue;
    metrics.push_back(metric);
    if (metric.reads == MetricReads::means ||
        (metric.reads == MetricReads::embedding && !has_embedding))
      of_means.push_back(metric);
  }
  ScoreStrata out;
  std::vector<std::vector<Score>> scores(metrics.size());
  std::vector<double> de_genes, cells;
  for (size_t m = 0; m < metrics.size(); ++m) out.metrics.push_back(metrics[m].name);
  for (const ContextEvaluation& context : evaluation.contexts) {
    for (size_t m = 0; m < metrics.size(); ++m) {
      const auto& column = context.scores.column(metrics[m].name);
      scores[m].insert(scores[m].end(), column.begin(), column.end());
    }
    const auto count = [&](size_t, const DifferentialExpression& de) {
      for (size_t t = 0; t < de.targets.size(); ++t)
        de_genes.push_back(double(significant_genes(de, t, options.alpha).size()));
    };
    for_each_expression_block(context.real_de, count, options.progress);
    for (const size_t n : context.real_de.target_membership()) cells.push_back(double(n));
  }
  constexpr double beyond = std::numeric_limits<double>::infinity();
  detail::PerturbationStrata{"de_genes", {0, 1, 10, 100, beyond}}.add(de_genes, scores, out);
  detail::PerturbationStrata{"cells", {0, 30, 100, 300, beyond}}.add(cells, scores, out);
  if (of_means.empty() || real.empty() || real[0].genes().empty()) return out;

  // Genes by their mean over the controls of all contexts, equal ones by their place.
  const size_t genes = real[0].genes().size();
  std::vector<double> level(genes, 0.0);
  for (const EvaluationSide& side : real)
    for (size_t g = 0; g < genes; ++g) level[g] += side.control(g) / double(real.size());
  std::vector<size_t> order(genes);
  std::iota(order.begin(), order.end(), size_t(0));
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return level[a] < level[b]; });
  constexpr size_t parts = 3;
  for (size_t part = 0; part < parts; ++part) {
    const size_t first = part * genes / parts, last = (part + 1) * genes / parts;
    if (first == last) continue;
    std::vector<size_t> some(order.begin() + std::ptrdiff_t(first),
                             order.begin() + std::ptrdiff_t(last));
    std::sort(some.begin(), some.end());
    ScoreStratum stratum{"expression",
                         level[order[first]],
                         last < genes ? level[order[last]] : beyond,
                         last - first,
                         {}};
    std::vector<std::vector<Score>> of_part(of_means.size());
    for (size_t c = 0; c < real.size(); ++c) {
      const EvaluationSide a = select_genes(real[c], some), b = select_genes(predicted[c], some);
      const auto columns =
          score_columns(of_means, a, b, {options.alpha, &options.symbols, options.progress});
      for (size_t m = 0; m < of_means.size(); ++m)
        of_part[m].insert(of_part[m].end(), columns[m].values.begin(), columns[m].values.end());
    }
    for (const Metric& metric : metrics) {
      Score mean;
      for (size_t m = 0; m < of_means.size(); ++m)
        if (of_means[m].name == metric.name) mean = summarise(of_part[m])[summary_mean];
      stratum.means.push_back(mean);
    }
    out.strata.push_back(std::move(stratum));
  }
  return out;
}

VCELL_INSTANTIATE(pipeline,
                  ScoreStrata score_strata<void>(const std::vector<EvaluationSide>&,
                                                 const std::vector<EvaluationSide>&,
                                                 const Evaluation&, const EvaluationOptions&));

VCELL_END_NAMESPACE
