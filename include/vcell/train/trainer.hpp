#pragma once

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "vcell/autograd/backward.hpp"
#include "vcell/core/cmath.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/kernels/check_step.hpp"
#include "vcell/kernels/gradient_norm.hpp"
#include "vcell/kernels/running_average.hpp"
#include "vcell/nn/pass.hpp"
#include "vcell/ops/add.hpp"
#include "vcell/ops/scale.hpp"
#include "vcell/train/adam.hpp"
#include "vcell/train/train_options.hpp"
#include "vcell/train/train_state.hpp"

VCELL_BEGIN_NAMESPACE

/// Trains parameters on a task, in memory. A task is any type with
///
///   Variable<T, 0, Device> loss(const TrainingStep<Device>& step);  // of the batch of that step;
///                                             // with options.accumulate = n batches n k .. n k +
///                                             // n - 1 make step k, and are asked for in order
///   std::optional<double> validation_loss();  // nothing when there is nothing to measure; or
///                                             // std::optional<Validation>
///
/// A task may have its loss in two halves (LoadsBatches); then steps are recorded where the device
/// can do that.
///
/// The state between steps is small and open (state, optimizer, best parameters), so a trainer can
/// be put where another one was; a task that is a function of the step alone then goes on exactly.
///
///   Trainer trainer(model.parameters(), {.max_steps = 2000});
///   trainer.run(task);
///   trainer.use_best();
///
/// Nobody waits for the device within a step. What differs between steps is sent ahead of each
/// (kernels/step_numbers.hpp), to a place that is the trainer's own. Loss and norm are judged
/// there; the host reads them every report_every steps and before a validation or a checkpoint, and
/// learns then whether one of them was bad: from that step on nothing was updated.
template <class T = float, class Device = Cpu>
class Trainer {
 public:
  /// @param parameters  must outlive the trainer
  /// @throws ConfigError if an option is out of its range
  Trainer(const Parameters<T, Device>& parameters, const TrainOptions& options);

  /// Takes steps until max_steps are done, patience is at its end or the progress callback says
  /// stop. Called again it goes on.
  /// @throws Error naming the step if a loss or the gradient is not finite. Parameters, moments and
  ///         step counts are those before that step, unless it is the validation loss that is not.
  template <class Task>
  TrainResult run(Task& task, const TrainCallbacks& callbacks = {}) {
    TrainResult result;
    StepRecordings<Device> recordings;
    while (!is_last() && !out_of_patience() && !result.stopped) {
      take_step(task, recordings);
      const bool kept = is_multiple(options_.checkpoint_every);
      if (unread_ < report_every() && !kept && !validates()) continue;
      rows_.clear();
      read_reports(callbacks);
      for (size_t i = 0; i < rows_.size(); ++i) {
        if (i + 1 == rows_.size() && validates()) validate(task, rows_[i]);
        result.stopped |= !tell(rows_[i], callbacks);
      }
      if (!callbacks.checkpoint) continue;
      if (kept) callbacks.checkpoint(CheckpointKind::step);
      if (kept || validates() || result.stopped) callbacks.checkpoint(CheckpointKind::last);
      if (state_.best_step == state_.step) callbacks.checkpoint(CheckpointKind::best);
    }
    result.state = state_;
    result.recorded = recordings.told();
    result.stopped_early = out_of_patience() && !is_last();
    return result;
  }

  /// Gives the model the parameters of the best validation. If there was none it keeps its own, or
  /// gets their average where one is made.
  void use_best() const {
    const auto& kept = state_.best_step ? best_ : average_;
    if (kept.count()) copy(kept.data(), parameters_->values().data);
  }

  const Parameters<T, Device>& parameters() const { return *parameters_; }
  const TrainOptions& options() const { return options_; }
  const TrainState& state() const { return state_; }
  const Adam<T, Device>& optimizer() const { return optimizer_; }
  Adam<T, Device>& optimizer() { return optimizer_; }
  /// The parameters of the best validation, laid out as Parameters::values(); empty before the
  /// first.
  View<const T, 1, Device> best() const { return best_.view(); }
  /// The average of the parameters, laid out the same; empty unless options().ema, and before the
  /// first step.
  View<const T, 1, Device> average() const { return average_.view(); }
  /// Batches done: the number of the next one.
  uint64_t batches() const { return state_.step * options_.accumulate; }

  /// Puts the trainer where another one was. Parameters and optimizer are set by their own means.
  /// @param best     the best parameters so far, as best(), on the host; not read when
  ///                 state.best_step is 0
  /// @param average  as average(); read after the first step of a trainer that makes one
  /// @throws ShapeError if they are not of the model's size
  void restore(const TrainState& state, Tensor<T, 1> best, Tensor<T, 1> average = {});

 private:
  static const TrainOptions& checked(const TrainOptions& options) {
    check_train_options(options);
    return options;
  }

  size_t report_every() const {
    return options_.report_every ? options_.report_every : readable_on_host<Device> ? 1 : 20;
  }
  bool is_last() const { return state_.step >= options_.max_steps; }
  bool is_multiple(uint64_t every) const { return every && state_.step % every == 0; }
  bool validates() const { return is_multiple(options_.validate_every) || is_last(); }
  bool out_of_patience() const { return options_.patience && state_.misses >= options_.patience; }
  double rate_of(uint64_t step) const { return learning_rate(schedule_of(options_), step); }

  template <class Task>
  void take_step(Task& task, StepRecordings<Device>& recordings) {
    make_average();
    parameters_->values();  // laid out before anything is recorded, since they stay
    for (uint64_t i = 0; i < options_.accumulate; ++i) {
      const TrainingStep<Device> step = send_numbers(batches() + i);
      const BatchInStep place{i == 0, i + 1 == options_.accumulate};
      if constexpr (Recording<Device>::is_possible && LoadsBatches<Task, T, Device>) {
        if (options_.record) {
          recordings.run(task.load(step), place,
                         [&] { queue_batch(place, [&] { return task.loss_of_loaded(step); }); });
          continue;
        }
      } else if (Recording<Device>::is_possible && options_.record) {
        recordings.decline("the task does not load its batches apart");
      }
      queue_batch(place, [&] { return task.loss(step); });
    }
    note_step();
  }

  /// A batch's pass, forward and down the gradient of its loss, and after the last one the update.
  template <class Loss>
  void queue_batch(BatchInStep place, Loss&& loss_of) {
    if (place.is_first) parameters_->clear_gradients();
    const Variable<T, 0, Device> loss = loss_of();
    add_gradient(loss, place);
    if (place.is_last)
      queue_update(options_.accumulate == 1 ? loss.value() : std::as_const(loss_).view());
  }

  /// Sends ahead what the kernels read of the next batch, or step. The place is theirs until its
  /// backward pass, or update, which comes before the next call.
  TrainingStep<Device> send_numbers(uint64_t batch);

  /// Adds the share of a batch to the gradient and, where there are several, to their loss.
  void add_gradient(const Variable<T, 0, Device>& of_batch, BatchInStep place);

  /// The rest of a step, the same for every task.
  void queue_update(View<const T, 0, Device> loss);
  /// A step has been queued.
  void note_step() {
    optimizer_.note_step();
    ++state_.step;
    ++unread_;
  }
  /// Room for the average, which begins where the parameters do.
  void make_average() {
    if (options_.ema == 0 || average_.count()) return;
    average_ = Tensor<T, 1, Device>::uninitialized({parameters_->values_count()});
    copy(parameters_->values().data, average_.data());
  }

  /// Reads what the last steps left, into rows_. On a bad step the rows before it are told of and
  /// the state is that of before.
  void read_reports(const TrainCallbacks& callbacks);

  template <class Task>
  void validate(Task& task, MetricsRow& row) {
    const std::optional<Validation> found = measure(task);
    if (!found) return;
    row.validation_loss = found->loss;
    row.pearson_delta = found->pearson_delta;
    row.discrimination = found->discrimination;
    check_finite("validation loss", found->loss, row);
    ++state_.misses;
    if (is_better(*found, row)) keep_best(*found);
  }

  /// What the task measures of the parameters that would be kept.
  template <class Task>
  std::optional<Validation> measure(Task& task) {
    const NoGrad no_grad;
    if (!options_.ema) return task.validation_loss();
    exchange_average();
    std::optional<Validation> found;
    try {
      found = task.validation_loss();
    } catch (...) {
      exchange_average();
      throw;
    }
    exchange_average();
    return found;
  }
  /// The model gets the average, which gets the model's parameters. Done twice, nothing has
  /// changed.
  void exchange_average();

  /// Whether a validation is better than all before, by what is chosen by.
  bool is_better(const Validation& found, const MetricsRow& row) const;
  double metric_of(const Validation& found) const;
  void keep_best(const Validation& found);

  /// All parameters, in device memory.
  void copy(const T* from, T* to) const {
    Memory<Device>::copy(current_context<Device>(), to, from,
                         parameters_->values_count() * sizeof(T));
  }

  void check_finite(const char* what, double value, const MetricsRow& row) const;

  /// @return whether to go on
  bool tell(const MetricsRow& row, const TrainCallbacks& callbacks);

  // Text without allocation: a steady step asks nothing of the system.
  ProgressUpdate update(const MetricsRow& row) {
    constexpr std::string_view label = "loss ";
    char* end = std::copy(label.begin(), label.end(), note_);
    end =
        std::to_chars(end, note_ + sizeof note_, row.train_loss, std::chars_format::general, 4).ptr;
    return {"train", size_t(row.step), size_t(options_.max_steps),
            std::string_view(note_, size_t(end - note_))};
  }

  const Parameters<T, Device>* parameters_;
  TrainOptions options_;
  Adam<T, Device> optimizer_;
  TrainState state_;
  Tensor<T, 1, Device> best_, average_, spare_;
  Tensor<kernel::StepNumbers, 0, Device> numbers_;  // of the step under way
  Tensor<T, 0, Device> loss_;                       // of the batches of a step, added up
  Tensor<double, 0, Device> squares_, factor_;
  Tensor<uint64_t, 0, Device> bad_step_;
  Tensor<kernel::StepReport, 1, Device> reports_;
  size_t unread_ = 0;  // reports that the host has not read
  std::vector<MetricsRow> rows_;
  char note_[32];
};

template <class T, class Device>
Trainer<T, Device>::Trainer(const Parameters<T, Device>& parameters, const TrainOptions& options)
    : parameters_(&parameters),
      options_(checked(options)),
      optimizer_(parameters, {options.beta1, options.beta2, options.epsilon, options.weight_decay,
                              options.optimizer == OptimizerKind::adamw}),
      reports_(Tensor<kernel::StepReport, 1, Device>::uninitialized({report_every()})) {}

template <class T, class Device>
TrainingStep<Device> Trainer<T, Device>::send_numbers(uint64_t batch) {
  kernel::StepNumbers next = optimizer_.numbers(rate_of(state_.step));
  next.step = batch;
  next.slot = unread_;
  next.kept = std::min(options_.ema, double(state_.step + 1) / double(state_.step + 10));
  Memory<Device>::upload(current_context<Device>(), numbers_.data(), &next, sizeof next);
  return {batch, numbers_.view()};
}

template <class T, class Device>
void Trainer<T, Device>::add_gradient(const Variable<T, 0, Device>& of_batch, BatchInStep place) {
  if (options_.accumulate == 1) return backward(of_batch);
  const auto share = scale(of_batch, 1 / double(options_.accumulate));
  backward(share);
  if (place.is_first)
    Memory<Device>::copy(current_context<Device>(), loss_.data(), share.value().data, sizeof(T));
  else
    kernel::forward<kernel::Elementwise, Device>("Trainer", kernel::Add(), loss_.view().flat(),
                                                 std::as_const(loss_).view().flat(),
                                                 share.value().flat());
}

template <class T, class Device>
void Trainer<T, Device>::queue_update(View<const T, 0, Device> loss) {
  const View<const T, 1, Device> gradients = parameters_->gradients();
  kernel::run<kernel::GradientNorm, Device>("Trainer", gradients, squares_.view());
  const View<const kernel::StepNumbers, 0, Device> numbers = numbers_.view();
  kernel::run<kernel::CheckStep, Device>("Trainer", numbers, options_.clip, loss,
                                         std::as_const(squares_).view(), bad_step_.view(),
                                         reports_.view(), factor_.view());
  optimizer_.queue(numbers, std::as_const(factor_).view());
  if (options_.ema > 0)
    kernel::run<kernel::RunningAverage, Device>("Trainer", numbers, std::as_const(factor_).view(),
                                                View<const T, 1, Device>(parameters_->values()),
                                                average_.view());
}

template <class T, class Device>
void Trainer<T, Device>::read_reports(const TrainCallbacks& callbacks) {
  const auto reports = to_host(std::as_const(reports_).slice(0, std::exchange(unread_, 0)));
  // A report is of the last batch of its step.
  const uint64_t bad = to_host(std::as_const(bad_step_).view())() / options_.accumulate;
  for (const auto& [batch, loss, norm] : reports.values()) {
    const uint64_t step = batch / options_.accumulate;
    const MetricsRow row{step, loss, {}, rate_of(step - 1), norm};
    if (step == bad) {
      optimizer_.take_back(state_.step - (bad - 1));
      state_.step = bad - 1;
      bad_step_.zero();
      for (const MetricsRow& before : rows_) tell(before, callbacks);
      check_finite("training loss", loss, row);
      check_finite("gradient's norm", norm, row);
    }
    rows_.push_back(row);
  }
}

template <class T, class Device>
bool Trainer<T, Device>::tell(const MetricsRow& row, const TrainCallbacks& callbacks) {
  if (callbacks.metrics) callbacks.metrics(row);
  return !callbacks.progress || callbacks.progress(update(row));
}

template <class T, class Device>
void Trainer<T, Device>::exchange_average() {
  if (spare_.count() != average_.count())
    spare_ = Tensor<T, 1, Device>::uninitialized(average_.shape());
  T* const live = parameters_->values().data;
  copy(live, spare_.data());
  copy(average_.data(), live);
  std::swap(average_, spare_);
}

template <class T, class Device>
double Trainer<T, Device>::metric_of(const Validation& found) const {
  const auto& metric =
      options_.choose_by == ChooseBy::pearson_delta ? found.pearson_delta : found.discrimination;
  if (!metric)
    throw ConfigError(
        message("Trainer: choose_by is ",
                options_.choose_by == ChooseBy::pearson_delta ? "pearson_delta" : "discrimination",
                ", which the validation of this task does not measure; choose by ", "loss"));
  return *metric;
}

template <class T, class Device>
bool Trainer<T, Device>::is_better(const Validation& found, const MetricsRow& row) const {
  if (options_.choose_by == ChooseBy::loss) return found.loss < state_.best_validation_loss;
  const double metric = metric_of(found);
  check_finite("validation metric", metric, row);
  return !state_.best_step || metric > state_.best_metric;
}

template <class T, class Device>
void Trainer<T, Device>::keep_best(const Validation& found) {
  state_.best_validation_loss = found.loss;
  state_.best_alpha = found.alpha;
  state_.best_step = state_.step;
  state_.misses = 0;
  if (options_.choose_by != ChooseBy::loss) state_.best_metric = metric_of(found);
  const auto live = parameters_->values();
  if (best_.count() != live.count()) best_ = Tensor<T, 1, Device>::uninitialized(live.shape);
  copy(options_.ema ? average_.data() : live.data, best_.data());
}

template <class T, class Device>
void Trainer<T, Device>::restore(const TrainState& state, Tensor<T, 1> best, Tensor<T, 1> average) {
  const auto check = [&](const char* name, const Tensor<T, 1>& block) {
    check_size_match("Trainer::restore", name, block.count(), "of the parameters",
                     parameters_->values_count());
  };
  const bool averages = options_.ema > 0 && state.step > 0;
  if (state.best_step) check("numbers of best", best);
  if (averages) check("numbers of average", average);
  if (state.best_step) best_ = to_device<Device>(std::move(best));
  if (averages) average_ = to_device<Device>(std::move(average));
  state_ = state;
}

template <class T, class Device>
void Trainer<T, Device>::check_finite(const char* what, double value, const MetricsRow& row) const {
  if (std::isfinite(value)) [[likely]]
    return;
  throw Error(message("Trainer: the ", what, " of step ", row.step, " is ", value,
                      "; try a lower learning rate (it is ", row.learning_rate, "), a warm-up (",
                      options_.warmup, " steps), stronger clipping (", options_.clip,
                      "), and look for extreme values in the data"));
}

VCELL_INSTANTIATE(models, class Trainer<float>);

VCELL_END_NAMESPACE
