#pragma once

#include <limits>

#include "vcell/models/baselines/perturbation_mean.hpp"
#include "vcell/models/standard_features.hpp"

VCELL_BEGIN_NAMESPACE

/// The shift of the perturbation whose standardised features are nearest among those that were
/// learnt from, mean over its contexts; of one that was learnt from its own. Of several as near the
/// first by code.
template <class Void = void>
class FeatureNearest final : public ShiftPredictor<Void> {
 public:
  /// @param features  of every perturbation that is learnt from or predicted
  explicit FeatureNearest(PerturbationFeatures features) : features_(std::move(features)) {}

  std::string name() const override { return "feature_nearest"; }
  std::string meaning() const override {
    return "A baseline: control cells plus the shift of the trained perturbation whose features "
           "are nearest, mean over the contexts it was trained in.";
  }
  void fit(const Screen& screen, std::span<const Part> parts, const Callbacks&) override {
    shifts_ = learnt_shifts(screen, parts);
    names_ = screen.perturbation.names;
    learnt_ = learnt_perturbations(shifts_, features_, names_);
    standard_ = standardise(learnt_.features);
  }
  std::optional<std::vector<double>> shift(int32_t, int32_t perturbation) const override {
    const std::string& name = names_[size_t(perturbation)];
    if (!features_.has(name) || learnt_.codes.empty()) return std::nullopt;
    const auto z = standard_(features_.vector(name));
    size_t nearest = 0;
    double least = std::numeric_limits<double>::infinity();
    for (size_t i = 0; i < learnt_.codes.size(); ++i) {
      double sum = 0;
      for (size_t j = 0; j < z.size(); ++j)
        sum += std::pow(double(z[j]) - double(learnt_.features(i, j)), 2);
      if (sum < least) {
        least = sum;
        nearest = i;
      }
    }
    return detail::mean_of_shifts(shifts_, pairs_of(shifts_, learnt_.codes[nearest]));
  }

 protected:
  std::string reason() const override { return "it has no features"; }

 private:
  PerturbationFeatures features_;
  PairShifts shifts_;
  std::vector<std::string> names_;
  LearntPerturbations learnt_;  // standardised
  StandardFeatures standard_;
};

VCELL_END_NAMESPACE
