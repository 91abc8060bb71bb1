#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/core/machine_memory.hpp"
#include "vcell/core/peak_memory.hpp"
#include "vcell/eval/profiles.hpp"
#include "vcell/pipeline/embed_screen.hpp"
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
  StateTransitionDevice device = {};
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
  std::string split;      ///< where it is from
  size_t pairs = 0;       ///< of context and perturbation that are predicted and scored
  size_t parameters = 0;  ///< of the model, of an ensemble each; 0 where none is trained
  /// Of the small State Embedding that is trained first: 0 where none is.
  uint64_t embedding_steps = 0;
  size_t embedding_parameters = 0;
  double embedding_seconds = 0;  ///< to train it and to embed all cells; 0 where cells are not
  double memory = 0;             ///< bytes, the most so far: everything that training needs
  double scores_memory = 0;      ///< bytes that predictions and scores need beside it, at most
  double machine_memory = 0;     ///< bytes that there are; 0 when not known
};

namespace detail {

/// Embeds a few cells, after a few steps of the small State Embedding where none is given, and lets
/// the others have the same values: what steps in the embedding cost does not depend on them.
template <class = void>
void measure_embedding(const Experiment& e, const AnnData& cells, const AnyRows& X, Prepared& p,
                       const DryRunOptions& options, DryRun& out) {
  using Clock = std::chrono::steady_clock;
  if (is_obsm(e.cell_embedding)) return embed_screen(e, cells, X, p, nullptr, options.callbacks);
  p.embedder = options.inputs.embedder;
  if (!p.embedder) {
    Experiment small = small_embedding(e, cells.genes());
    StepTimes times(small.training, options.steps);
    small.training.max_steps = small.training.validate_every;  // to its end: it is needed
    small.training.warmup = 0;                                 // which may be longer
    PreparedEmbedding prepared =
        small_embedding_on(small, cells, X, cells_to_embed_by(e, p), options.callbacks);
    train_embedding(small, prepared, options.callbacks,
                    {.metrics = [&](const MetricsRow& row) { times.add(row); }},
                    [&] { times.begin(); });
    p.embedder = std::make_shared<const TrainedEmbedding>(std::move(prepared.model));
    out.embedding_steps = times.found().steps;
    out.embedding_parameters = p.embedder->model.parameters().count();
    out.embedding_seconds = times.found().training_seconds();
  }
  const size_t n = std::min<size_t>(cells.cells(), 64);
  AnnData few;
  few.var = cells.var;
  few.uns = cells.uns;
  few.obs = DataFrame({cells.obs.index.begin(), cells.obs.index.begin() + std::ptrdiff_t(n)});
  CsrMatrix<float> scratch, rows;
  rows.columns = cells.genes();
  rows.append(row_block<float>(X, 0, n, scratch));
  few.X = Matrix(std::move(rows));
  const auto begun = Clock::now();
  p.embedding = embed_cells(
      *p.embedder, few,
      {.scale = declared_scale(cells, X, e.scale).scale, .callbacks = options.callbacks});
  out.embedding_seconds += std::chrono::duration<double>(Clock::now() - begun).count() *
                           double(cells.cells()) / double(n);
  p.embedding.rows = cells.cells();
  p.embedding.values.resize(p.embedding.rows * p.embedding.columns);
  for (size_t i = n * p.embedding.columns; i < p.embedding.values.size(); ++i)
    p.embedding.values[i] = p.embedding.values[i - n * p.embedding.columns];
}

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
  auto start = options.start;
  if (start)  // the first of all members has its own
    start = [&](size_t number, size_t) -> const TrainedModel& {
      return options.start(number, members);
    };
  StateTransitionPredictor<> predictor(
      e, options_on(e, p,
                    {.anchor_may_give_way = options.anchor_may_give_way,
                     .start = start,
                     .device = options.device,
                     .hooks = hooks}));
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
/// @throws ConfigError as the run would; Stopped
template <class = void>
DryRun dry_run(ScreenCells cells, const Experiment& e, const DryRunOptions& options = {}) {
  check_experiment(e);
  const bool trains = !options.scores || names_state_transition(e);
  DryRun out;
  PrepareInputs inputs = options.inputs;
  if (trains && is_in_embedding(e))
    inputs.embed = [&](const AnnData& adata, const AnyRows& X, Prepared& fresh) {
      detail::measure_embedding(e, adata, X, fresh, options, out);
    };
  const Prepared p = prepare(std::move(cells), e, inputs, options.callbacks);
  const auto counts = count_parts(p.parts);
  std::copy(counts.begin(), counts.end(), out.cells.begin());
  out.genes = p.genes_before;
  out.model_genes = p.model_genes.empty() ? p.screen.genes.size() : p.model_genes.size();
  out.perturbations = p.screen.perturbation.names.size() - 1;
  out.contexts = p.screen.context.names.size();
  out.split = p.split_text;
  if (options.scores) {
    metrics_of(e.profile);
    make_methods(e, p);
    const auto requests = held_out_pairs(p.screen, p.parts, e.training.seed, e.predict_from);
    out.pairs = requests.size();
    out.scores_memory = detail::scores_memory(p, requests);
  }
  if (trains) detail::measure_training(e, p, options, out);
  out.memory = peak_memory();
  out.machine_memory = detail::machine_memory();
  return out;
}

VCELL_INSTANTIATE(pipeline,
                  DryRun dry_run<void>(ScreenCells, const Experiment&, const DryRunOptions&));

VCELL_END_NAMESPACE
