#include "scoring.hpp"

#include <fmt/format.h>

#include <limits>
#include <map>
#include <optional>

#include "product_backend.hpp"
#include "vcell/eval/read_results.hpp"
#include "vcell/eval/write_results.hpp"
#include "vcell/report/report.hpp"
#include "vcell/sets/dataset_name.hpp"
#include "vcell/sets/split_toml.hpp"
#include "vcell/train/choices.hpp"
#include "vcell/train/experiment_toml.hpp"
#include "vcell/train/metrics_log.hpp"
#include "vcell/version.hpp"

namespace fs = std::filesystem;

namespace {

using Facts = std::vector<std::pair<std::string, std::string>>;

/// Data, split, model, training and versions of a run: its section of the report, what, and value.
fs::path facts_file(const fs::path& folder) { return folder / "facts.csv"; }

/// What a baseline could not predict: its name, and a sentence that says what and why.
fs::path missing_file(const fs::path& folder) { return folder / "baselines" / "missing.csv"; }

/// The first sentences about each baseline, and how many more there are.
std::vector<std::string> remarks_of(const vcell::CsvTable& missing) {
  constexpr size_t most = 3;
  const size_t baseline = missing.column("baseline"), reason = missing.column("reason");
  std::map<std::string, size_t> counts;
  std::vector<std::string> out;
  for (const auto& row : missing.rows)
    if (counts[row[baseline]]++ < most) out.push_back(row[reason]);
  for (const auto& [name, n] : counts)
    if (n > most)
      out.push_back(fmt::format("{} cannot predict {} more; baselines/missing.csv lists them", name,
                                n - most));
  return out;
}

/// What a split says of one data set, context by context.
Facts split_facts(const vcell::SplitSpec& split, const std::string& dataset) {
  Facts out;
  const auto context_of = [&](const std::string& key) -> std::optional<std::string> {
    const auto parts = vcell::split_key(split, key);
    return parts && parts->dataset == dataset ? std::optional(parts->context) : std::nullopt;
  };
  for (const auto& [key, part] : split.zeroshot)
    if (const auto context = context_of(key))
      out.emplace_back("Context " + *context,
                       fmt::format("every perturbation is {}", vcell::name_of(part)));
  for (const auto& [key, held] : split.fewshot)
    if (const auto context = context_of(key))
      for (const auto& [part, names] :
           {std::pair("test", &held.test), std::pair("validation", &held.validation)})
        if (!names->empty())
          out.emplace_back(fmt::format("Context {}, {}", *context, part),
                           vcell::list_of(*names, 40));
  if (split.cells)
    out.emplace_back("By cells",
                     fmt::format("of every training perturbation {:g} of the cells are test, {:g} "
                                 "validation",
                                 split.cells->test, split.cells->validation));
  return out;
}

std::vector<vcell::ReportSection> facts_of(const vcell::Experiment& e, const Prepared& p,
                                           const vcell::TrainedModel& model) {
  const auto& c = model.model.config();
  const auto& t = e.training;
  const auto& features = e.perturbation_features;
  Facts data = {
      {"File", e.data},
      {"Cells", fmt::format("{}, with {} genes", p.all.cells(), p.all.genes.size())},
      {"Perturbations", fmt::format("{} and the control {}", model.perturbations.names().size() - 1,
                                    e.labels.control)},
      {"Contexts", vcell::list_of(model.contexts)},
      {"Scale of X",
       model.scale == vcell::Scale::counts
           ? vcell::message("counts, normalised to ", *model.target_sum, " a cell, then log1p")
           : "log1p, as it was"}};
  if (e.min_genes || e.min_cells)
    data.emplace_back("Dropped", fmt::format("cells with fewer than {} genes, then genes in fewer "
                                             "than {} cells",
                                             e.min_genes, e.min_cells));
  Facts parts = split_facts(p.split, vcell::dataset_name(p.split, e.data));
  const auto cells = vcell::count_parts(p.learnt);
  parts.insert(parts.begin(), {{"From", e.split.empty() ? "the default rule" : e.split},
                               {"Cells", fmt::format("{} train, {} validation, {} test, {} unused",
                                                     cells[0], cells[1], cells[2], cells[3])}});
  return {{"Data", std::move(data)},
          {"Split", std::move(parts)},
          {"Model",
           {{"State Transition",
             fmt::format("{} layers of width {}, {} heads of {}, {} parameters", c.layers, c.hidden,
                         c.heads, c.head_dim, model.model.parameters().count())},
            {"Preset", e.preset.empty() ? "none" : e.preset},
            {"Starts from",
             model.anchors
                 ? fmt::format("the control cell and the mean shift in other contexts, shrunk with "
                               "k = {:g}; of what is learnt {:g} is added",
                               model.anchors->shrinkage, model.anchors->alpha)
                 : "nothing: not anchored"},
            {"Genes", fmt::format("{}", model.genes.size())},
            {"Perturbations as",
             features.empty() ? "one-hot"
                              : fmt::format("{} features of {}", c.perturbation_width, features)},
            {"Batches",
             c.batches ? fmt::format("a learned vector for each of {}", c.batches) : "not used"}}},
          {"Training",
           {{"Steps",
             fmt::format("{}, {} sets of {} cells each", t.max_steps, e.batch_size, e.set_size)},
            {"Loss", std::string(vcell::name_of_choice(c.loss))},
            {"Optimiser", fmt::format("{}, rate {:g} ({}), weight decay {:g}",
                                      vcell::name_of_choice(t.optimizer), t.learning_rate,
                                      vcell::name_of_choice(t.schedule), t.weight_decay)},
            {"Seed", fmt::format("{}", t.seed)}}},
          {"Versions", {{"vcell", VCELL_VERSION}, {"Matrix products", product_backend()}}}};
}

std::vector<vcell::ReportSection> read_facts(const fs::path& folder) {
  const auto table = vcell::read_csv(facts_file(folder));
  const size_t section = table.column("section"), what = table.column("what"),
               value = table.column("value");
  std::vector<vcell::ReportSection> out;
  for (const auto& row : table.rows) {
    if (out.empty() || out.back().heading != row[section]) out.push_back({row[section], {}});
    out.back().facts.emplace_back(row[what], row[value]);
  }
  return out;
}

}  // namespace

Scores score_run(const Prepared& p, const vcell::Screen& screen, const Predictions& predictions,
                 const fs::path& folder, Console& console) {
  vcell::EvaluationOptions options;
  options.control = screen.perturbation.names[size_t(screen.control)];
  const auto measured = [&](vcell::LabelledCells cells, std::string_view side) {
    vcell::check_labelled_cells(cells, side, options.highest);
    return vcell::evaluation_sides(std::move(cells), {options.control, options.epsilon});
  };
  const auto observations = [&] {
    return labelled_observations(screen, predictions.pairs, p.parts);
  };
  const auto progress = console.progress();
  const size_t total = 1 + vcell::all_baselines.size();
  size_t done = 0;
  vcell::report(progress, {"evaluate", done, total, {}});
  const auto observed = measured(observations(), "observed");
  Scores out;
  out.evaluation = vcell::evaluate(
      observed,
      measured(
          labelled_predictions(screen, predictions.pairs, predictions.cells, predictions.pair_of),
          "predicted"),
      options);
  vcell::write_results(folder, out.evaluation);

  const auto learnt = [&](size_t i) {
    return p.parts[i] == vcell::Part::train || p.parts[i] == vcell::Part::validation;
  };
  const auto shifts = vcell::pair_shifts(screen, learnt);
  const double shrinkage =
      p.anchors ? p.anchors->shrinkage()
                : vcell::choose_shrinkage(vcell::pair_shifts(screen, p.learnt), shifts);
  vcell::CsvTable missing{{"baseline", "reason"}, {}};
  options.subset = true;  // where a baseline has to leave a pair out
  for (const auto baseline : vcell::all_baselines) {
    vcell::report(progress, {"evaluate", ++done, total, {}});
    const std::string name(vcell::name_of(baseline));
    const auto made = vcell::predict(baseline, screen, shifts, predictions.pairs, shrinkage);
    for (const auto& reason : made.missing) missing.rows.push_back({name, reason});
    if (made.requests.empty()) continue;
    auto predicted = labelled_predictions(screen, predictions.pairs, made.cells, made.requests);
    const auto evaluation =
        made.missing.empty()
            ? vcell::evaluate(observed, measured(std::move(predicted), name), options)
            : vcell::evaluate(observations(), std::move(predicted), options);
    vcell::write_results(folder / "baselines" / name, evaluation);
    out.baselines.push_back(vcell::scored_method(name, evaluation));
  }
  vcell::write_csv(missing_file(folder), missing);
  vcell::report(progress, {"evaluate", total, total, {}});
  out.remarks = remarks_of(missing);
  for (const auto& remark : out.remarks) console.note(remark);
  return out;
}

void write_facts(const fs::path& folder, const vcell::Experiment& e, const Prepared& p,
                 const vcell::TrainedModel& model) {
  vcell::CsvTable table{{"section", "what", "value"}, {}};
  for (const auto& section : facts_of(e, p, model))
    for (const auto& [what, value] : section.facts)
      table.rows.push_back({section.heading, what, value});
  vcell::write_csv(facts_file(folder), table);
}

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

Scores read_scores_of_run(const fs::path& folder) {
  Scores out;
  out.evaluation = vcell::read_results(folder);
  for (const auto baseline : vcell::all_baselines) {
    const std::string name(vcell::name_of(baseline));
    if (fs::exists(folder / "baselines" / name))
      out.baselines.push_back(
          vcell::scored_method(name, vcell::read_results(folder / "baselines" / name)));
  }
  out.remarks = remarks_of(vcell::read_csv(missing_file(folder)));
  return out;
}

void write_report_of_run(const fs::path& folder, const Scores& scores) {
  const auto e = vcell::read_experiment(folder / "experiment.toml");
  const auto split = vcell::read_split(folder / "split.toml");
  vcell::ReportInput input;
  input.title = "Predicted perturbation responses: " + fs::path(e.data).filename().string();
  input.method = "State Transition";
  input.evaluation = scores.evaluation;
  input.others = scores.baselines;
  input.warnings = scores.remarks;
  if (split.cells && split.cells->test > 0)
    input.warnings.push_back(
        "The split is by cells: other cells of the same perturbations and contexts were trained "
        "on, so the scores measure fit and not generalisation.");
  input.run = read_facts(folder);
  double best = std::numeric_limits<double>::infinity();
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
