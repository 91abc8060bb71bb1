#pragma once

#include <span>
#include <string>

#include "vcell/core/callbacks.hpp"
#include "vcell/models/perturbation_features.hpp"
#include "vcell/models/state_transition.hpp"
#include "vcell/sets/combination.hpp"
#include "vcell/train/choices.hpp"
#include "vcell/train/experiment.hpp"

VCELL_BEGIN_NAMESPACE

/// The anchor that the data allow: that of the experiment, or what it gives way to, which a note
/// says.
/// @param parts         (cells)
/// @param features      of perturbations
/// @param may_give_way  the experiment's is a default; false: where it cannot be, that is an error
/// @throws ConfigError naming why it cannot be, and what to set it to
template <class = void>
Anchor choose_anchor(const Experiment& e, const Screen& screen, std::span<const Part> parts,
                     const PerturbationFeatures& features, bool may_give_way,
                     const Callbacks& callbacks = {}) {
  const Anchor asked = e.model.anchor;
  if (asked == Anchor::none) return asked;
  const bool describes = !features.is_one_hot();
  std::string why;
  if (mixes_outputs(e.model))
    why = "a model whose last layer mixes its outputs ([model] output_space all_genes) has none";
  else if (asked == Anchor::features && !describes)
    throw ConfigError(
        "[model] anchor is features: perturbations are one-hot, which says nothing of those that "
        "were never seen; give [data] perturbation_features, or set it to perturbation_mean");
  else if (const auto unseen = untold_perturbations(screen, parts, e.labels);
           asked == Anchor::perturbation_mean && !unseen.empty()) {
    why = message("the split holds out every cell of ", list_of(unseen),
                  ", so there is no shift in another context to start from");
    if (describes && may_give_way) {
      note(callbacks, "anchored at features too ([model] anchor features): ", why);
      return Anchor::features;
    }
  }
  if (why.empty()) return asked;
  if (!may_give_way)
    throw ConfigError(message("[model] anchor is ", name_of_choice(asked), ": ", why,
                              "; set it to ", describes ? "features or " : "", "none"));
  note(callbacks, "the model is not anchored ([model] anchor none): ", why);
  return Anchor::none;
}

/// The shape of an experiment's model on a screen.
/// @param width       of what it reads and predicts: genes, or values of an embedding
/// @param gene_width  genes that are decoded of an embedding; else 0
template <class = void>
StateTransitionConfig state_transition_config(const Experiment& e, const Screen& screen,
                                              size_t width, size_t gene_width,
                                              const PerturbationFeatures& features, Anchor anchor) {
  StateTransitionConfig config = e.model;
  config.input_width = config.output_width = width;
  config.gene_width = gene_width;
  config.perturbation_width = features.width() + (anchor == Anchor::features);
  config.batches = e.model.batch_encoder ? screen.batch.names.size() : 0;
  config.token_batches = e.model.batch_token ? screen.batch.names.size() : 0;
  config.anchor = anchor;
  return config;
}

VCELL_END_NAMESPACE
