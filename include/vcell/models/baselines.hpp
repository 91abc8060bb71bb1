#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "vcell/models/baseline_names.hpp"
#include "vcell/models/baselines/context_mean.hpp"
#include "vcell/models/baselines/control_copy.hpp"
#include "vcell/models/baselines/feature_nearest.hpp"
#include "vcell/models/baselines/feature_ridge.hpp"
#include "vcell/models/baselines/mean_of_perturbation_means.hpp"
#include "vcell/models/baselines/mean_response.hpp"
#include "vcell/models/baselines/perturbation_mean.hpp"
#include "vcell/models/baselines/perturbation_mean_shrunk.hpp"

VCELL_BEGIN_NAMESPACE

/// The baseline of a name; null if there is none.
/// @param symbols  how perturbations are matched with their own genes
template <class Void = void>
std::unique_ptr<Predictor> make_baseline(std::string_view name, const GeneSymbols& symbols = {}) {
  if (name == "control_copy") return std::make_unique<ControlCopy<Void>>();
  if (name == "perturbation_mean") return std::make_unique<PerturbationMean<Void>>();
  if (name == "perturbation_mean_shrunk") return std::make_unique<PerturbationMeanShrunk<Void>>();
  if (name == "context_mean") return std::make_unique<ContextMean<Void>>();
  if (name == "mean_response") return std::make_unique<MeanResponse<Void>>(symbols);
  if (name == "mean_of_perturbation_means")
    return std::make_unique<MeanOfPerturbationMeans<Void>>();
  return nullptr;
}

/// The baseline of a name that reads features; null if there is none.
/// @param features  of every perturbation that is learnt from or predicted
template <class Void = void>
std::unique_ptr<Predictor> make_feature_baseline(std::string_view name,
                                                 const PerturbationFeatures& features) {
  if (name == "feature_nearest") return std::make_unique<FeatureNearest<Void>>(features);
  if (name == "feature_ridge") return std::make_unique<FeatureRidge<Void>>(features);
  if (name == "feature_kernel_ridge") return std::make_unique<FeatureKernelRidge<Void>>(features);
  return nullptr;
}

VCELL_END_NAMESPACE
