#pragma once

#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "vcell/kernels/adam.hpp"
#include "vcell/nn/parameters.hpp"

VCELL_BEGIN_NAMESPACE

/// What Adam and AdamW share: two moments for each parameter, the number of steps, and the update
/// (kernels/adam.hpp). Make one of those two; they differ in how their weight decay acts.
///
///   AdamW<float> optimizer(model.parameters());
///   backward(loss);
///   optimizer.step(3e-4);
///   model.parameters().zero_gradients();
template <class T, class Device = Cpu>
class AdamOptimizer {
 public:
  /// The moments of one parameter, in the order of its elements.
  struct Moments {
    Tensor<T, 1, Device> first, second;
  };

  /// Updates every parameter from its gradient. One that no gradient has reached counts as one with
  /// gradient zero.
  /// @param rate  the learning rate of this step
  void step(double rate) {
    ++steps_;
    kernel::AdamStep s = constants_;
    s.rate = rate;
    s.correction1 = 1 - std::pow(s.beta1, double(steps_));
    s.correction2 = 1 - std::pow(s.beta2, double(steps_));
    for (size_t i = 0; i < parameters_.size(); ++i) {
      const auto& flat = parameters_[i].flat;
      kernel::check_status("AdamOptimizer",
                           kernel::Adam<Device>::template run<T>(
                               s, flat.gradient(), flat.mutable_value(), moments_[i].first.view(),
                               moments_[i].second.view()));
    }
  }

  /// The parameters, in the order of the moments.
  const std::vector<Parameter<T, Device>>& parameters() const { return parameters_; }
  /// Steps taken.
  uint64_t steps() const { return steps_; }
  const std::vector<Moments>& moments() const { return moments_; }

  /// Puts the optimizer where another one was.
  /// @throws ShapeError if the moments are not those of these parameters
  void restore(uint64_t steps, std::vector<Moments> moments) {
    check_size_match("AdamOptimizer::restore", "moments", moments.size(), "parameters",
                     parameters_.size());
    for (size_t i = 0; i < moments.size(); ++i)
      for (const auto* moment : {&moments[i].first, &moments[i].second})
        check_size_match("AdamOptimizer::restore", "elements of a moment", moment->count(),
                         parameters_[i].name.c_str(), parameters_[i].flat.count());
    steps_ = steps;
    moments_ = std::move(moments);
  }

 protected:
  /// @throws ConfigError if a constant is out of its range
  AdamOptimizer(const Parameters<T, Device>& parameters, const kernel::AdamStep& constants)
      : parameters_(parameters.all()), constants_(constants) {
    const auto below_one = [](const char* name, double value) {
      if (!(value >= 0 && value < 1))
        throw ConfigError(message("AdamOptimizer: ", name, " is ", value, ", expected [0, 1)"));
    };
    below_one("beta1", constants.beta1);
    below_one("beta2", constants.beta2);
    check_positive("AdamOptimizer", "epsilon", constants.epsilon);
    const double decay = constants.l2 + constants.decoupled;
    if (!(decay >= 0))
      throw ConfigError(message("AdamOptimizer: weight_decay is ", decay, ", expected 0 or more"));
    for (const auto& p : parameters_)
      moments_.push_back(
          {Tensor<T, 1, Device>({p.flat.count()}), Tensor<T, 1, Device>({p.flat.count()})});
  }

 private:
  std::vector<Parameter<T, Device>> parameters_;  // handles to the model's own
  kernel::AdamStep constants_;
  std::vector<Moments> moments_;
  uint64_t steps_ = 0;
};

VCELL_END_NAMESPACE
