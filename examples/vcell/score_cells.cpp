#include "score_cells.hpp"

#include <cmath>

#include "options.hpp"
#include "output.hpp"
#include "print_scores.hpp"
#include "vcell/eval/expression_preset.hpp"
#include "vcell/eval/finished_expression.hpp"
#include "vcell/eval/remove_results.hpp"
#include "vcell/eval/score_intervals.hpp"
#include "vcell/eval/score_record.hpp"
#include "vcell/eval/score_strata.hpp"
#include "vcell/eval/write_ceilings.hpp"
#include "vcell/pipeline/labelled_sides.hpp"
#include "vcell/report/report.hpp"
#include "vcell/version.hpp"

namespace fs = std::filesystem;

namespace {

constexpr uint64_t interval_seed = vcell::IntervalOptions{}.seed;

vcell::LabelledSidesOptions sides_options(const ScoreSettings& s) {
  vcell::LabelledSidesOptions out{s.perturbation_key, s.context_keys, s.scale};
  if (!s.cell_type_key.empty()) out.context_keys = {s.cell_type_key};
  out.keep_counts = s.keep_counts;
  out.like_cell_eval = !s.like.empty();
  out.embedding = s.embedding;
  return out;
}

vcell::EvaluationOptions evaluation_options(const ScoreSettings& s, Console& console) {
  vcell::EvaluationOptions out;
  out.control = s.control;
  out.subset = s.subset;
  out.metrics = s.metrics;
  out.progress = console.progress();
  if (!s.like.empty()) {
    out.expression = vcell::expression_preset(s.like);
    out.highest = std::nextafter(15.0, 0.0);  // cell-eval refuses values from 15 on
  }
  out.expression.epsilon = s.epsilon;
  if (s.cpm_filter >= 0) out.expression.cpm_filter = s.cpm_filter;
  return out;
}

/// How perturbations are matched with their own genes; by names alone, where cell-eval's rules are
/// pinned.
vcell::GeneSymbols symbols(const ScoreSettings& s, const vcell::DataFrame& var,
                           const vcell::LabelledCells& cells, Console& console) {
  if (!s.like.empty() && s.gene_names.empty()) return {};
  auto out = vcell::gene_symbols(var, cells.perturbation.names, s.gene_names);
  if (!out.remark.empty()) vcell::note(callbacks_of(console), out.remark);
  return out;
}

vcell::ScoreRecord record_of(
    const ScoreSettings& s, const vcell::EvaluationOptions& options,
    const std::vector<std::pair<std::string, const vcell::LabelledCells*>>& sides) {
  auto out = vcell::score_record(
      vcell::message("vcell ", VCELL_VERSION, s.command.empty() ? "" : " ", s.command), options);
  out.profile = s.profile;
  out.like = s.like;
  for (const auto& [name, cells] : sides) {
    out.scale = cells->scale == vcell::Scale::counts ? "counts" : "log1p";
    if (cells->target_sum) out.target_sum.emplace_back(name, *cells->target_sum);
  }
  if (s.ceiling || !s.ceiling_by.empty()) out.seeds.emplace_back("ceiling", s.ceiling_seed);
  if (s.intervals != vcell::IntervalScope::none) out.seeds.emplace_back("intervals", interval_seed);
  if (!s.real_expression.empty()) out.more.emplace_back("de_real", s.real_expression);
  if (!s.predicted_expression.empty()) out.more.emplace_back("de_pred", s.predicted_expression);
  if (!s.embedding.empty()) out.more.emplace_back("embed_key", s.embedding);
  return out;
}

/// Puts a finished table in place of the one that would be measured, if there is one.
void put_in(std::vector<vcell::EvaluationSide>& sides, const std::string& file, const char* flag,
            const ScoreSettings& s, Console& console) {
  if (file.empty()) return;
  if (sides.size() != 1)
    throw vcell::ConfigError(
        vcell::message("evaluate: ", flag, " is a table of one context, and there are ",
                       sides.size(), "; evaluate each with its table, or let the cells be tested"));
  auto table = vcell::finished_expression(file, sides[0].perturbations(), sides[0].genes(),
                                          {.subset = s.subset, .progress = console.progress()});
  sides[0] = vcell::with_expression(std::move(sides[0]), std::move(table));
}

/// The levels of each column between which ceilings are asked for.
/// @throws vcell::ConfigError if there is no such column
std::vector<vcell::Factor> levels_of(const vcell::AnnData& real, const ScoreSettings& s) {
  std::vector<vcell::Factor> out;
  for (const auto& key : s.ceiling_by) {
    vcell::detail::check_column(real, "[scores] ceiling_by", key);
    out.push_back(vcell::factor(real.obs.column(key)));
  }
  return out;
}

std::vector<vcell::LevelCeilings> ceilings_by(const std::vector<vcell::EvaluationSide>& real,
                                              const std::vector<vcell::Factor>& levels,
                                              const vcell::EvaluationOptions& options,
                                              const ScoreSettings& s) {
  std::vector<vcell::LevelCeilings> out;
  for (size_t i = 0; i < levels.size(); ++i)
    out.push_back(vcell::level_ceilings(real, s.ceiling_by[i], levels[i], options, s.ceiling_seed));
  return out;
}

bool is_prefixed(const ScoreSettings& s) { return !s.cell_type_key.empty(); }

}  // namespace

void score_cells(vcell::AnnData real_cells, vcell::AnnData predicted_cells, const ScoreSettings& s,
                 Console& console) {
  const fs::path out = s.out;
  const auto progress = console.progress();
  auto options = evaluation_options(s, console);
  options.tests_real = s.real_expression.empty();
  options.tests_predicted = s.predicted_expression.empty();
  const auto var = real_cells.var;
  const auto levels = levels_of(real_cells, s);
  auto [real, predicted] = vcell::labelled_sides(std::move(real_cells), std::move(predicted_cells),
                                                 sides_options(s), callbacks_of(console));
  options.symbols = symbols(s, var, real, console);
  auto record = record_of(s, options, {{"real", &real}, {"predicted", &predicted}});
  auto sides = vcell::compared_sides(std::move(real), std::move(predicted), options);
  put_in(sides.real, s.real_expression, "--de-real", s, console);
  put_in(sides.predicted, s.predicted_expression, "--de-pred", s, console);
  vcell::ReportInput report;
  report.title = "Predicted perturbation responses: " + fs::path(s.predicted).filename().string();
  report.evaluation = vcell::evaluate(sides.real, sides.predicted, options);
  report.evaluation.left_out = sides.left_out;
  report.metrics = options.metrics;
  report.evaluation.intervals =
      vcell::score_intervals(sides.real, sides.predicted, report.evaluation, options,
                             {.seed = interval_seed, .scope = s.intervals});
  report.evaluation.strata =
      vcell::score_strata(sides.real, sides.predicted, report.evaluation, options);
  const auto by = ceilings_by(sides.real, levels, options, s);
  report.level_ceilings = vcell::mean_level_ceilings(by);
  for (const auto& column : by)
    for (const auto& text : column.warnings) report.evaluation.warnings.push_back(text);
  for (const auto& line : report.evaluation.left_out) console.note("left out: " + line);
  for (const auto& warning : vcell::warnings(report.evaluation, {.progress = progress}))
    console.note("warning: " + warning);
  std::vector<vcell::ContextCeiling> ceilings;
  if (s.ceiling) ceilings = vcell::evaluation_ceilings(sides.real, options, s.ceiling_seed);
  report.ceilings = vcell::mean_ceilings(ceilings);
  make_folder(out);
  vcell::remove_results(out);
  vcell::write_results(out, report.evaluation,
                       {.always_prefixed = is_prefixed(s), .progress = progress});
  if (s.ceiling) vcell::write_ceilings(out, ceilings, is_prefixed(s));
  vcell::write_level_ceilings(out, by);
  vcell::write_score_record(out / "scores.json", record);
  report.run = {{"Data",
                 {{"Observed cells", s.real},
                  {"Predicted cells", s.predicted},
                  {"Perturbations", s.perturbation_key + ", control " + s.control}}},
                {"Versions", {{"vcell", VCELL_VERSION}}}};
  vcell::write_report(out / "report.html", report, {.progress = progress});
  print_scores(vcell::methods_of(report), console);
  console.result("scores: " + out.string());
  console.result("report: " + (out / "report.html").string());
}

void score_ceiling(vcell::AnnData real, const ScoreSettings& s, Console& console) {
  const fs::path out = s.out;
  auto options = evaluation_options(s, console);
  const auto var = real.var;
  const auto levels = levels_of(real, s);
  auto cells = vcell::labelled_cells(std::move(real), sides_options(s), callbacks_of(console));
  options.symbols = symbols(s, var, cells, console);
  vcell::check_labelled_cells(cells, "real", options.highest);
  const auto record = record_of(s, options, {{"real", &cells}});
  auto how = vcell::side_options(options);
  how.memory.kept_bytes = 0;  // the halves are tested, the whole is not
  const auto sides = vcell::evaluation_sides(std::move(cells), how);
  std::vector<vcell::ContextCeiling> ceilings;
  if (s.ceiling) ceilings = vcell::evaluation_ceilings(sides, options, s.ceiling_seed);
  const auto by = ceilings_by(sides, levels, options, s);
  for (const auto& column : by)
    for (const auto& text : column.warnings) console.note("warning: " + text);
  make_folder(out);
  vcell::remove_results(out);
  if (s.ceiling) vcell::write_ceilings(out, ceilings, is_prefixed(s));
  vcell::write_level_ceilings(out, by);
  vcell::write_score_record(out / "scores.json", record);
  const auto print = [&](const std::string& head, const vcell::ContextCeiling& ceiling) {
    for (size_t m = 0; m < ceiling.ceilings.size(); ++m)
      if (std::isfinite(ceiling.ceilings[m]))
        console.result(fmt::format("{}{}{:<28}{:>7.3f}", head,
                                   ceiling.context.empty() ? "" : ceiling.context + "  ",
                                   ceiling.scores.columns[m].name, ceiling.ceilings[m]));
  };
  for (const auto& ceiling : ceilings) print("", ceiling);
  for (const auto& column : by)
    for (const auto& ceiling : column.contexts) print("by " + column.by + "  ", ceiling);
  console.result("ceiling: " + out.string());
}
