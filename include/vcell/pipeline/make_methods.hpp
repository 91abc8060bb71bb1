#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/models/baselines.hpp"
#include "vcell/pipeline/prepare.hpp"
#include "vcell/pipeline/state_transition_predictor.hpp"

VCELL_BEGIN_NAMESPACE

/// The options of State Transition on a prepared screen.
/// @param prepared  must outlive what they are given to
/// @param options   what else is wanted
template <class = void>
StateTransitionPredictorOptions options_on(const Experiment& e, const Prepared& prepared,
                                           StateTransitionPredictorOptions options = {}) {
  options.features = prepared.features;
  options.genes = prepared.model_genes;
  options.split_parts = prepared.split_parts;
  options.normalized = prepared.normalized;
  if (is_in_embedding(e)) options.embedding = &prepared.embedding;
  if (is_obsm(e.cell_embedding)) options.embedding_key = e.cell_embedding.substr(5);
  return options;
}

/// Whether State Transition is among an experiment's methods.
inline bool names_state_transition(const Experiment& e) {
  return std::find(e.methods.begin(), e.methods.end(), "state_transition") != e.methods.end();
}

/// The methods that an experiment names, in its order: "state_transition", the baselines, and
/// with features of perturbations those that read them.
/// @param options  of State Transition, beside those that `prepared` says (options_on)
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
      out.push_back(
          std::make_shared<StateTransitionPredictor<>>(e, options_on(e, prepared, options)));
    } else if (auto baseline = make_baseline(name, prepared.symbols)) {
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
