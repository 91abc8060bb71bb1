#pragma once

#include <optional>
#include <string>
#include <vector>

#include "vcell/models/perturbation_features.hpp"
#include "vcell/models/state_transition.hpp"
#include "vcell/preprocess/declared_scale.hpp"
#include "vcell/sets/screen.hpp"

VCELL_BEGIN_NAMESPACE

/// A State Transition model with all that it takes to use it on other data: what its inputs and
/// outputs are called, and how expression was brought to its scale.
struct TrainedModel {
  StateTransition<float> model;
  std::vector<std::string> genes;      ///< of every input and output column, in order
  PerturbationFeatures perturbations;  ///< those it can predict, the control among them
  std::vector<std::string> contexts;   ///< those it was trained on
  std::vector<std::string> batches;    ///< in the order of its batch encoder; empty without one
  ScreenOptions labels;                ///< the obs columns it was trained with, and the control
  Scale scale = Scale::log1p;          ///< of X in the file it was trained on
  /// The total that counts were normalised to before log1p; not known when X was log1p already.
  std::optional<double> target_sum = {};
  size_t set_size = 32;  ///< S: cells in a training set
};

/// @throws ConfigError or ShapeError if names and widths do not fit each other
template <class = void>
void check_trained_model(const TrainedModel& m) {
  const auto& c = m.model.config();
  check_size_match("TrainedModel", "genes", m.genes.size(), "config.input_width", c.input_width);
  check_size_match("TrainedModel", "genes", m.genes.size(), "config.output_width", c.output_width);
  check_size_match("TrainedModel", "width of the perturbations", m.perturbations.width(),
                   "config.perturbation_width", c.perturbation_width);
  check_size_match("TrainedModel", "batches", m.batches.size(), "config.batches", c.batches);
  m.perturbations.place(m.labels.control);
  check_positive("TrainedModel", "set_size", m.set_size);
  if (m.target_sum) check_positive("TrainedModel", "target_sum", *m.target_sum);
}

VCELL_END_NAMESPACE
