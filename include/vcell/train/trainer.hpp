#pragma once

#include <charconv>
#include <cmath>
#include <string_view>
#include <vector>

#include "vcell/autograd/backward.hpp"
#include "vcell/train/adam.hpp"
#include "vcell/train/adamw.hpp"
#include "vcell/train/clip_gradient_norm.hpp"
#include "vcell/train/train_options.hpp"
#include "vcell/train/train_state.hpp"

VCELL_BEGIN_NAMESPACE

/// Trains parameters on a task, in memory. A task is any type with
///
///   Variable<T, 0> loss(uint64_t step);          // of the batch of that step, from 0
///   std::optional<double> validation_loss();     // nothing when there is nothing to measure
///
/// The state between steps is small and open (state, optimizer, best parameters), so a trainer can
/// be put where another one was; a task that is a function of the step alone then goes on exactly.
///
///   Trainer trainer(model.parameters(), {.max_steps = 2000});
///   trainer.run(task);
///   trainer.use_best();
template <class T = float>
class Trainer {
 public:
  using Values = std::vector<Tensor<T, 1>>;

  /// @param parameters  must outlive the trainer
  /// @throws ConfigError if an option is out of its range
  Trainer(const Parameters<T>& parameters, const TrainOptions& options)
      : parameters_(&parameters),
        options_(checked(options)),
        optimizer_(make_optimizer(parameters, options)) {
    for (const auto& p : parameters.all()) best_.push_back(Tensor<T, 1>({p.flat.count()}));
  }

  /// Takes steps until max_steps are done, patience is at its end or the progress callback says
  /// stop. Called again it goes on.
  /// @throws Error naming the step if a loss or the gradient is not finite. The parameters are
  ///         those before that step, unless it is the validation loss that is not.
  template <class Task>
  TrainResult run(Task& task, const TrainCallbacks& callbacks = {}) {
    TrainResult result;
    while (!is_last() && !out_of_patience() && !result.stopped) {
      const MetricsRow row = take_step(task);
      if (callbacks.metrics) callbacks.metrics(row);
      result.stopped = callbacks.progress && !callbacks.progress(update(row));
      if (!callbacks.checkpoint) continue;
      const bool kept = is_multiple(options_.checkpoint_every);
      if (kept) callbacks.checkpoint(CheckpointKind::step);
      if (kept || validates() || result.stopped) callbacks.checkpoint(CheckpointKind::last);
      if (state_.best_step == state_.step) callbacks.checkpoint(CheckpointKind::best);
    }
    result.state = state_;
    result.stopped_early = out_of_patience() && !is_last();
    return result;
  }

  /// Gives the model the parameters of the best validation; it keeps its own if there was none.
  void use_best() const {
    if (state_.best_step == 0) return;
    for (size_t i = 0; i < best_.size(); ++i) {
      const auto live = parameters_->all()[i].flat.mutable_value();
      std::copy_n(best_[i].data(), best_[i].count(), live.data);
    }
  }

  const Parameters<T>& parameters() const { return *parameters_; }
  const TrainOptions& options() const { return options_; }
  const TrainState& state() const { return state_; }
  const AdamOptimizer<T>& optimizer() const { return optimizer_; }
  AdamOptimizer<T>& optimizer() { return optimizer_; }
  /// The parameters of the best validation, in order; zeros before the first.
  const Values& best() const { return best_; }

  /// Puts the trainer where another one was. Parameters and optimizer are set by their own means.
  /// @param best  the best parameters so far, in order; not read when state.best_step is 0
  /// @throws ShapeError if they are not of the model's sizes
  void restore(const TrainState& state, Values best) {
    if (state.best_step) {
      check_size_match("Trainer::restore", "best", best.size(), "parameters", best_.size());
      for (size_t i = 0; i < best.size(); ++i)
        check_size_match("Trainer::restore", "elements", best[i].count(),
                         parameters_->all()[i].name.c_str(), best_[i].count());
      best_ = std::move(best);
    }
    state_ = state;
  }

 private:
  static const TrainOptions& checked(const TrainOptions& options) {
    check_train_options(options);
    return options;
  }
  static AdamOptimizer<T> make_optimizer(const Parameters<T>& parameters, const TrainOptions& o) {
    if (o.optimizer == OptimizerKind::adam)
      return Adam<T>(parameters, {o.beta1, o.beta2, o.epsilon, o.weight_decay});
    return AdamW<T>(parameters, {o.beta1, o.beta2, o.epsilon, o.weight_decay});
  }

  bool is_last() const { return state_.step >= options_.max_steps; }
  bool is_multiple(uint64_t every) const { return every && state_.step % every == 0; }
  bool validates() const { return is_multiple(options_.validate_every) || is_last(); }
  bool out_of_patience() const { return options_.patience && state_.misses >= options_.patience; }

  template <class Task>
  MetricsRow take_step(Task& task) {
    MetricsRow row;
    row.learning_rate = learning_rate(schedule_of(options_), state_.step);
    row.step = state_.step + 1;
    parameters_->zero_gradients();
    {
      const Variable<T, 0> loss = task.loss(state_.step);
      row.train_loss = double(*loss.value().data);
      check_finite("training loss", row.train_loss, row);
      backward(loss);
    }
    row.gradient_norm = clip_gradient_norm(
        *parameters_, options_.clip > 0 ? options_.clip : std::numeric_limits<double>::infinity());
    check_finite("gradient's norm", row.gradient_norm, row);
    optimizer_.step(row.learning_rate);
    ++state_.step;
    if (validates()) {
      NoGrad no_grad;
      row.validation_loss = task.validation_loss();
      if (row.validation_loss) judge(row);
    }
    return row;
  }

  void judge(const MetricsRow& row) {
    check_finite("validation loss", *row.validation_loss, row);
    ++state_.misses;
    if (!(*row.validation_loss < state_.best_validation_loss)) return;
    state_.best_validation_loss = *row.validation_loss;
    state_.best_step = state_.step;
    state_.misses = 0;
    for (size_t i = 0; i < best_.size(); ++i) {
      const auto live = parameters_->all()[i].flat.value();
      std::copy_n(live.data, live.count(), best_[i].data());
    }
  }

  void check_finite(const char* what, double value, const MetricsRow& row) const {
    if (std::isfinite(value)) [[likely]]
      return;
    throw Error(message("Trainer: the ", what, " of step ", row.step, " is ", value,
                        "; try a lower learning rate (it is ", row.learning_rate, "), a warm-up (",
                        options_.warmup, " steps), stronger clipping (", options_.clip,
                        "), and look for extreme values in the data"));
  }

  // Text without allocation: a steady step asks nothing of the system.
  ProgressUpdate update(const MetricsRow& row) {
    constexpr std::string_view label = "loss ";
    char* end = std::copy(label.begin(), label.end(), note_);
    end =
        std::to_chars(end, note_ + sizeof note_, row.train_loss, std::chars_format::general, 4).ptr;
    return {"train", size_t(row.step), size_t(options_.max_steps),
            std::string_view(note_, size_t(end - note_))};
  }

  const Parameters<T>* parameters_;
  TrainOptions options_;
  AdamOptimizer<T> optimizer_;
  TrainState state_;
  Values best_;
  char note_[32];
};

VCELL_END_NAMESPACE
