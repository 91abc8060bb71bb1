#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>

#include "vcell/core/progress.hpp"
#include "vcell/train/recorded_steps.hpp"

VCELL_BEGIN_NAMESPACE

/// What one step left to be told.
struct MetricsRow {
  uint64_t step = 0;  ///< steps done with this one, from 1
  double train_loss = 0;
  std::optional<double> validation_loss = {};  ///< in steps after which it was measured
  double learning_rate = 0;
  double gradient_norm = 0;  ///< before clipping
  uint64_t member = 1;       ///< whose step it is, where several models are trained in turn
  /// Measured with the validation loss, by tasks that do (Validation).
  std::optional<double> pearson_delta = {}, discrimination = {};

  bool operator==(const MetricsRow&) const = default;
};

/// What a task says of a validation.
struct Validation {
  double loss = 0;
  double alpha = 1;  ///< how much of what an anchored model has learnt gives that loss
  /// How well predicted shifts of perturbations correlate with observed ones, and are told from
  /// each other by them (train/validation_shifts.hpp); where they were measured.
  std::optional<double> pearson_delta = {}, discrimination = {};

  Validation() = default;
  Validation(double l, double a = 1) : loss(l), alpha(a) {}  // implicit: most have a loss alone

  bool operator==(const Validation&) const = default;
};

/// Where training stands. With parameters and optimizer, all that it takes to go on exactly.
struct TrainState {
  uint64_t step = 0;       ///< steps done
  uint64_t best_step = 0;  ///< after which validation was best; 0: not measured yet
  double best_validation_loss = std::numeric_limits<double>::infinity();  ///< of that step
  uint64_t misses = 0;     ///< validations since then
  double best_alpha = 1;   ///< Validation::alpha of the best
  double best_metric = 0;  ///< of the best, where TrainOptions::choose_by is not the loss

  bool operator==(const TrainState&) const = default;
};

/// Which checkpoint is to be written.
enum class CheckpointKind {
  step,  ///< one that is kept, by option
  last,  ///< where training stands
  best   ///< where it stands too, and validation is the best so far
};

/// Who is told what during training. All may be empty.
struct TrainCallbacks {
  /// Of every step, in order, when the host reads what steps left (TrainOptions::report_every);
  /// returning false stops training there, with a last checkpoint.
  Progress progress = {};
  /// Of every step, in order, none left out; before the checkpoints of that step.
  std::function<void(const MetricsRow&)> metrics = {};
  /// Write a checkpoint of the trainer as it is. When a step has several they come as step, last,
  /// best; a best one always follows a last one of the same step.
  std::function<void(CheckpointKind)> checkpoint = {};
};

struct TrainResult {
  TrainState state;
  bool stopped = false;         ///< the progress callback asked for it
  bool stopped_early = false;   ///< before max_steps: no new best for `patience` validations
  RecordedSteps recorded = {};  ///< on a device that can record them
};

VCELL_END_NAMESPACE
