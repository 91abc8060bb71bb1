#pragma once

#include "vcell/models/shift_predictor.hpp"

VCELL_BEGIN_NAMESPACE

/// The perturbation's shift over the contexts that it was learnt in, weighted and shrunk by its
/// standard error (shrunk_mean), as much as predicts the pairs of train and validation best from
/// other contexts' train cells (choose_shrinkage).
template <class Void = void>
class PerturbationMeanShrunk final : public ShiftPredictor<Void> {
 public:
  std::string name() const override { return "perturbation_mean_shrunk"; }
  std::string meaning() const override {
    return "A baseline: control cells plus the shift of the same perturbation, mean over the "
           "contexts it was trained in, weighted by how exactly each is known and drawn towards 0 "
           "where it is no larger than its error.";
  }
  void fit(const Screen& screen, std::span<const Part> parts, const Callbacks&) override {
    shifts_ = learnt_shifts(screen, parts);
    shrinkage_ = choose_shrinkage(pair_shifts(screen, parts), shifts_);
  }
  std::optional<std::vector<double>> shift(int32_t, int32_t perturbation) const override {
    const auto pairs = pairs_of(shifts_, perturbation);
    if (pairs.empty()) return std::nullopt;
    return shrunk_mean(shifts_, pairs, shrinkage_);
  }
  /// k of shrunk_mean.
  double shrinkage() const { return shrinkage_; }

 protected:
  std::string source() const override { return "perturbation"; }

 private:
  PairShifts shifts_;
  double shrinkage_ = 2;
};

VCELL_END_NAMESPACE
