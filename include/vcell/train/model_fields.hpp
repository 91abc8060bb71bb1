#pragma once

#include "vcell/models/state_transition_config.hpp"

VCELL_BEGIN_NAMESPACE

/// How many models an ensemble may have at most.
inline constexpr size_t most_members = 1000;

/// Calls f(key, field, help) for every setting of a model's shape that people choose: what
/// experiment files and model folders have in common. The widths, which follow from the data, are
/// apart (visit_widths).
/// @param config  a StateTransitionConfig, const or not
template <class Config, class F>
void visit_shape(Config& config, F&& f) {
  f("hidden", config.hidden, "width of a cell inside the model");
  f("backbone", config.backbone, "what lets the cells of a set see each other: llama");
  f("layers", config.layers, "blocks of the backbone");
  f("heads", config.heads, "attention heads of a block");
  f("head_dim", config.head_dim, "width of a head");
  f("mlp_width", config.mlp_width, "inner width of a block's MLP");
  f("anchor", config.anchor, "what predictions start from: none, or perturbation_mean");
  f("encoder_layers", config.encoder_layers, "linear layers of the encoders");
  f("decoder_layers", config.decoder_layers, "linear layers of the decoder");
  f("basal_mlp", config.basal_mlp, "encode control cells by an MLP, else by one linear layer");
  f("predict_residual", config.predict_residual, "the model learns the change");
  f("output_space", config.output_space, "hvg, or all_genes with a last bottleneck layer");
  f("dropout", config.dropout, "in encoders and decoder, while training");
  f("loss", config.loss,
    "energy_distance, mean_squared_error, rbf_mmd, sinkhorn, or energy_sinkhorn: both");
  f("floor_squared", config.floor_squared, "least squared distance in the loss; 0: exact");
  f("sigmas", config.sigmas, "widths of the kernels of rbf_mmd, which are summed");
  f("median_heuristic", config.median_heuristic,
    "the widths are sigmas times the median distance of the batch");
  f("estimator", config.estimator, "of rbf_mmd: biased (V), or unbiased (U: two cells a set)");
  f("blur", config.blur, "of the Sinkhorn divergence: cells nearer are not told apart");
  f("sinkhorn_weight", config.sinkhorn_weight, "of the Sinkhorn divergence in energy_sinkhorn");
  f("loss_chunks", config.loss_chunks, "chunks of genes whose losses are averaged");
}

/// The same for the sizes that follow from the data.
template <class Config, class F>
void visit_widths(Config& config, F&& f) {
  f("input_width", config.input_width, "values of a control cell");
  f("output_width", config.output_width, "values of a predicted cell");
  f("perturbation_width", config.perturbation_width, "perturbations, or the features' width");
  f("batches", config.batches, "batches with a learned vector each; 0 for none");
}

VCELL_END_NAMESPACE
