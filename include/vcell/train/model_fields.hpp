#pragma once

#include <algorithm>
#include <iterator>
#include <string_view>

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
  f("backbone", config.backbone, "what lets the cells of a set see each other: llama, gpt2");
  f("attention", config.attention, "who attends to whom in a set: everybody, causal or itself");
  f("layers", config.layers, "blocks of the backbone");
  f("heads", config.heads, "attention heads of a block");
  f("head_dim", config.head_dim, "width of a head");
  f("mlp_width", config.mlp_width, "inner width of a block's MLP");
  f("recompute", config.recompute, "blocks again in backward: less memory, one more forward");
  f("anchor", config.anchor,
    "what predictions start from: none, perturbation_mean, or features (the same, and for "
    "perturbations that no context trains on what a regression from features says)");
  f("encoder_layers", config.encoder_layers, "linear layers of the encoders");
  f("decoder_layers", config.decoder_layers, "linear layers of the decoder");
  f("head", config.head, "mlp, or linear_residual: one layer on the backbone's input + output");
  f("basal_mlp", config.basal_mlp, "encode control cells by an MLP, else by one linear layer");
  f("predict_residual", config.predict_residual, "the model learns the change");
  f("confidence_token", config.confidence_token, "a token is trained to tell its set's loss");
  f("confidence_weight", config.confidence_weight, "of the confidence's error in the loss");
  f("confidence_scale", config.confidence_scale, "times the loss is what it is trained to tell");
  f("batch_token_weight", config.batch_token_weight, "of the batch token's error in the loss");
  f("output_space", config.output_space,
    "hvg, all_genes with a last bottleneck layer, or embedding");
  f("embedding_bottleneck", config.embedding_bottleneck, "that layer in an embedding too");
  f("clip_embedding", config.clip_embedding, "an embedding's values below 0 become 0");
  f("decoder", config.decoder,
    "genes out of an embedding: none, plain, residual or negative_binomial");
  f("decoder_widths", config.decoder_widths, "inner widths of the gene decoder; none: by genes");
  f("decoder_weight", config.decoder_weight, "of the decoded genes in the loss");
  f("dropout", config.dropout, "in encoders and decoders, while training");
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
  f("l1_weight", config.l1_weight, "of the mean |prediction - control| in the loss");
}

/// The same for the sizes that follow from the data.
template <class Config, class F>
void visit_widths(Config& config, F&& f) {
  f("input_width", config.input_width, "values of a control cell");
  f("output_width", config.output_width, "values of a predicted cell");
  f("perturbation_width", config.perturbation_width, "perturbations, or the features' width");
  f("batches", config.batches, "batches with a learned vector each; 0 for none");
  f("token_batches", config.token_batches, "batches that a token tells apart; 0 for no token");
  f("gene_width", config.gene_width, "genes that are decoded; 0 for none");
}

/// Whether the shape of every model has this key, in files of any version. The others came later;
/// where they are absent their default is what models were before.
template <class = void>
bool is_first_key(std::string_view key) {
  static constexpr std::string_view first[] = {"hidden",
                                               "layers",
                                               "heads",
                                               "head_dim",
                                               "mlp_width",
                                               "encoder_layers",
                                               "decoder_layers",
                                               "basal_mlp",
                                               "dropout",
                                               "loss",
                                               "output_space",
                                               "predict_residual",
                                               "input_width",
                                               "floor_squared",
                                               "batches",
                                               "output_width",
                                               "perturbation_width"};
  return std::find(std::begin(first), std::end(first), key) != std::end(first);
}

VCELL_END_NAMESPACE
