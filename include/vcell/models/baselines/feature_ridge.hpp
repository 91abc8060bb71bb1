#pragma once

#include "vcell/models/fit_feature_regression.hpp"
#include "vcell/models/shift_predictor.hpp"

VCELL_BEGIN_NAMESPACE

/// The shift that a regression from features says (FeatureFitter), of perturbations that were
/// learnt from as of others.
template <class = void>
class FeatureShift : public ShiftPredictor<> {
 public:
  /// @param features  of every perturbation that is learnt from or predicted
  FeatureShift(PerturbationFeatures features, const FitFeatureRegressionOptions& options)
      : features_(std::move(features)), options_(options) {}

  void fit(const Screen& screen, std::span<const Part> parts, const Callbacks&) override {
    const PairShifts shifts = learnt_shifts(screen, parts);
    names_ = screen.perturbation.names;
    regression_ =
        FeatureFitter<>(shifts, features_, names_, screen.context.names.size()).fit(options_);
  }
  std::optional<std::vector<double>> shift(int32_t context, int32_t perturbation) const override {
    const std::string& name = names_[size_t(perturbation)];
    if (!features_.has(name)) return std::nullopt;
    const auto said = shift_of(regression_, features_.vector(name), context);
    return std::vector<double>(said.begin(), said.end());
  }
  const FeatureRegression& regression() const { return regression_; }

 protected:
  std::string reason() const override { return "it has no features"; }

 private:
  PerturbationFeatures features_;
  FitFeatureRegressionOptions options_;
  std::vector<std::string> names_;
  FeatureRegression regression_;
};

/// By ridge regression.
template <class Void = void>
class FeatureRidge final : public FeatureShift<Void> {
 public:
  explicit FeatureRidge(PerturbationFeatures features)
      : FeatureShift<Void>(std::move(features), {.linear = true, .gaussian = false}) {}
  std::string name() const override { return "feature_ridge"; }
  std::string meaning() const override {
    return "A baseline: control cells plus the shift that ridge regression from the features of "
           "perturbations says, on top of the mean shift in the context.";
  }
};

/// By kernel ridge regression with a Gaussian kernel.
template <class Void = void>
class FeatureKernelRidge final : public FeatureShift<Void> {
 public:
  explicit FeatureKernelRidge(PerturbationFeatures features)
      : FeatureShift<Void>(std::move(features), {.linear = false, .gaussian = true}) {}
  std::string name() const override { return "feature_kernel_ridge"; }
  std::string meaning() const override {
    return "A baseline: control cells plus the shift that kernel ridge regression from the "
           "features of perturbations says, on top of the mean shift in the context.";
  }
};

VCELL_END_NAMESPACE
