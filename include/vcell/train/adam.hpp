#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/kernels/adam.hpp"
#include "vcell/kernels/launch.hpp"
#include "vcell/nn/parameters.hpp"

VCELL_BEGIN_NAMESPACE

struct AdamOptions {
  /// Decay of the running mean of gradients.
  double beta1 = 0.9;
  /// Decay of the running mean of squared gradients.
  double beta2 = 0.999;
  /// Added to the root of the second moment, after its correction.
  double epsilon = 1e-8;
  /// How strongly parameters are drawn to 0.
  double weight_decay = 0;
  /// Decoupled decay: every step first shrinks the parameter by rate * weight_decay of itself, and
  /// the moments do not see it. Otherwise weight_decay times the parameter is added to its
  /// gradient, an L2 penalty, and so passes through the moments.
  bool decoupled = true;
};

/// Adam (Kingma & Ba 2015, arXiv:1412.6980, algorithm 1), numerically torch.optim.Adam, or with
/// decoupled weight decay (Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2), numerically
/// torch.optim.AdamW. Updates everything that is not frozen, in one sweep over the arena.
///
///   Adam<float> optimizer(model.parameters(), {.weight_decay = 5e-4});
///   model.parameters().clear_gradients();
///   backward(loss);
///   optimizer.step(3e-4);
template <class T, class Device = Cpu>
class Adam {
 public:
  /// Lays out the gradients; what is frozen by now has no moments.
  /// @param parameters  must outlive the optimizer
  /// @throws ConfigError if an option is out of its range
  explicit Adam(const Parameters<T, Device>& parameters, const AdamOptions& options = {});

  /// Updates every parameter from its gradient. One that no gradient has reached counts as one with
  /// gradient zero.
  /// @param rate    the learning rate of this step
  /// @param factor  on the device: what gradients are multiplied by, not-a-number to leave
  ///                everything as it is (kernels/check_step.hpp); null: 1
  void step(double rate, View<const double, 0, Device> factor = {});
  /// The same with numbers(rate), sent ahead: kernels read them on the device.
  void step(View<const kernel::StepNumbers, 0, Device> numbers,
            View<const double, 0, Device> factor = {}) {
    queue(numbers, factor);
    note_step();
  }
  /// The two halves of that: the work, which may be recorded, and the host's count of it.
  void queue(View<const kernel::StepNumbers, 0, Device> numbers,
             View<const double, 0, Device> factor);
  void note_step() { ++steps_; }
  /// Rate and corrections of the step that comes next.
  kernel::StepNumbers numbers(double rate) const;

  /// Steps taken.
  uint64_t steps() const { return steps_; }
  /// Running means of the gradients and of their squares, laid out as Parameters::gradients().
  View<const T, 1, Device> first() const { return first_.view(); }
  View<const T, 1, Device> second() const { return second_.view(); }

  /// Puts the optimizer where another one was.
  /// @param first, second  as first() and second(), on the host
  /// @throws ShapeError if they are not of these parameters
  void restore(uint64_t steps, Tensor<T, 1> first, Tensor<T, 1> second);
  /// Forgets the last steps, which changed nothing.
  void take_back(uint64_t steps) { steps_ -= steps; }

 private:
  static void check(const AdamOptions& options);

  const Parameters<T, Device>* parameters_;
  kernel::AdamConstants constants_;
  std::vector<typename Parameters<T, Device>::Run> runs_;
  Tensor<T, 1, Device> first_, second_;
  uint64_t steps_ = 0;
};

template <class T, class Device>
Adam<T, Device>::Adam(const Parameters<T, Device>& parameters, const AdamOptions& options)
    : parameters_(&parameters),
      constants_{.beta1 = options.beta1,
                 .beta2 = options.beta2,
                 .epsilon = options.epsilon,
                 .l2 = options.decoupled ? 0 : options.weight_decay,
                 .decoupled = options.decoupled ? options.weight_decay : 0},
      runs_(parameters.runs()) {
  check(options);
  const size_t size = runs_.empty() ? 0 : runs_.back().gradient_offset + runs_.back().count;
  first_ = Tensor<T, 1, Device>({size});
  second_ = Tensor<T, 1, Device>({size});
}

template <class T, class Device>
kernel::StepNumbers Adam<T, Device>::numbers(double rate) const {
  const double t = double(steps_ + 1);
  return {.rate = rate,
          .correction1 = 1 - std::pow(constants_.beta1, t),
          .correction2 = 1 - std::pow(constants_.beta2, t)};
}

template <class T, class Device>
void Adam<T, Device>::step(double rate, View<const double, 0, Device> factor) {
  const kernel::StepNumbers next = numbers(rate);
  const Tensor<kernel::StepNumbers, 0, Device> sent({}, {&next, 1});
  step(sent.view(), factor);
}

template <class T, class Device>
void Adam<T, Device>::queue(View<const kernel::StepNumbers, 0, Device> numbers,
                            View<const double, 0, Device> factor) {
  const View<const T, 1, Device> gradients = parameters_->gradients();
  const View<T, 1, Device> values = parameters_->values();
  for (const auto& run : runs_) {
    const auto of_gradient = [&](auto all) {
      return all.slice(run.gradient_offset, run.gradient_offset + run.count);
    };
    kernel::run<kernel::Adam, Device>("Adam", constants_, numbers, factor, of_gradient(gradients),
                                      values.slice(run.value_offset, run.value_offset + run.count),
                                      of_gradient(first_.view()), of_gradient(second_.view()));
  }
}

template <class T, class Device>
void Adam<T, Device>::restore(uint64_t steps, Tensor<T, 1> first, Tensor<T, 1> second) {
  for (const auto* moment : {&first, &second})
    check_size_match("Adam::restore", "elements of a moment", moment->count(),
                     "gradients of the parameters", first_.count());
  steps_ = steps;
  first_ = to_device<Device>(std::move(first));
  second_ = to_device<Device>(std::move(second));
}

template <class T, class Device>
void Adam<T, Device>::check(const AdamOptions& options) {
  const auto below_one = [](const char* name, double value) {
    if (!(value >= 0 && value < 1))
      throw ConfigError(message("Adam: ", name, " is ", value, ", expected [0, 1)"));
  };
  below_one("beta1", options.beta1);
  below_one("beta2", options.beta2);
  check_positive("Adam", "epsilon", options.epsilon);
  if (!(options.weight_decay >= 0))
    throw ConfigError(
        message("Adam: weight_decay is ", options.weight_decay, ", expected 0 or more"));
}

VCELL_INSTANTIATE(models, class Adam<float>);

VCELL_END_NAMESPACE
