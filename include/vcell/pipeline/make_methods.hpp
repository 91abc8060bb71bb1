#pragma once

#include <memory>
#include <string>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/models/baselines.hpp"
#include "vcell/pipeline/prepare.hpp"
#include "vcell/pipeline/state_transition_predictor.hpp"

VCELL_BEGIN_NAMESPACE

/// The methods that an experiment names, in its order: "state_transition", the baselines, and
/// with features of perturbations those that read them.
/// @param options  of State Transition; features, genes and scale are taken from `prepared`
/// @throws ConfigError if none is named, one is named twice, there is none of a name, or it reads
///         features and there are none
template <class = void>
std::vector<std::shared_ptr<Predictor>> make_methods(const Experiment& e, const Prepared& prepared,
                                                     StateTransitionPredictorOptions options = {}) {
  std::vector<std::string> known = {"state_transition"};
  known.insert(known.end(), baseline_names.begin(), baseline_names.end());
  known.insert(known.end(), feature_baseline_names.begin(), feature_baseline_names.end());
  std::vector<std::shared_ptr<Predictor>> out;
  for (const std::string& name : e.methods) {
    if (std::count(e.methods.begin(), e.methods.end(), name) > 1)
      throw ConfigError(message("[scores] methods names ", quoted(name), " twice"));
    if (name == "state_transition") {
      options.features = prepared.features;
      options.genes = prepared.model_genes;
      options.split_parts = prepared.split_parts;
      options.normalized = prepared.normalized;
      out.push_back(std::make_shared<StateTransitionPredictor<>>(e, options));
    } else if (auto baseline = make_baseline(name)) {
      out.push_back(std::move(baseline));
    } else if (auto by_features = make_feature_baseline(name, prepared.features)) {
      if (prepared.features.is_one_hot())
        throw ConfigError(message("[scores] methods names ", quoted(name),
                                  ", which reads features ",
                                  "of perturbations; give [data] perturbation_features"));
      out.push_back(std::move(by_features));
    } else {
      throw ConfigError(
          message("[scores] methods names ", quoted(name), "; ", names_there({name}, known)));
    }
  }
  if (out.empty())
    throw ConfigError(message("[scores] methods names none; there are ", list_of(known)));
  return out;
}

VCELL_INSTANTIATE(pipeline,
                  std::vector<std::shared_ptr<Predictor>> make_methods<void>(
                      const Experiment&, const Prepared&, StateTransitionPredictorOptions));

VCELL_END_NAMESPACE
