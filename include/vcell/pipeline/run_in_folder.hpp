#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/eval/score_record.hpp"
#include "vcell/eval/write_ceilings.hpp"
#include "vcell/eval/write_results.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/pipeline/initial_model.hpp"
#include "vcell/pipeline/model_card.hpp"
#include "vcell/pipeline/observation_anndata.hpp"
#include "vcell/pipeline/prediction_anndata.hpp"
#include "vcell/pipeline/read_inputs.hpp"
#include "vcell/pipeline/report_folder.hpp"
#include "vcell/pipeline/run.hpp"
#include "vcell/pipeline/run_folder.hpp"
#include "vcell/version.hpp"

VCELL_BEGIN_NAMESPACE

struct RunInFolderOptions {
  OldRun old = OldRun::keep;
  /// See StateTransitionPredictorOptions.
  bool anchor_may_give_way = true;
  StateTransitionDevice device = {};
  /// Methods and metrics of one's own, as in RunOptions.
  std::vector<std::shared_ptr<Predictor>> more_methods = {};
  std::vector<Metric> more_metrics = {};
  /// The folder is this run's: what is written there now stays.
  std::function<void()> begun = {};
  /// How the report's plots are drawn.
  GnuplotOptions gnuplot = {};
  Callbacks callbacks = {};
};

namespace detail {

/// What a run or a training in a folder begins with.
struct FolderInputs {
  ExperimentInputs read;
  Experiment experiment;  ///< with what the model says that training starts from (start_of)
  std::function<const TrainedModel&(size_t, size_t)> start;
};

template <class = void>
FolderInputs read_for_folder(const Experiment& asked, const RunFolder& folder,
                             const RunInFolderOptions& options) {
  Experiment e = asked;
  folder.check(options.old);
  check_experiment(e);
  const bool resumes = options.old == OldRun::resume;
  if (resumes) {
    check_data_files(folder / "data.csv", e, options.callbacks);
    if (!e.init_from.empty()) {
      const Experiment stored = read_experiment(folder / "experiment.toml");
      e.init_sha256 = stored.init_sha256;
      e.target_sum = stored.target_sum;
      e.cell_embedding = stored.cell_embedding;
    }
  }
  auto start = start_of(e, resumes);
  const auto embedder = folder / "embedding";
  auto read = read_inputs(
      e, options.callbacks, resumes ? folder / "split.toml" : std::filesystem::path(),
      resumes && std::filesystem::exists(embedder) ? embedder : std::filesystem::path());
  return {std::move(read), std::move(e), std::move(start)};
}

/// What is done once the folder is a run's, and again when its training begins: it is told of,
/// once, and the model that embeds cells is kept, so that a run that is gone on with has the same.
/// @param prepared  null until there is what is prepared
template <class = void>
std::function<void()> begun_with(const RunFolder& folder, const Prepared* const& prepared,
                                 const RunInFolderOptions& options) {
  return [&folder, &prepared, &options, told = std::make_shared<bool>(false)] {
    if (prepared && prepared->embedder) folder.keep_embedding(*prepared->embedder);
    if (options.begun && !std::exchange(*told, true)) options.begun();
  };
}

/// What State Transition starts from, before its training begins; its shape is checked as well.
/// @throws ConfigError if it is not sound
template <class = void>
Anchor sound_anchor(const Experiment& e, const Prepared& p, const RunInFolderOptions& options) {
  const Anchor anchor =
      choose_anchor(e, p.screen, p.parts, p.features, options.anchor_may_give_way);
  constexpr size_t any = 8;  // widths that only what follows tells
  const StateTransition<float> sound(
      state_transition_config(e, p.screen, any, is_in_embedding(e) ? any : 0, p.features, anchor));
  return anchor;
}

/// The training of a small State Embedding in a run's folder. It begins the folder, once the model
/// that is trained in the embedding was made and is sound.
template <class = void>
EmbeddingHooks embedding_hooks(const Experiment& e, const RunFolder& folder,
                               const std::function<void()>& begun,
                               const RunInFolderOptions& options) {
  EmbeddingHooks out;
  out.training = folder.embedding_hooks(options.old);
  out.begin = [&e, &folder, &options, begun](const Prepared& p) {
    const Anchor anchor = sound_anchor(e, p, options);
    if (options.old != OldRun::resume) folder.begin(e, p.split, anchor);
    begun();
  };
  return out;
}

/// Writes model/, with what embeds cells for it.
template <class = void>
void save_run_model(const RunFolder& folder, const Prepared& p,
                    std::span<const TrainedModel> models) {
  save_model(folder / "model", models);
  if (p.embedder) save_embedding(folder / "model" / "embedding", *p.embedder);
}

/// What a folder's model says of itself, but for its scores.
template <class = void>
ModelCard model_card_of(const Experiment& e, const Prepared& p, const std::string& dataset,
                        std::span<const TrainedModel> models) {
  Experiment done = e;
  done.model.anchor = models[0].model.config().anchor;
  return {
      .title = "State Transition, trained on " + std::filesystem::path(e.data).filename().string(),
      .facts = run_facts(e, p, dataset, models),
      .scores = {},
      .settings = format_experiment(done),
      .remarks = warnings_of(p.split)};
}

/// By what rules a run scores.
template <class = void>
ScoreRecord run_score_record(const Experiment& e, const Prepared& p, const Evaluation& evaluation) {
  EvaluationOptions options;
  options.alpha = evaluation.alpha;
  auto out = score_record(message("vcell ", VCELL_VERSION, " run"), options);
  out.profile = e.profile;
  out.metrics.clear();
  for (const ScoreColumn& column : evaluation.contexts.at(0).scores.columns)
    out.metrics.push_back(column.name);
  if (p.normalized.target_sum) out.target_sum.emplace_back("real", *p.normalized.target_sum);
  out.seeds = {{"training", e.training.seed}};
  if (!evaluation.intervals.metrics.empty()) out.seeds.emplace_back("intervals", e.training.seed);
  if (e.ceiling || !e.ceiling_by.empty()) out.seeds.emplace_back("ceiling", e.training.seed);
  return out;
}

}  // namespace detail

/// Trains State Transition as an experiment says, in a folder: checkpoints, metrics.csv, model/
/// with a card (README.md).
/// @return  the model, or the members of the ensemble, with the parameters of the best validation
/// @throws ConfigError, IoError, FormatError; Stopped with a last checkpoint written
template <class = void>
std::vector<TrainedModel> train_in_folder(const Experiment& asked,
                                          const std::filesystem::path& path,
                                          const RunInFolderOptions& options = {}) {
  const RunFolder folder(path);
  detail::FolderInputs given = detail::read_for_folder(asked, folder, options);
  const Experiment& e = given.experiment;
  auto& [cells, inputs] = given.read;
  const Prepared* prepared = nullptr;
  const auto begun = detail::begun_with(folder, prepared, options);
  inputs.embed = screen_embedder(e, inputs.embedder, options.callbacks,
                                 detail::embedding_hooks(e, folder, begun, options));
  const Prepared p = prepare(std::move(cells), e, inputs, options.callbacks);
  prepared = &p;
  StateTransitionPredictor<> predictor(
      e, options_on(e, p,
                    {.anchor_may_give_way = options.anchor_may_give_way,
                     .start = given.start,
                     .device = options.device,
                     .hooks = folder.hooks(
                         e, options.old, [&]() -> const SplitSpec& { return p.split; }, begun)}));
  predictor.fit(p.screen, p.parts, options.callbacks);
  detail::save_run_model(folder, p, predictor.models());
  write_model_card(folder / "model",
                   detail::model_card_of(e, p, inputs.dataset, predictor.models()));
  return predictor.take_models();
}

/// The same as run(), in a folder: what it needs is read from the files that the experiment names,
/// and everything that it makes is written: training as by train_in_folder, predictions.h5ad, the
/// tables of every method, facts.csv, report.html and its plots. An old run is replaced once
/// everything has been found to fit; by one that trains a State Embedding for itself, when that
/// begins.
/// @throws ConfigError, IoError, FormatError; Stopped with a last checkpoint of training written
template <class = void>
RunResult run_in_folder(const Experiment& asked, const std::filesystem::path& path,
                        const RunInFolderOptions& options = {}) {
  const RunFolder folder(path);
  detail::FolderInputs given = detail::read_for_folder(asked, folder, options);
  const Experiment& e = given.experiment;
  auto& [cells, inputs] = given.read;
  const bool resumes = options.old == OldRun::resume;
  const Prepared* prepared = nullptr;
  std::vector<std::string> folders;
  RunOptions all;
  all.inputs = std::move(inputs);
  all.more_methods = options.more_methods;
  all.more_metrics = options.more_metrics;
  all.callbacks = options.callbacks;
  all.state_transition.anchor_may_give_way = options.anchor_may_give_way;
  all.state_transition.start = given.start;
  all.state_transition.device = options.device;
  const auto begun = detail::begun_with(folder, prepared, options);
  all.embedding = detail::embedding_hooks(e, folder, begun, options);
  all.state_transition.hooks = folder.hooks(
      e, options.old, [&]() -> const SplitSpec& { return prepared->split; }, begun);
  const bool trains = names_state_transition(e);
  all.prepared = [&](const Prepared& p) {
    prepared = &p;
    // Where it is the first, its training begins the folder, when all of it was found to fit.
    if (trains && e.methods.front() == "state_transition") return;
    if (!resumes)
      folder.begin(e, p.split, trains ? detail::sound_anchor(e, p, options) : Anchor::none);
    begun();
  };
  std::optional<ModelCard> card;
  std::string title;  // of the method that the card is of
  all.fitted = [&](const Predictor& method, const Prepared& p) {
    const auto* trained = dynamic_cast<const StateTransitionPredictor<>*>(&method);
    if (!trained) return;
    detail::save_run_model(folder, p, trained->models());
    title = method.title();
    card = detail::model_card_of(e, p, all.inputs.dataset, trained->models());
    write_model_card(folder / "model", *card);
  };
  all.scored = [&](const MethodOutcome& done) {
    const Prepared& p = done.prepared;
    const auto write_tables = [&](const std::filesystem::path& tables) {
      write_results(tables, done.evaluation, {.progress = options.callbacks.progress});
      write_score_record(tables / "scores.json", detail::run_score_record(e, p, done.evaluation));
    };
    if (!done.is_first) {
      folders.push_back("baselines/" + done.method.name());
      return write_tables(folder.path() / folders.back());
    }
    write_h5ad(folder / "predictions.h5ad",
               prediction_anndata(p.annotations, e.labels, p.screen, done.requests, done.predicted,
                                  p.model_genes),
               {.progress = options.callbacks.progress});
    if (e.save_real)
      write_h5ad(folder / "real.h5ad",
                 observation_anndata(p.annotations, e.labels, p.screen, done.requests, p.parts,
                                     p.model_genes),
                 {.progress = options.callbacks.progress});
    write_tables(folder.path());
  };
  auto out = run(std::move(cells), e, all);
  write_ceilings(folder.path(), out.ceilings);
  write_level_ceilings(folder.path(), out.level_ceilings);
  ReportInput& report = out.report;
  report.title =
      "Predicted perturbation responses: " + std::filesystem::path(e.data).filename().string();
  if (resumes && trains)
    add_training(report, read_metrics(folder / "metrics.csv"), e.training.choose_by);
  if (card) {
    for (const ScoredMethod& method : methods_of(report))
      if (method.name == title) card->scores = method.contexts;
    write_model_card(folder / "model", *card);
  }
  write_report_tables(folder.path(), report, folders, out.missing);
  write_report_page(folder.path(), report, options.gnuplot, options.callbacks.progress);
  return out;
}

VCELL_INSTANTIATE(folders,
                  std::vector<TrainedModel> train_in_folder<void>(const Experiment&,
                                                                  const std::filesystem::path&,
                                                                  const RunInFolderOptions&));
VCELL_INSTANTIATE(folders,
                  RunResult run_in_folder<void>(const Experiment&, const std::filesystem::path&,
                                                const RunInFolderOptions&));

VCELL_END_NAMESPACE
