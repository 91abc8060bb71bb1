#pragma once

#include "vcell/models/baselines/perturbation_mean.hpp"

VCELL_BEGIN_NAMESPACE

/// The context's shift, mean over the perturbations that were learnt in it, not weighted by cells.
template <class Void = void>
class ContextMean final : public ShiftPredictor<Void> {
 public:
  std::string name() const override { return "context_mean"; }
  std::string meaning() const override {
    return "A baseline: control cells plus the mean shift of all perturbations that were trained "
           "in the same context.";
  }
  void fit(const Screen& screen, std::span<const Part> parts, const Callbacks&) override {
    shifts_ = learnt_shifts(screen, parts);
  }
  std::optional<std::vector<double>> shift(int32_t context, int32_t) const override {
    std::vector<size_t> pairs;
    for (size_t i = 0; i < shifts_.pairs(); ++i)
      if (shifts_.context[i] == context) pairs.push_back(i);
    return detail::mean_of_shifts(shifts_, pairs);
  }

 protected:
  std::string source() const override { return "context"; }

 private:
  PairShifts shifts_;
};

VCELL_END_NAMESPACE
