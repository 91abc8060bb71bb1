#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "vcell/eval/diagnose.hpp"
#include "vcell/report/plots.hpp"
#include "vcell/report/score_tables.hpp"

namespace vcell::inline VCELL_ABI {
namespace detail {

inline std::string section(std::string_view id, std::string_view heading,
                           const std::string& inside) {
  return fmt::format(
      "<section id=\"{0}\" aria-labelledby=\"{0}-h\">\n<h2 id=\"{0}-h\">{1}</h2>\n{2}"
      "</section>\n",
      id, heading, inside);
}

/// A perturbation of one context.
struct Place {
  const ContextEvaluation* context = nullptr;
  size_t target = 0;
  size_t significant = 0;  // genes in the observed cells
  double size = 0;         // of the observed shift
};

/// "STAT1", or "STAT1 in rep_3" where there are several contexts.
inline std::string name_of(const Place& place, const ReportInput& input) {
  const std::string& target = place.context->real_de.targets[place.target];
  return input.evaluation.contexts.size() < 2
             ? target
             : fmt::format("{} in {}", target, place.context->context);
}

/// All perturbations of all contexts, those that change most genes first.
inline std::vector<Place> by_strength(const ReportInput& input) {
  std::vector<Place> out;
  for (const ContextEvaluation& context : input.evaluation.contexts) {
    const auto shift = mean_shift(context.real_de);
    for (size_t t = 0; t < context.real_de.targets.size(); ++t)
      out.push_back(
          {&context, t, significant_genes(context.real_de, t).size(), norm_of_row(shift, t)});
  }
  std::stable_sort(out.begin(), out.end(), [](const Place& a, const Place& b) {
    return std::pair(a.significant, a.size) > std::pair(b.significant, b.size);
  });
  return out;
}

inline OverlapCounts overlap_counts(const Place& place, const ReportInput& input) {
  auto real = significant_genes(place.context->real_de, place.target);
  auto predicted = significant_genes(place.context->predicted_de, place.target);
  std::sort(real.begin(), real.end());
  std::sort(predicted.begin(), predicted.end());
  std::vector<uint32_t> both;
  std::set_intersection(real.begin(), real.end(), predicted.begin(), predicted.end(),
                        std::back_inserter(both));
  return {name_of(place, input), both.size(), real.size() - both.size(),
          predicted.size() - both.size()};
}

/// The strongest genes of the observed cells with an arrow each; bold where the predicted cells
/// have them too, in the same direction.
inline std::string strongest_genes(const Place& place, size_t most) {
  const auto& real = place.context->real_de;
  const auto& predicted = place.context->predicted_de;
  std::string out;
  size_t shown = 0;
  for (uint32_t gene : significant_genes(real, place.target)) {
    if (shown++ == most) break;
    const double change = real.log2_fold_change(place.target, gene);
    const bool found = float(predicted.fdr(place.target, gene)) < 0.05f &&
                       change * predicted.log2_fold_change(place.target, gene) > 0;
    const std::string text = fmt::format("{}\u00A0{}", escape_html(real.features[gene]),
                                         change > 0 ? "\u2191" : "\u2193");
    out += (out.empty() ? "" : ", ") + (found ? "<b>" + text + "</b>" : text);
  }
  return out.empty() ? "\u2013" : out;
}

/// "than control copy in 4 of 5 (equal in 1)": in how many mean scores the model is better.
inline std::string comparison(const ReportInput& input, const ScoredMethod& model,
                              const ScoredMethod& baseline) {
  size_t better = 0, equal = 0, all = 0;
  for (const std::string& name : score_names(input)) {
    const int direction = score_info(name).direction;
    const Score a = mean_of_means(model, name), b = mean_of_means(baseline, name);
    if (!direction || !a || !b || std::isnan(*a) || std::isnan(*b)) continue;
    ++all;
    if (show(a, 3) == show(b, 3))
      ++equal;
    else
      better += *a * direction > *b * direction;
  }
  return fmt::format("than <b>{}</b> in {} of {}{}", spoken(baseline.name), better, all,
                     equal ? fmt::format(" (equal in {})", equal) : "");
}

inline std::string_view baseline_meaning(std::string_view name) {
  if (name == "control_copy") return "predicted cells are control cells; nothing happens.";
  if (name == "perturbation_mean")
    return "control cells plus the shift of the same perturbation, mean over the contexts it was "
           "trained in.";
  if (name == "context_mean")
    return "control cells plus the mean shift of all perturbations that were trained in the same "
           "context.";
  return "";
}

}  // namespace detail

/// What was scored, and how the model compares, in a few sentences.
inline std::string summary_section(const ReportInput& input) {
  const auto methods = methods_of(input);
  size_t cells = 0;
  for (const ContextEvaluation& c : input.evaluation.contexts)
    for (size_t n : c.real_de.target_membership) cells += n;
  const size_t contexts = input.evaluation.contexts.size();
  std::string where;
  if (contexts > 1)
    where = fmt::format(" in {} contexts", contexts);
  else if (contexts == 1 && !input.evaluation.contexts[0].context.empty())
    where = fmt::format(" in context {}", escape_html(input.evaluation.contexts[0].context));
  std::string out = fmt::format(
      "<p>Predictions of <b>{}</b> for {}{} are compared with {} that were not used in training."
      "</p>\n",
      detail::spoken(input.model), counted(detail::predicted_by(methods[0]), "perturbation"), where,
      counted(cells, "observed cell"));
  if (methods.size() > 1) {
    out += "<p>Its mean scores are better ";
    for (size_t m = 1; m < methods.size(); ++m) {
      const char* join = m == 1 ? "" : m + 1 == methods.size() ? ", and " : ", ";
      out += join + detail::comparison(input, methods[0], methods[m]);
    }
    out += ".</p>\n";
  }
  out += mean_score_table(input);
  out += fmt::format(
      "<p class=\"note\">Mean over perturbations{}; the best value of each row is bold. "
      "What the scores mean is explained at the end.</p>\n",
      contexts > 1 ? " of each context, then over contexts" : "");
  return detail::section("summary", "Mean scores", out);
}

/// What a reader has to know before trusting a score.
inline std::string warning_section(const ReportInput& input) {
  std::vector<std::string> all = input.warnings;
  for (const std::string& text : input.evaluation.left_out) all.push_back("Left out: " + text);
  for (const ContextEvaluation& context : input.evaluation.contexts)
    for (std::string& text : warnings(context)) all.push_back(std::move(text));
  if (all.empty())
    return "<p class=\"note\">No warnings: enough cells everywhere, and predicted shifts are about "
           "as "
           "varied and as large as observed ones.</p>\n";
  std::string out = "<aside class=\"warnings\"><h2>Warnings</h2>\n<ul>\n";
  for (const std::string& text : all) out += fmt::format("<li>{}</li>\n", escape_html(text));
  return out + "</ul></aside>\n";
}

/// Predicted against observed shift for the strongest perturbations.
inline std::string shift_section(const ReportInput& input, const GnuplotOptions& gnuplot_options,
                                 size_t most = 6) {
  auto places = detail::by_strength(input);
  places.resize(std::min(most, places.size()));
  std::string figures;
  for (size_t i = 0; i < places.size(); ++i) {
    const auto& [context, t, significant, size] = places[i];
    const auto observed = mean_shift(context->real_de),
               predicted = mean_shift(context->predicted_de);
    const auto row = [t = t](const Tensor<double, 2>& m) {
      return std::span<const double>(m[t].data, m.shape(1));
    };
    const auto& genes = context->real_de.features;
    const std::string& target = context->real_de.targets[t];
    const auto own = std::find(genes.begin(), genes.end(), target);
    const std::string name = detail::name_of(places[i], input);
    figures +=
        figure(shift_plot(fmt::format("shift{}", i),
                          fmt::format("Predicted against observed shift of every gene, {}", name),
                          row(observed), row(predicted), genes,
                          own == genes.end() ? -1 : int32_t(own - genes.begin())),
               fmt::format("<b>{}</b>: correlation {}, {}, {}", escape_html(name),
                           show(pearson(row(predicted), row(observed)), 2),
                           counted(context->real_de.target_membership[t], "cell"),
                           counted(significant, "changed gene")),
               gnuplot_options);
  }
  return detail::section(
      "shifts", "Predicted and observed shifts",
      "<p>The shift is the mean expression (log1p) of perturbed cells minus that of control cells. "
      "Each point is a gene; on the dashed line the prediction is right. Shown are the "
      "perturbations "
      "that change most genes; named are the genes that change most, and in red the perturbed gene "
      "itself where it is measured.</p>\n<div class=\"grid\">\n" +
          figures + "</div>\n");
}

/// Which differentially expressed genes the predicted cells have too.
inline std::string overlap_section(const ReportInput& input, const GnuplotOptions& gnuplot_options,
                                   size_t most_bars = 30) {
  const auto places = detail::by_strength(input);
  std::vector<OverlapCounts> counts;
  std::string rows;
  for (const detail::Place& place : places) {
    const OverlapCounts c = detail::overlap_counts(place, input);
    if (counts.size() < most_bars) counts.push_back(c);
    rows += fmt::format(
        "<tr><th scope=\"row\">{}</th><td class=\"n\">{}</td><td class=\"n\">{}</td>"
        "<td class=\"n\">{}</td><td class=\"genes\">{}</td></tr>\n",
        escape_html(c.name), c.both + c.observed_only, c.both + c.predicted_only, c.both,
        detail::strongest_genes(place, 6));
  }
  std::string out =
      "<p>Genes that differ from control cells (Wilcoxon rank-sum test, false discovery rate below "
      "0.05, each side against its own control cells).</p>\n<div class=\"single\">" +
      figure(overlap_plot("overlap", counts),
             places.size() > counts.size()
                 ? fmt::format("The {} perturbations that change most genes.", counts.size())
                 : "",
             gnuplot_options) +
      "</div>\n<div class=\"wide\"><table><thead><tr><th scope=\"col\">Perturbation</th>"
      "<th scope=\"col\" class=\"n\">Observed</th><th scope=\"col\" class=\"n\">Predicted</th>"
      "<th scope=\"col\" class=\"n\">Both</th><th scope=\"col\">Strongest observed genes (bold: "
      "also "
      "predicted, same direction)</th></tr></thead>\n<tbody>\n" +
      rows + "</tbody></table></div>\n";
  return detail::section("overlap", "Differentially expressed genes", out);
}

/// Every score of every perturbation.
inline std::string perturbation_section(const ReportInput& input) {
  std::string out = fmt::format(
      "<p class=\"note\">{}. The best value of each score is bold; cells are the observed "
      "ones.</p>\n",
      method_legend(input));
  for (const ContextEvaluation& context : input.evaluation.contexts) {
    if (!context.context.empty())
      out += fmt::format("<h3>{}</h3>\n<p class=\"note\">{} for comparison.</p>\n",
                         escape_html(context.context),
                         counted(context.real_de.ref_membership, "control cell"));
    out += perturbation_score_table(input, context);
  }
  return detail::section("perturbations", "Scores by perturbation", out);
}

/// The training curve; nothing where nothing was trained.
inline std::string training_section(const ReportInput& input, const GnuplotOptions& options) {
  if (input.training_loss.empty() && input.validation_loss.empty()) return "";
  const auto lowest =
      std::min_element(input.validation_loss.begin(), input.validation_loss.end(),
                       [](const LossPoint& a, const LossPoint& b) { return a.loss < b.loss; });
  std::string caption;
  if (!input.training_loss.empty())
    caption = fmt::format("{:.0f} steps. Training loss at the end: {:.4g}.",
                          input.training_loss.back().step, input.training_loss.back().loss);
  if (lowest != input.validation_loss.end())
    caption +=
        fmt::format(" Lowest validation loss: {:.4g} at step {:.0f}.", lowest->loss, lowest->step);
  if (input.kept_step)
    caption += fmt::format(" The weights of step {:.0f} were kept.", *input.kept_step);
  return detail::section(
      "training", "Training",
      "<div class=\"single\">" + figure(training_plot(input), caption, options) + "</div>\n");
}

/// What was run.
inline std::string run_section(const ReportInput& input) {
  std::string out;
  for (const ReportSection& part : input.run) {
    out += fmt::format("<h3>{}</h3>\n<dl>\n", escape_html(part.heading));
    for (const auto& [what, value] : part.facts)
      out += fmt::format("<dt>{}</dt><dd>{}</dd>\n", escape_html(what), escape_html(value));
    out += "</dl>\n";
  }
  return out.empty() ? "" : detail::section("run", "What was run", out);
}

/// What the scores mean.
inline std::string reading_section(const ReportInput& input) {
  std::string out = "<div class=\"reading\"><dl>\n";
  for (const std::string& name : detail::score_names(input)) {
    const ScoreInfo info = score_info(name);
    out += fmt::format("<dt>{}</dt><dd>{} <small>({} in the tables of results)</small></dd>\n",
                       escape_html(info.title), escape_html(info.meaning), escape_html(name));
  }
  for (const ScoredMethod& method : input.baselines)
    if (const auto meaning = detail::baseline_meaning(method.name); !meaning.empty())
      out +=
          fmt::format("<dt>{}</dt><dd>A baseline: {}</dd>\n", detail::spoken(method.name), meaning);
  out += "</dl></div>\n";
  return detail::section("reading", "How to read the scores", out);
}

}  // namespace vcell::inline VCELL_ABI
