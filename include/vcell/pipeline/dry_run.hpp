#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/core/machine_memory.hpp"
#include "vcell/core/peak_memory.hpp"
#include "vcell/eval/metrics.hpp"
#include "vcell/pipeline/held_out_pairs.hpp"
#include "vcell/pipeline/labelled_cells_of.hpp"
#include "vcell/pipeline/make_methods.hpp"
#include "vcell/pipeline/step_times.hpp"

VCELL_BEGIN_NAMESPACE

struct DryRunOptions {
  PrepareInputs inputs = {};
  /// See StateTransitionPredictorOptions.
  bool anchor_may_give_way = true;
  std::function<const TrainedModel&(size_t, size_t)> start = {};
  /// Held-out pairs are to be predicted and scored, as by run(); false: there is training alone.
  bool scores = true;
  /// Of training that are taken; the first of them, which is slower, counts where it is alone.
  uint64_t steps = 6;
  Callbacks callbacks = {};
};

/// What a run would be, as far as it can be known without it.
struct DryRun : TrainingTime {    ///< of the training of all members together
  std::array<size_t, 4> cells{};  ///< train, validation, test, unused
  size_t genes = 0;               ///< of the file, where no filter dropped them
  size_t model_genes = 0;
  size_t perturbations = 0;  ///< beside the control
  size_t contexts = 0;
  std::string split;          ///< where it is from
  size_t pairs = 0;           ///< of context and perturbation that are predicted and scored
  size_t parameters = 0;      ///< of the model, of an ensemble each; 0 where none is trained
  double memory = 0;          ///< bytes, the most so far: everything that training needs
  double scores_memory = 0;   ///< bytes that predictions and scores need beside it, at most
  double machine_memory = 0;  ///< bytes that there are; 0 when not known
};

namespace detail {

/// Predicted cells, which may have a value for every gene, and observed ones, each once as they are
/// and once with their controls for evaluation.
template <class = void>
double scores_memory(const Prepared& p, std::span<const PredictionRequest> requests) {
  const auto stored = [&](const std::vector<size_t>& rows) {
    double n = 0;
    for (const size_t row : rows) n += double(p.screen.expression.row_size(row));
    return n;
  };
  const double controls = stored(control_rows(p.screen, requests)),
               observed = stored(observed_rows(p.screen, requests, p.parts));
  double predicted = 0;
  for (const auto& r : requests)
    predicted += double(r.control_cells.size() * p.screen.genes.size());
  return (2 * predicted + observed + 2 * controls) * double(sizeof(float) + sizeof(int32_t));
}

/// Takes the first steps of a training, then a validation, and forgets them.
template <class = void>
void measure_training(const Experiment& asked, const Prepared& p, const DryRunOptions& options,
                      DryRun& out) {
  Experiment e = asked;
  const size_t members = e.ensemble;
  e.ensemble = 1;  // what one takes, the others do too
  StepTimes times(e.training, options.steps);
  bool stopped = false;
  Callbacks told = options.callbacks;
  told.progress = [&](const ProgressUpdate& update) {
    stopped |= options.callbacks.progress && !options.callbacks.progress(update);
    return !stopped && !times.is_done();
  };
  TrainingHooks hooks;
  hooks.begin = [&](const TrainedModel& model) {
    out.parameters = model.model.parameters().count();
    times.begin();
  };
  hooks.metrics = [&](const MetricsRow& row) { times.add(row); };
  StateTransitionPredictor<> predictor(e, {.features = p.features,
                                           .genes = p.model_genes,
                                           .normalized = p.normalized,
                                           .anchor_may_give_way = options.anchor_may_give_way,
                                           .start = options.start,
                                           .hooks = hooks});
  try {
    predictor.fit(p.screen, p.parts, told);
  } catch (const Stopped&) {
    if (stopped || !times.is_done()) throw;
  }
  static_cast<TrainingTime&>(out) = times.found();
  out.steps *= members;
  out.validations *= members;
}

}  // namespace detail

/// Finds out whether a run would begin, and what it would need: prepares the screen, makes the
/// methods and the model, takes a few steps of training. Nothing is written.
/// @param adata  the screen; by value: move it in where it is not needed any more
/// @throws ConfigError as the run would; Stopped
template <class = void>
DryRun dry_run(AnnData adata, const Experiment& e, const DryRunOptions& options = {}) {
  check_experiment(e);
  const Prepared p = prepare(std::move(adata), e, options.inputs, options.callbacks);
  DryRun out;
  const auto cells = count_parts(p.parts);
  std::copy(cells.begin(), cells.end(), out.cells.begin());
  out.genes = p.genes_before;
  out.model_genes = p.model_genes.empty() ? p.screen.genes.size() : p.model_genes.size();
  out.perturbations = p.screen.perturbation.names.size() - 1;
  out.contexts = p.screen.context.names.size();
  out.split = p.split_text;
  bool trains = true;
  if (options.scores) {
    metrics_of(e.profile);
    make_methods(e, p);
    trains = std::find(e.methods.begin(), e.methods.end(), "state_transition") != e.methods.end();
    const auto requests = held_out_pairs(p.screen, p.parts, e.training.seed, e.predict_from);
    out.pairs = requests.size();
    out.scores_memory = detail::scores_memory(p, requests);
  }
  if (trains) detail::measure_training(e, p, options, out);
  out.memory = peak_memory();
  out.machine_memory = detail::machine_memory();
  return out;
}

VCELL_INSTANTIATE(pipeline, DryRun dry_run<void>(AnnData, const Experiment&, const DryRunOptions&));

VCELL_END_NAMESPACE
