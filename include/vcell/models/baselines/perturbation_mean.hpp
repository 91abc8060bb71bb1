#pragma once

#include "vcell/models/shift_predictor.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// The plain mean of the shifts of some pairs; nothing without any.
template <class = void>
std::optional<std::vector<double>> mean_of_shifts(const PairShifts& shifts,
                                                  std::span<const size_t> pairs) {
  if (pairs.empty()) return std::nullopt;
  std::vector<double> mean(shifts.genes(), 0.0);
  for (const size_t i : pairs)
    for (size_t g = 0; g < mean.size(); ++g) mean[g] += shifts.shift(i, g);
  for (double& m : mean) m /= double(pairs.size());
  return mean;
}

}  // namespace detail

/// The perturbation's shift, mean over the contexts that it was learnt in, not weighted by cells.
template <class Void = void>
class PerturbationMean final : public ShiftPredictor<Void> {
 public:
  std::string name() const override { return "perturbation_mean"; }
  std::string meaning() const override {
    return "A baseline: control cells plus the shift of the same perturbation, mean over the "
           "contexts it was trained in.";
  }
  void fit(const Screen& screen, std::span<const Part> parts, const Callbacks&) override {
    shifts_ = learnt_shifts(screen, parts);
  }
  std::optional<std::vector<double>> shift(int32_t, int32_t perturbation) const override {
    return detail::mean_of_shifts(shifts_, pairs_of(shifts_, perturbation));
  }

 protected:
  std::string source() const override { return "perturbation"; }

 private:
  PairShifts shifts_;
};

VCELL_END_NAMESPACE
