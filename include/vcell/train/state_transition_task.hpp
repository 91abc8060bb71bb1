#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/models/perturbation_features.hpp"
#include "vcell/models/state_transition.hpp"
#include "vcell/models/state_transition_loss.hpp"
#include "vcell/sets/set_loader.hpp"
#include "vcell/tensor/copy.hpp"

VCELL_BEGIN_NAMESPACE

struct StateTransitionTaskOptions {
  /// Sets, controls, batch size and seed. The part is ignored: train for losses, validation for
  /// validation. The seed is that of dropout too.
  SetSourceOptions sets = {};
  PrefetchOptions prefetch = {};
  /// Batches of validation sets that are measured, the first ones in an order drawn by the seed and
  /// always the same; 0: all.
  size_t validation_batches = 64;
};

/// Training of a State Transition model on a screen, for Trainer::run: batches of paired sets in,
/// the configuration's loss out.
///
///   StateTransitionTask task(model, features, screen, parts, options, trainer.state().step);
///   trainer.run(task);
template <class T = float, class Device = Cpu>
class StateTransitionTask {
 public:
  /// @param model     must outlive the task, like features and screen
  /// @param screen    with the model's genes, and with batches where the model has a batch encoder
  /// @param parts     (cells)
  /// @param first     the step of the first loss, when training is resumed
  /// @throws ShapeError if the genes or batches are not as many as the model's
  /// @throws ConfigError if a perturbation that is trained or validated on has no features, or
  ///         there is nothing to train on
  StateTransitionTask(const StateTransition<T, Device>& model, const PerturbationFeatures& features,
                      const Screen& screen, std::span<const Part> parts,
                      const StateTransitionTaskOptions& options = {}, uint64_t first = 0);

  /// The training loss of a step; steps come in order.
  /// @throws Error if it is not the next one
  Variable<T, 0, Device> loss(uint64_t step);

  /// The mean loss over the sets of the validation part; nothing if there are none.
  std::optional<double> validation_loss();

  /// Sets in one pass over the training cells.
  size_t training_sets() const { return loader_.source().sets(); }
  /// Sets in the validation part.
  size_t validation_sets() const { return validation_.sets(); }

 private:
  static SetSourceOptions with_part(SetSourceOptions options, Part part) {
    options.sets.part = part;
    return options;
  }

  /// Where each perturbation of the screen is among the features; every one in use must be there.
  void find_places(const Screen& screen);

  Variable<T, 0, Device> loss_of(const SetBatch& batch, const Pass& pass) const;

  const StateTransition<T, Device>* model_;
  const PerturbationFeatures* features_;
  uint64_t seed_;
  SetLoader loader_;
  SetSource validation_;
  size_t validation_batches_;
  std::vector<size_t> places_;  // (perturbations of the screen)
  SetBatch batch_;              // of validation; its memory is used again
};

template <class T, class Device>
StateTransitionTask<T, Device>::StateTransitionTask(const StateTransition<T, Device>& model,
                                                    const PerturbationFeatures& features,
                                                    const Screen& screen,
                                                    std::span<const Part> parts,
                                                    const StateTransitionTaskOptions& options,
                                                    uint64_t first)
    : model_(&model),
      features_(&features),
      seed_(options.sets.seed),
      loader_(screen, parts, {with_part(options.sets, Part::train), options.prefetch}, first),
      validation_(screen, parts, with_part(options.sets, Part::validation)),
      validation_batches_(options.validation_batches
                              ? std::min(options.validation_batches, validation_.batches())
                              : validation_.batches()) {
  const auto& config = model.config();
  const size_t genes = screen.genes.size();
  check_size_match("StateTransitionTask", "values of an input cell", loader_.source().input_width(),
                   "config.input_width", config.input_width);
  check_size_match("StateTransitionTask", "genes of the screen", genes, "config.output_width",
                   config.output_width);
  check_size_match("StateTransitionTask", "width of the features", features.width(),
                   "config.perturbation_width", config.perturbation_width);
  if (config.batches)
    check_size_match("StateTransitionTask", "batches of the screen", screen.batch.names.size(),
                     "config.batches", config.batches);
  find_places(screen);
}

template <class T, class Device>
Variable<T, 0, Device> StateTransitionTask<T, Device>::loss(uint64_t step) {
  if (step != loader_.step())
    throw Error(message("StateTransitionTask: step ", step, " was asked for after step ",
                        loader_.step(), " had been prepared; make the task with the step that ",
                        "training starts at"));
  return loss_of(loader_.next(), {.training = true, .seed = seed_, .step = step});
}

template <class T, class Device>
std::optional<double> StateTransitionTask<T, Device>::validation_loss() {
  if (validation_batches_ == 0) return std::nullopt;
  const NoGrad no_grad;
  double sum = 0;
  size_t sets = 0;
  for (size_t i = 0; i < validation_batches_; ++i) {
    validation_.read_pass(i, batch_);
    const size_t n = batch_.perturbation.size();
    sum += double(to_host(loss_of(batch_, {}).value())()) * double(n);
    sets += n;
  }
  return sum / double(sets);
}

template <class T, class Device>
void StateTransitionTask<T, Device>::find_places(const Screen& screen) {
  std::vector<std::string> absent;
  places_.assign(screen.perturbation.names.size(), 0);
  for (const SetSource* source : {&loader_.source(), &std::as_const(validation_)})
    for (const CellGroup& group : source->cell_sets().groups()) {
      const auto code = size_t(group.perturbation);
      const std::string& name = screen.perturbation.names[code];
      if (features_->has(name))
        places_[code] = features_->place(name);
      else if (std::find(absent.begin(), absent.end(), name) == absent.end())
        absent.push_back(name);
    }
  if (!absent.empty())
    throw ConfigError(message("StateTransitionTask: no features for ", list_of(absent),
                              ", which the split trains or validates on; add them, or leave ",
                              "their cells out of these parts"));
}

template <class T, class Device>
Variable<T, 0, Device> StateTransitionTask<T, Device>::loss_of(const SetBatch& batch,
                                                               const Pass& pass) const {
  const auto& config = model_->config();
  auto rows = Tensor<T, 2>::uninitialized({batch.perturbation.size(), features_->width()});
  for (size_t b = 0; b < batch.perturbation.size(); ++b)
    features_->copy<T>(places_[size_t(batch.perturbation[b])], {rows[b].begin(), rows[b].end()});
  Variable<int32_t, 1, Device> lengths;  // only where a set is short
  if (std::ranges::any_of(batch.lengths.values(),
                          [&](int32_t n) { return size_t(n) < batch.input.shape(1); }))
    lengths = Variable<int32_t, 1, Device>(to_device<Device>(batch.lengths));
  const auto cells = [](const Tensor<float, 3>& x) {
    return Variable<T, 3, Device>(to_device<Device>(cast<T>(x)));
  };
  const auto predicted =
      (*model_)(cells(batch.input), Variable<T, 2, Device>(to_device<Device>(std::move(rows))),
                config.batches ? batch.batch : Tensor<int32_t, 2>(), pass, lengths);
  return state_transition_loss(config, predicted, cells(batch.target), lengths);
}

VCELL_INSTANTIATE(models, class StateTransitionTask<float>);

VCELL_END_NAMESPACE
