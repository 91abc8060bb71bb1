#include "scoring.hpp"

#include <fmt/format.h>

#include <cmath>

#include "vcell/eval/read_results.hpp"
#include "vcell/eval/write_results.hpp"
#include "vcell/report/report.hpp"
#include "vcell/train/experiment_toml.hpp"
#include "vcell/train/metrics_log.hpp"
#include "vcell/train/model_folder.hpp"
#include "vcell/version.hpp"

namespace fs = std::filesystem;

namespace {

vcell::ScoredMethod scored(std::string name, const vcell::Evaluation& evaluation) {
  vcell::ScoredMethod out{std::move(name), {}};
  for (const auto& c : evaluation.contexts) out.contexts.push_back({c.context, c.scores});
  return out;
}

/// The mean over contexts of a score's mean over perturbations; NaN when no context has one.
double mean_score(const vcell::ScoredMethod& method, const std::string& column) {
  double sum = 0;
  size_t n = 0;
  for (const auto& context : method.contexts) {
    const auto mean = vcell::summarise(context.scores.column(column))[vcell::summary_mean];
    if (!mean) continue;
    sum += *mean;
    ++n;
  }
  return n ? sum / double(n) : std::nan("");
}

}  // namespace

Scores score_run(const Prepared& p, const vcell::Screen& screen, const Predictions& predictions,
                 const fs::path& folder, Console& console) {
  vcell::EvaluationOptions options;
  options.control = screen.perturbation.names[size_t(screen.control)];
  const auto real = labelled_observations(screen, predictions.pairs, p.parts);
  const auto progress = console.progress();
  const size_t total = 1 + vcell::all_baselines.size();
  size_t done = 0;
  vcell::report(progress, {"evaluate", done, total, {}});
  Scores out;
  out.evaluation = vcell::evaluate(
      real, labelled_predictions(screen, predictions.pairs, predictions.cells, predictions.pair_of),
      options);
  vcell::write_results(folder, out.evaluation);

  const vcell::TrainingShifts shifts(screen, p.parts);
  options.subset = true;  // a baseline may have to leave a pair out, and says so
  for (const auto baseline : vcell::all_baselines) {
    vcell::report(progress, {"evaluate", ++done, total, {}});
    const auto made = vcell::predict(baseline, screen, shifts, predictions.pairs);
    out.remarks.insert(out.remarks.end(), made.missing.begin(), made.missing.end());
    if (made.requests.empty()) continue;
    const auto evaluation = vcell::evaluate(
        real, labelled_predictions(screen, predictions.pairs, made.cells, made.requests), options);
    const std::string name(vcell::name_of(baseline));
    vcell::write_results(folder / "baselines" / name, evaluation);
    out.baselines.push_back(scored(name, evaluation));
  }
  vcell::report(progress, {"evaluate", total, total, {}});
  for (const auto& remark : out.remarks) console.note(remark);
  return out;
}

void print_scores(const std::vector<vcell::ScoredMethod>& methods, Console& console) {
  std::vector<std::string> columns;
  for (const auto& column : methods.front().contexts.front().scores.columns)
    columns.push_back(column.name);
  std::string line = fmt::format("{:<18}", "");
  for (const auto& column : columns) line += fmt::format("  {}", column);
  console.result(line);
  for (const auto& method : methods) {
    line = fmt::format("{:<18}", method.name);
    for (const auto& column : columns)
      line += fmt::format("  {:>{}.3f}", mean_score(method, column), column.size());
    console.result(line);
  }
}

Scores read_scores_of_run(const fs::path& folder) {
  Scores out;
  out.evaluation = vcell::read_results(folder);
  for (const auto baseline : vcell::all_baselines) {
    const std::string name(vcell::name_of(baseline));
    if (fs::exists(folder / "baselines" / name))
      out.baselines.push_back(scored(name, vcell::read_results(folder / "baselines" / name)));
  }
  return out;
}

void write_report_of_run(const fs::path& folder, const Scores& scores) {
  const auto e = vcell::read_experiment(folder / "experiment.toml");
  const auto model = vcell::load_model(folder / "model");
  const auto number = [](auto n) { return vcell::message(n); };
  vcell::ReportInput input;
  input.title = "Predicted perturbation responses: " + fs::path(e.data).filename().string();
  input.evaluation = scores.evaluation;
  input.baselines = scores.baselines;
  input.warnings = scores.remarks;
  size_t held_out = 0;
  for (const auto& c : scores.evaluation.contexts) held_out += c.scores.perturbations.size();
  const auto& c = model.model.config();
  const auto& t = e.training;
  input.run = {
      {"Data",
       {{"File", e.data},
        {"Perturbations",
         number(model.perturbations.names().size() - 1) + " and the control " + e.labels.control},
        {"Contexts", vcell::list_of(model.contexts)},
        {"Scale of X", model.target_sum ? "counts, normalised to " + number(*model.target_sum) +
                                              " a cell, then log1p"
                                        : std::string("log1p, as it was")}}},
      {"Split",
       {{"From", e.split.empty() ? "the default rule (split.toml)" : e.split},
        {"Held out", number(held_out) + " pairs of context and perturbation"}}},
      {"Model",
       {{"Genes", number(model.genes.size())},
        {"Parameters", number(model.model.parameters().count())},
        {"Backbone", number(c.layers) + " layers, width " + number(c.hidden) + ", " +
                         number(c.heads) + " heads of " + number(c.head_dim)},
        {"Perturbations as", model.perturbations.is_one_hot()
                                 ? std::string("one-hot")
                                 : "features of width " + number(c.perturbation_width)}}},
      {"Training",
       {{"Steps", number(t.max_steps) + ", " + number(e.batch_size) + " sets of " +
                      number(e.set_size) + " cells each"},
        {"Learning rate", number(t.learning_rate)},
        {"Weight decay", number(t.weight_decay)},
        {"Seed", number(t.seed)},
        {"vcell", VCELL_VERSION}}}};
  double best = INFINITY;
  for (const auto& row : vcell::read_metrics(folder / "metrics.csv")) {
    input.training_loss.push_back({double(row.step), row.train_loss});
    if (!row.validation_loss) continue;
    input.validation_loss.push_back({double(row.step), *row.validation_loss});
    if (*row.validation_loss < best) {
      best = *row.validation_loss;
      input.kept_step = double(row.step);
    }
  }
  vcell::write_report(folder / "report.html", input);
}
