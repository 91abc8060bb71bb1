#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

#include "vcell/train/train_options.hpp"
#include "vcell/train/train_state.hpp"

VCELL_BEGIN_NAMESPACE

/// How long a whole training takes, as far as a few steps of it tell.
struct TrainingTime {
  uint64_t steps = 0;  ///< of the whole, which may end earlier
  uint64_t validations = 0;
  double step_seconds = 0, validation_seconds = 0;

  double training_seconds() const {
    return double(steps) * step_seconds + double(validations) * validation_seconds;
  }
};

/// Times the first steps of a training and the validation after them.
class StepTimes {
 public:
  /// @param t      of the whole training; becomes that of the steps that are timed
  /// @param steps  that are timed at most; the first, which is slower, counts where it is alone
  StepTimes(TrainOptions& t, uint64_t steps)
      : count_(size_t(std::clamp<uint64_t>(steps, 1, t.max_steps))) {
    found_.steps = t.max_steps;
    const uint64_t every = t.validate_every ? t.validate_every : t.max_steps;
    found_.validations = (t.max_steps + every - 1) / every;
    t.validate_every = count_;
    t.checkpoint_every = t.patience = 0;
  }

  void begin() { begun_ = Clock::now(); }
  void add(const MetricsRow& row) {
    seconds_.push_back(std::chrono::duration<double>(Clock::now() - begun_).count());
    validated_ |= row.validation_loss.has_value();
  }
  bool is_done() const { return seconds_.size() >= count_; }

  /// Once it is done.
  TrainingTime found() const {
    TrainingTime out = found_;
    // The last step has the validation in it.
    const size_t last = seconds_.size() - 1;
    if (!validated_) out.validations = 0;
    out.step_seconds =
        last >= 2 ? (seconds_[last - 1] - seconds_[0]) / double(last - 1) : seconds_[0];
    if (validated_ && last >= 1)
      out.validation_seconds =
          std::max(0.0, seconds_[last] - seconds_[last - 1] - out.step_seconds);
    return out;
  }

 private:
  using Clock = std::chrono::steady_clock;

  size_t count_;
  TrainingTime found_;
  Clock::time_point begun_;
  std::vector<double> seconds_;  // at the end of each step
  bool validated_ = false;
};

VCELL_END_NAMESPACE
