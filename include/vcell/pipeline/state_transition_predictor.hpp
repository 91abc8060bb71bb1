#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/models/predict_cells.hpp"
#include "vcell/models/training_anchors.hpp"
#include "vcell/pipeline/choose_anchor.hpp"
#include "vcell/pipeline/draw_validation.hpp"
#include "vcell/preprocess/normalize_to_log1p.hpp"
#include "vcell/sets/control_pairing.hpp"
#include "vcell/sets/embedding_screen.hpp"
#include "vcell/sets/split.hpp"
#include "vcell/train/choices.hpp"
#include "vcell/train/experiment.hpp"
#include "vcell/train/start_from.hpp"
#include "vcell/train/train_state_transition.hpp"

VCELL_BEGIN_NAMESPACE

/// Where training can be kept, gone on with and watched. All may be empty.
struct TrainingHooks {
  /// Member `number` of `members`, counted from 1, is trained next: the other hooks are told of it.
  std::function<void(size_t number, size_t members)> member = {};
  /// Puts a new trainer where an interrupted training stood.
  std::function<void(Trainer<float>&)> restore = {};
  /// Data and settings were found to fit, and the first step is next.
  std::function<void(const TrainedModel&)> begin = {};
  std::function<void(const MetricsRow&)> metrics = {};  ///< of every step
  /// Where training stands is to be kept.
  std::function<void(const Trainer<float>&, CheckpointKind)> checkpoint = {};
};

struct StateTransitionPredictorOptions {
  PerturbationFeatures features =
      PerturbationFeatures();  ///< of every perturbation that is trained on or predicted
  /// The model's genes, by name; empty: all of the screen's.
  std::vector<std::string> genes = {};
  /// (cells, E) what the model reads and predicts of the screen's cells in place of their
  /// expression; genes are then decoded of it. Must outlive the predictor; given exactly when the
  /// experiment has a decoder.
  const DenseMatrix<float>* embedding = nullptr;
  /// Where it came from, which the model keeps (TrainedModel::embedding_key).
  std::string embedding_key = {};
  NormalizedToLog1p normalized = {};  ///< how the screen became log1p, which the model keeps
  /// (cells) parts before validation was drawn: every member of an ensemble but the first draws its
  /// own, as the experiment says. Empty: all have that of fit.
  std::vector<Part> split_parts = {};
  /// The anchor of the experiment is a default that gives way where it cannot be; false: that is an
  /// error.
  bool anchor_may_give_way = true;
  /// The model that member `number` of `members`, counted from 1, starts from (start_from); asked
  /// for when it has nothing to go on from. Given exactly where the experiment has init_from.
  std::function<const TrainedModel&(size_t number, size_t members)> start = {};
  /// What trains and predicts on the device that the experiment names; empty: the Cpu.
  StateTransitionDevice device = {};
  TrainingHooks hooks = {};
};

/// Says what a regression from features is.
template <class = void>
void note_regression(const FeatureRegression& r, const Callbacks& callbacks) {
  if (r.kernel == FeatureKernel::none)
    note(callbacks,
         "features tell nothing of the shifts: what no context trains on is anchored at ",
         "its context's mean shift");
  else
    note(callbacks, "what no context trains on is anchored by its features: ",
         r.kernel == FeatureKernel::linear ? "ridge" : "kernel ridge", " regression, ridge ",
         r.ridge[0], r.kernel == FeatureKernel::linear ? "" : message(", width ", r.width));
}

/// State Transition as an experiment describes it, anchored or not: one model, or an ensemble of
/// them, which are trained in turn.
template <class = void>
class StateTransitionPredictor final : public Predictor {
 public:
  StateTransitionPredictor(Experiment experiment, StateTransitionPredictorOptions options)
      : experiment_(std::move(experiment)), options_(std::move(options)) {}

  std::string name() const override { return "state_transition"; }
  std::string title() const override { return "State Transition"; }

  /// Trains. What an anchored model starts from when it predicts is learnt from the cells of train
  /// and validation.
  /// @throws ConfigError if settings and data do not fit each other; Stopped if progress asks for
  ///         it, after a last checkpoint
  void fit(const Screen& screen, std::span<const Part> parts, const Callbacks& callbacks) override;

  PredictedCells predict(const Screen& screen, std::span<const PredictionRequest> requests,
                         const Callbacks& callbacks) const override {
    if (!options_.embedding)
      return predict_cells(models(), screen, requests,
                           {.place = options_.device.place, .progress = callbacks.progress});
    return predict_cells(
        models(), embedding_screen(screen, *options_.embedding), requests,
        {.genes = &screen, .place = options_.device.place, .progress = callbacks.progress});
  }

  /// The trained models, as many as the experiment's ensemble has members, each with the parameters
  /// of its best validation.
  /// @throws Error before fit
  std::span<const TrainedModel> models() const {
    if (models_.empty()) throw Error("StateTransitionPredictor::models: fit was not called yet");
    return models_;
  }
  /// The same, which this predictor then no longer has.
  std::vector<TrainedModel> take_models() {
    models();
    return std::exchange(models_, {});
  }
  /// Where the training of each ended.
  const std::vector<TrainState>& states() const { return states_; }

 private:
  /// Trains one member, counted from 1.
  /// @param e        with the member's seed
  /// @param decoded  expression of what is decoded of a screen of an embedding; else null
  TrainedModel fit_member(const Experiment& e, size_t member, const Screen& screen,
                          const Screen* decoded, std::span<const Part> parts,
                          const Callbacks& callbacks);
  TrainedModel new_model(const Experiment& e, const Screen& screen, const Screen* decoded,
                         const PerturbationFeatures& features, Anchor anchor) const;

  Experiment experiment_;
  StateTransitionPredictorOptions options_;
  std::vector<TrainedModel> models_;
  std::vector<TrainState> states_;
};

template <class Void>
TrainedModel StateTransitionPredictor<Void>::new_model(const Experiment& e, const Screen& screen,
                                                       const Screen* decoded,
                                                       const PerturbationFeatures& features,
                                                       Anchor anchor) const {
  if ((e.model.decoder != GeneDecoderKind::none) != (decoded != nullptr))
    throw ConfigError(message("[model] decoder is ", name_of_choice(e.model.decoder),
                              " and the cells have ", decoded ? "an" : "no", " embedding beside ",
                              "their expression; genes are decoded of an embedding, and learnt ",
                              "from the expression of its cells"));
  const StateTransitionConfig config = state_transition_config(
      e, screen, screen.genes.size(), decoded ? decoded->genes.size() : 0, features, anchor);
  return {.model = StateTransition<float>(config, e.training.seed),
          .genes = screen.genes,
          .perturbations = features,
          .contexts = screen.context.names,
          .batches = e.model.batch_encoder || e.model.batch_token ? screen.batch.names
                                                                  : std::vector<std::string>(),
          .labels = e.labels,
          .scale = options_.normalized.found.scale,
          .target_sum = options_.normalized.target_sum,
          .set_size = e.model.set_size,
          .decoded_genes = decoded ? decoded->genes : std::vector<std::string>(),
          .embedding_key = options_.embedding_key};
}

template <class Void>
void StateTransitionPredictor<Void>::fit(const Screen& all, std::span<const Part> parts,
                                         const Callbacks& callbacks) {
  const bool some = !options_.genes.empty() && options_.genes != all.genes;
  const Screen chosen = some ? select_genes(all, options_.genes) : Screen();
  const Screen& expression = some ? chosen : all;
  const Screen space = options_.embedding ? embedding_screen(all, *options_.embedding) : Screen();
  const Screen& screen = options_.embedding ? space : expression;
  Experiment e = experiment_;
  const size_t members = e.ensemble;
  check_positive("StateTransitionPredictor", "ensemble", members);
  if (e.init_from.empty() == bool(options_.start))
    throw ConfigError(message("StateTransitionPredictor: [training] init_from is ",
                              quoted(e.init_from), ", and there is ", options_.start ? "a" : "no",
                              " model that training starts from; InitialModel reads it"));
  if (e.device != RunDevice::cpu && !(options_.device.train && options_.device.place))
    throw ConfigError(message("StateTransitionPredictor: [run] device is ",
                              name_of_choice(e.device), ", and what trains and predicts there was ",
                              "not given; give StateTransitionPredictorOptions::device"));
  models_.clear();
  states_.clear();
  for (size_t i = 1; i <= members; ++i) {
    if (options_.hooks.member) options_.hooks.member(i, members);
    e.training.seed = member_seed(experiment_.training.seed, i);
    Callbacks told = callbacks;
    if (members > 1) {
      note(callbacks, "member ", i, " of ", members, ", seed ", e.training.seed);
      if (callbacks.progress)
        told.progress = [&, text = std::string()](const ProgressUpdate& update) mutable {
          text = message("member ", i, ", ", update.note);
          return callbacks.progress(
              {update.stage, (i - 1) * update.total + update.done, members * update.total, text});
        };
    }
    const auto own = member_parts(experiment_, screen, parts, options_.split_parts, i, told);
    models_.push_back(
        fit_member(e, i, screen, options_.embedding ? &expression : nullptr, own, told));
  }
}

template <class Void>
TrainedModel StateTransitionPredictor<Void>::fit_member(const Experiment& e, size_t member,
                                                        const Screen& screen, const Screen* decoded,
                                                        std::span<const Part> parts,
                                                        const Callbacks& callbacks) {
  const auto& t = e.training;
  std::vector<Part> learnt(parts.begin(), parts.end());
  PerturbationFeatures features = options_.features;
  const Anchor anchor =
      choose_anchor(e, screen, parts, options_.features, options_.anchor_may_give_way, callbacks);
  std::optional<TrainingAnchors> anchors;
  if (anchor != Anchor::none) {
    anchors.emplace(screen, learnt, t.seed,
                    anchor == Anchor::features ? &options_.features : nullptr, &options_.features);
    note(callbacks,
         "anchored at the mean shift in other contexts, shrunk with k = ", anchors->shrinkage());
    std::vector<std::string> names;
    for (const int32_t code : anchors->untrained())
      names.push_back(screen.perturbation.names[size_t(code)]);
    if (anchor != Anchor::features)  // there, the features tell of them
      for (const std::string& name : names) features.silence(name);
    if (!names.empty())
      note(callbacks, "not trained on, since there is a single cell to train on: ", list_of(names));
  }
  TrainedModel model = new_model(e, screen, decoded, features, anchor);
  if (anchors)  // alpha is found in training
    model.anchors = make_anchors(
        screen, [&](size_t i) { return parts[i] == Part::train || parts[i] == Part::validation; },
        features, anchors->shrinkage(), 1, anchor == Anchor::features);
  if (model.anchors && model.anchors->regression)
    note_regression(*model.anchors->regression, callbacks);
  note(callbacks, "State Transition: ", model.model.parameters().count(), " parameters, width ",
       e.model.hidden, ", ", e.model.layers, " layers, ", e.model.heads, " heads x ",
       e.model.head_dim, ", MLP ", e.model.mlp_width, "; ", t.max_steps, " steps of ",
       e.model.batch_size, " sets of ", e.model.set_size, " cells");
  note(callbacks, name_of_choice(t.optimizer), ", rate ", t.learning_rate, " ",
       name_of_choice(t.schedule), ", weight decay ", t.weight_decay, ", clip ", t.clip, "; loss ",
       name_of_choice(e.model.loss), "; seed ", t.seed);
  if (t.accumulate > 1 || t.ema > 0)
    note(callbacks, t.accumulate, t.accumulate > 1 ? " batches" : " batch", " in each step",
         t.ema > 0 ? message("; what is kept is an average, decay ", t.ema) : "");

  Trainer<float> trainer(model.model.parameters(), t);
  if (options_.hooks.restore) options_.hooks.restore(trainer);
  if (trainer.state().step)
    note(callbacks, "going on after step ", trainer.state().step);
  else if (options_.start)
    note_start(start_from(model, options_.start(member, e.ensemble)), callbacks);
  const bool measures_prediction = validates_pairs(screen, learnt);
  StateTransitionTaskOptions options;
  options.sets.sets = {.set_size = e.model.set_size,
                       .control_sets = e.model.control_sets,
                       .weights = e.model.weights};
  options.sets.pairing = {e.model.pairs_within_batch(), e.model.mapping};
  options.sets.batch_size = e.model.batch_size;
  options.sets.genes = decoded ? decoded->reader() : RowReader();
  options.sets.seed = t.seed;
  options.validation_batches = e.validation_batches;
  options.anchors = anchors ? &*anchors : nullptr;
  options.choose_alpha = measures_prediction;
  const auto begin = [&] {
    if (e.model.pairs_within_batch()) {
      const ControlPairing pairing(screen, {.within_batch = true, .part = Part::train});
      size_t cells = 0;
      for (const auto& fallback : pairing.fallbacks()) cells += fallback.cells;
      if (cells)
        note(callbacks, cells, " perturbed cells are in batches without controls: they are paired ",
             "with controls of their context");
    }
    if (options_.hooks.begin) options_.hooks.begin(model);
  };
  TrainCallbacks told{.progress = callbacks.progress, .metrics = options_.hooks.metrics};
  if (options_.hooks.checkpoint)
    told.checkpoint = [&](CheckpointKind kind) { options_.hooks.checkpoint(trainer, kind); };
  const StateTransitionTraining training{model.model, trainer, features, screen,
                                         learnt,      options, begin,    told};
  const auto result = options_.device.train ? options_.device.train(training)
                                            : train_state_transition<Cpu>(training);
  if (!result.recorded.why_not.empty())
    note(callbacks,
         "steps were not all recorded, but queued kernel by kernel: ", result.recorded.why_not);
  const TrainState& state = states_.emplace_back(result.state);
  if (result.stopped)
    throw Stopped(message("stopped after step ", state.step, " of ", t.max_steps,
                          e.ensemble > 1 ? message(" of member ", states_.size()) : ""));
  if (result.stopped_early)
    note(callbacks, "stopped early after step ", state.step, ": no better validation ",
         name_of_choice(t.choose_by), " in ", t.patience, " validations");
  trainer.use_best();
  if (model.anchors) {
    model.anchors->alpha = state.best_alpha;
    note(callbacks, "of what is learnt beside the anchor ", model.anchors->alpha, " is added",
         measures_prediction ? ", as validation says" : "");
  }
  if (state.best_step)
    note(callbacks, "the model of step ", state.best_step, " is kept: validation loss ",
         std::round(state.best_validation_loss * 1e4) / 1e4,
         t.choose_by == ChooseBy::loss ? ""
                                       : message(", ", name_of_choice(t.choose_by), " ",
                                                 std::round(state.best_metric * 1e4) / 1e4));
  else
    note(callbacks, "nothing to validate on: the model of the last step is kept");
  return model;
}

VCELL_INSTANTIATE(pipeline, class StateTransitionPredictor<void>);

VCELL_END_NAMESPACE
