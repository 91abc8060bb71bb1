#pragma once

#include <optional>
#include <string>
#include <vector>

#include "vcell/models/fit_feature_regression.hpp"
#include "vcell/models/pair_shifts.hpp"
#include "vcell/models/perturbation_features.hpp"

VCELL_BEGIN_NAMESPACE

/// The anchors that a trained model predicts with: shift and variance of every pair that it learnt
/// from, by the codes of TrainedModel's contexts and perturbations.
struct Anchors {
  PairShifts shifts;
  double shrinkage = 2;  ///< k of shrunk_mean
  double alpha = 1;      ///< how much of what the model adds to the anchor is believed
  /// What is said of perturbations without shifts, where the anchor is features.
  std::optional<FeatureRegression> regression = {};
};

/// The anchors of what was learnt from.
/// @param keep      keep(cell) says whether a perturbed cell was learnt from or validated on
/// @param features  of the model: where each perturbation is
/// @param regress   whether a regression from features is learnt, too
/// @throws ConfigError as pair_shifts does, or if a perturbation has no features
template <std::invocable<size_t> Keep>
Anchors make_anchors(const Screen& screen, Keep&& keep, const PerturbationFeatures& features,
                     double shrinkage, double alpha, bool regress = false) {
  Anchors out{pair_shifts(screen, keep), shrinkage, alpha};
  if (regress) {  // combinations are told of by their parts, doses by their vectors
    const auto alone = select_pairs(out.shifts, [&](size_t i) {
      return !features.is_combination(
          features.place(screen.perturbation.names[size_t(out.shifts.perturbation[i])]));
    });
    out.regression =
        FeatureFitter<>(alone, features, screen.perturbation.names, screen.context.names.size())
            .fit();
  }
  for (int32_t& code : out.shifts.perturbation)
    code = int32_t(features.place(screen.perturbation.names[size_t(code)]));
  // As files hold them, so that a model predicts the same before and after it was written.
  for (double& value : out.shifts.shift.values()) value = double(float(value));
  return out;
}

/// The anchor of a perturbation in a context, (genes): its shrunk mean shift over the contexts that
/// it was learnt in, that one left out; in a context where it alone was learnt, the shift there.
/// Empty if it was learnt nowhere.
/// @param context  a code; -1: a context that none was learnt in
template <class = void>
std::vector<float> anchor_of(const Anchors& anchors, int32_t perturbation, int32_t context) {
  auto pairs = pairs_of(anchors.shifts, perturbation, context);
  if (pairs.empty()) pairs = pairs_of(anchors.shifts, perturbation);
  if (pairs.empty()) return {};
  const auto mean = shrunk_mean(anchors.shifts, pairs, anchors.shrinkage);
  return {mean.begin(), mean.end()};
}

VCELL_END_NAMESPACE
