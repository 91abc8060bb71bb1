#pragma once

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/eval/ceiling.hpp"
#include "vcell/eval/diagnose.hpp"
#include "vcell/eval/score_intervals.hpp"
#include "vcell/eval/score_strata.hpp"
#include "vcell/pipeline/embed_screen.hpp"
#include "vcell/pipeline/held_out_pairs.hpp"
#include "vcell/pipeline/labelled_cells_of.hpp"
#include "vcell/pipeline/make_methods.hpp"
#include "vcell/pipeline/run_facts.hpp"

VCELL_BEGIN_NAMESPACE

/// What a method could not predict.
struct MissingPrediction {
  std::string method;
  std::string reason;  ///< what and why, a sentence
};

/// What a run leaves in memory.
struct RunResult {
  Prepared prepared;
  std::vector<PredictionRequest> requests;  ///< the held-out pairs
  PredictedCells predicted;                 ///< of the first method
  std::vector<MissingPrediction> missing;
  /// Of each context; none where they are not asked for or there are too few cells.
  std::vector<ContextCeiling> ceilings;
  /// The same by [scores] ceiling_by.
  std::vector<LevelCeilings> level_ceilings;
  ReportInput report;               ///< scores of all methods, facts, training
  std::vector<MetricsRow> metrics;  ///< of every step of training in this run
  /// The trained model, or the members of the ensemble, where State Transition was among the
  /// methods.
  std::vector<TrainedModel> models;
};

/// One method's part of a run, while it lasts.
struct MethodOutcome {
  const Predictor& method;
  bool is_first;
  const Prepared& prepared;
  std::span<const PredictionRequest> requests;
  const PredictedCells& predicted;
  const Evaluation& evaluation;
};

struct RunOptions {
  PrepareInputs inputs = {};
  StateTransitionPredictorOptions state_transition = {};
  EmbeddingHooks embedding = {};
  /// Methods of one's own, after those that the experiment names.
  std::vector<std::shared_ptr<Predictor>> more_methods = {};
  /// Metrics of one's own, after those of the experiment's profile.
  std::vector<Metric> more_metrics = {};
  /// Data and settings were found to fit; methods are fitted next.
  std::function<void(const Prepared&)> prepared = {};
  /// A method has been fitted, and has not predicted yet.
  std::function<void(const Predictor&, const Prepared&)> fitted = {};
  /// A method has been scored. Its cells and tables are freed afterwards, but for the first one's.
  std::function<void(const MethodOutcome&)> scored = {};
  Callbacks callbacks = {};
};

namespace detail {

/// The first reasons of each method, and how many more there are.
template <class = void>
std::vector<std::string> remarks_of(const std::vector<MissingPrediction>& missing) {
  constexpr size_t most = 3;
  std::map<std::string, size_t> counts;
  std::vector<std::string> out;
  for (const auto& [method, reason] : missing)
    if (counts[method]++ < most) out.push_back(reason);
  for (const auto& [method, n] : counts)
    if (n > most) out.push_back(message(method, " cannot predict ", n - most, " more"));
  return out;
}

/// The warning that a split calls for.
template <class = void>
std::vector<std::string> warnings_of(const SplitSpec& split) {
  if (!split.column.empty())
    return {message("The split is by cells, those of obs column ", quoted(split.column),
                    ": where cells of one perturbation and context train and others are tested, ",
                    "the scores measure fit and not generalisation.")};
  if (!split.cells || !(split.cells->test > 0)) return {};
  return {
      "The split is by cells: other cells of the same perturbations and contexts were trained "
      "on, so the scores measure fit and not generalisation."};
}

}  // namespace detail

/// Makes the curves of a report of what steps of training left.
/// @param by  what the kept models were chosen by
template <class = void>
void add_training(ReportInput& report, std::span<const MetricsRow> rows, ChooseBy by) {
  report.training_loss.clear();
  report.validation_loss.clear();
  report.kept_steps.clear();
  std::map<size_t, std::pair<double, double>> best;  // by member: what was lowest, and its step
  for (const MetricsRow& row : rows) {
    const size_t member = size_t(row.member);
    report.training_loss.push_back({double(row.step), row.train_loss, member});
    if (!row.validation_loss) continue;
    report.validation_loss.push_back({double(row.step), *row.validation_loss, member});
    const double score = by == ChooseBy::loss            ? *row.validation_loss
                         : by == ChooseBy::pearson_delta ? -row.pearson_delta.value_or(0)
                                                         : -row.discrimination.value_or(0);
    const std::pair here(score, double(row.step));
    if (const auto found = best.emplace(member, here).first; score < found->second.first)
      found->second = here;
  }
  for (const auto& kept : best) report.kept_steps.push_back(kept.second.second);
}

/// Scores one method's predictions against what was observed: where it could not predict a pair,
/// over the others.
/// @param observed   measured once, for all methods
/// @param intervals  of the mean scores
/// @throws ConfigError if a predicted value is no log1p value; Stopped
template <class = void>
Evaluation evaluate_method(const std::vector<EvaluationSide>& observed, const Screen& screen,
                           std::span<const PredictionRequest> requests,
                           const PredictedCells& predicted, const EvaluationOptions& options,
                           const IntervalOptions& intervals = {.scope = IntervalScope::none}) {
  auto cells = labelled_predictions(screen, requests, predicted);
  check_labelled_cells(cells, "predicted", options.highest);
  const auto sides = evaluation_sides(
      std::move(cells), {options.control, options.expression, options.memory, options.progress});
  const auto score = [&](const std::vector<EvaluationSide>& real) {
    Evaluation out = evaluate(real, sides, options);
    out.intervals = score_intervals(real, sides, out, options, intervals);
    out.strata = score_strata(real, sides, out, options);
    return out;
  };
  return predicted.missing.empty() ? score(observed)
                                   : score(select_like(observed, sides, options.progress));
}

/// Everything that an experiment says: prepares a screen, fits every method, predicts the held-out
/// pairs from control cells of their context, and scores all methods on them. Nothing is written:
/// run_in_folder writes.
///
/// @throws ConfigError if data and settings do not fit each other; Stopped
template <class = void>
RunResult run(ScreenCells data, const Experiment& e, const RunOptions& options = {}) {
  check_experiment(e);
  const Callbacks& callbacks = options.callbacks;
  EvaluationOptions evaluation;
  evaluation.control = e.labels.control;
  evaluation.metrics = metrics_of(e.profile);
  for (const Metric& metric : options.more_metrics) evaluation.metrics.push_back(metric);

  RunResult out;
  PrepareInputs inputs = options.inputs;
  if (names_state_transition(e) && !inputs.embed)
    inputs.embed = screen_embedder(e, inputs.embedder, callbacks, options.embedding);
  out.prepared = prepare(std::move(data), e, inputs, callbacks);
  const Prepared& p = out.prepared;
  evaluation.symbols = p.symbols;
  out.requests = held_out_pairs(p.screen, p.parts, e.training.seed, e.predict_from);
  auto state_transition = options.state_transition;
  uint64_t member = 1;
  const auto hooks = state_transition.hooks;
  state_transition.hooks.member = [&](size_t number, size_t members) {
    member = number;
    if (hooks.member) hooks.member(number, members);
  };
  state_transition.hooks.metrics = [&](const MetricsRow& row) {
    out.metrics.push_back(row);
    out.metrics.back().member = member;
    if (hooks.metrics) hooks.metrics(row);
  };
  auto methods = make_methods(e, p, state_transition);
  for (const auto& method : options.more_methods) methods.push_back(method);

  if (options.prepared) options.prepared(p);

  const size_t total = 1 + methods.size();
  size_t done = 0;
  // Within one method's share nothing is drawn, and it can be stopped.
  evaluation.progress = [&](const ProgressUpdate&) {
    return !callbacks.progress || callbacks.progress({"evaluate", done, total, {}});
  };
  std::vector<EvaluationSide> observed;
  out.report.metrics = evaluation.metrics;
  out.report.held_out = true;
  for (auto& method : methods) {
    const bool first = &method == &methods.front();
    method->fit(p.screen, p.parts, callbacks);
    if (options.fitted) options.fitted(*method, p);
    auto predicted = method->predict(p.screen, out.requests, first ? callbacks : Callbacks{});
    for (const auto& reason : predicted.missing) out.missing.push_back({method->name(), reason});
    if (first) {
      const auto* model = dynamic_cast<const StateTransitionPredictor<>*>(method.get());
      out.report.run = run_facts(e, p, options.inputs.dataset,
                                 model ? model->models() : std::span<const TrainedModel>());
      report(evaluation.progress, {});
      auto cells = labelled_observations(p.screen, out.requests, p.parts);
      check_labelled_cells(cells, "observed", evaluation.highest);
      observed = evaluation_sides(std::move(cells), side_options(evaluation));
      if (e.ceiling && has_halves(observed)) {
        out.ceilings = evaluation_ceilings(observed, evaluation, e.training.seed);
        out.report.ceilings = mean_ceilings(out.ceilings);
      }
      const auto rows = observed_and_control_rows(p.screen, out.requests, p.parts);
      for (const auto& key : e.ceiling_by) {
        const auto levels = factor(p.annotations.obs.column(key).select_rows(rows));
        out.level_ceilings.push_back(
            level_ceilings(observed, key, levels, evaluation, e.training.seed));
      }
      out.report.level_ceilings = mean_level_ceilings(out.level_ceilings);
    }
    ++done;
    report(evaluation.progress, {});
    if (predicted.requests.empty()) {
      if (first)
        throw ConfigError(message("run: ", method->name(), ", the first of [scores] methods, can ",
                                  "predict none of the held-out pairs; name another one first"));
      continue;
    }
    auto scores = evaluate_method(observed, p.screen, out.requests, predicted, evaluation,
                                  {.seed = e.training.seed, .scope = e.intervals});
    if (first)
      for (const LevelCeilings& column : out.level_ceilings)
        scores.warnings.insert(scores.warnings.end(), column.warnings.begin(),
                               column.warnings.end());
    if (options.scored) options.scored({*method, first, p, out.requests, predicted, scores});
    if (first) {
      out.report.method = method->title();
      out.report.meaning = method->meaning();
      for (const auto& warning : warnings(scores, {.progress = evaluation.progress}))
        note(callbacks, "warning: ", warning);
      out.report.evaluation = std::move(scores);
      out.predicted = std::move(predicted);
    } else {
      out.report.others.push_back(scored_method(method->title(), scores, method->meaning()));
    }
    if (auto* trained = dynamic_cast<StateTransitionPredictor<>*>(method.get()))
      out.models = trained->take_models();
    method.reset();  // a method's memory is the next one's
  }
  ++done;
  report(evaluation.progress, {});
  add_training(out.report, out.metrics, e.training.choose_by);
  out.report.warnings = detail::remarks_of(out.missing);
  for (const auto& remark : out.report.warnings) note(callbacks, remark);
  for (auto& text : detail::warnings_of(p.split)) out.report.warnings.push_back(std::move(text));
  return out;
}

VCELL_INSTANTIATE(pipeline, RunResult run<void>(ScreenCells, const Experiment&, const RunOptions&));

VCELL_END_NAMESPACE
