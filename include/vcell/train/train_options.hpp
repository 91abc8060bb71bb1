#pragma once

#include <cstdint>

#include "vcell/core/cmath.hpp"
#include "vcell/train/schedule.hpp"

VCELL_BEGIN_NAMESPACE

enum class OptimizerKind {
  adam,  ///< weight decay is an L2 penalty
  adamw  ///< weight decay is decoupled
};

/// What decides which of the validations is the best.
enum class ChooseBy {
  loss,           ///< the lowest
  pearson_delta,  ///< the highest correlation of predicted and observed shifts
  discrimination  ///< perturbations told from each other best
};

/// How a model is trained. The defaults are those of `vcell run`.
struct TrainOptions {
  /// Steps in all; also where a cosine schedule ends.
  uint64_t max_steps = 2000;
  OptimizerKind optimizer = OptimizerKind::adamw;
  /// The highest learning rate.
  double learning_rate = 1e-3;
  double weight_decay = 5e-4;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  ScheduleShape schedule = ScheduleShape::cosine;
  /// Steps over which the learning rate rises linearly from 0, or from first_rate where chained.
  uint64_t warmup = 0;
  /// The rate at the end of a cosine or chained schedule, as a share of learning_rate.
  double last_rate = 0;
  /// The rate that a chained schedule starts at, as a share of learning_rate.
  double first_rate = 0.33;
  /// Steps that a chained schedule makes in each step of training (Schedule::stride); its warm-up
  /// counts them, and so does schedule_total.
  uint64_t schedule_steps = 1;
  /// Steps after which a chained schedule has come down; 0: those that it makes in all.
  uint64_t schedule_total = 0;
  /// Batches in each step: the loss is the mean of theirs, and so is the gradient, for which only
  /// one of them is in memory at a time.
  uint64_t accumulate = 1;
  /// Decay of an exponential moving average of the parameters, which is then what is validated and
  /// kept; 0: none. Step t keeps min(ema, t / (9 + t)) of the average, so that the first parameters
  /// are soon forgotten.
  double ema = 0;
  /// Greatest norm of all gradients together; 0: they are not clipped.
  double clip = 10;
  /// Steps between validations; one more comes after the last step. 0: after the last step only.
  uint64_t validate_every = 100;
  /// What the best validation is the best by.
  ChooseBy choose_by = ChooseBy::loss;
  /// Stop after this many validations in a row without a new best; 0: never.
  uint64_t patience = 0;
  /// Steps after which the host reads loss and norm, tells of them and may stop; 0: 1 on the Cpu,
  /// 20 elsewhere, where reading means to wait. Changes no result.
  uint64_t report_every = 0;
  /// Where the device can, record the steps of a task that loads its batches apart, and launch each
  /// as one (train/recorded_steps.hpp). Changes no result.
  bool record = true;
  /// Steps between checkpoints that are kept; 0: none beside best and last.
  uint64_t checkpoint_every = 0;
  /// What batches and dropout are functions of, together with the step.
  uint64_t seed = 42;
};

/// The learning-rate schedule that the options describe.
inline Schedule schedule_of(const TrainOptions& o) {
  const bool chained = o.schedule == ScheduleShape::chained;
  const uint64_t made = chained ? o.max_steps * o.schedule_steps : o.max_steps;
  return {.rate = o.learning_rate,
          .shape = o.schedule,
          .warmup = o.warmup,
          .total = chained && o.schedule_total ? o.schedule_total : made,
          .last = o.last_rate,
          .first = o.first_rate,
          .stride = o.schedule_steps};
}

/// @throws ConfigError naming the option and what it may be
inline void check_train_options(const TrainOptions& o) {
  check_positive("TrainOptions", "max_steps", o.max_steps);
  check_schedule(schedule_of(o));
  check_positive("TrainOptions", "accumulate", o.accumulate);
  if (!(o.ema >= 0 && o.ema < 1))
    throw ConfigError(message("TrainOptions: ema is ", o.ema, ", expected a decay in [0, 1)"));
  if (!(o.clip >= 0))
    throw ConfigError(message("TrainOptions: clip is ", o.clip, ", expected 0 or more"));
}

VCELL_END_NAMESPACE
