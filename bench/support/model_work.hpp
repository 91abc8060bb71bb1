// The work of training steps of whole models by formula.
#pragma once

#include "vcell/models/check_state_transition.hpp"
#include "vcell/models/state_embedding_config.hpp"

namespace vcell_bench {

/// Floating-point operations of a training step of State Transition: 2 a cell, or set, and weight
/// for each product forward, as many for the gradient of the weights and for that of the input,
/// which the first layer of an encoder does not need; attention and the energy distance likewise.
/// That scores of attention are computed again in backward is the implementation's business. Of a
/// model with llama blocks, without tokens and gene decoder, that has the energy distance for its
/// loss.
/// @param sets   of a step
/// @param cells  of a set
inline double state_transition_flops(const vcell::StateTransitionConfig& c, double sets,
                                     double cells) {
  const double h = double(c.hidden), width = double(c.heads * c.head_dim),
               in = double(c.input_width), out = double(c.output_width);
  const double block = 4 * h * width + 3 * h * double(c.mlp_width);
  const double inner_encoder = double(c.encoder_layers - 1) * h * h;
  const double decoder =
      (c.head == vcell::OutputHead::mlp ? double(c.decoder_layers - 1) * h * h : 0) + h * out;
  const double mixing = mixes_outputs(c) ? 2 * out * double(c.output_width / 8) : 0;
  const double a_cell =
      6 * (double(c.layers) * block + (c.basal_mlp ? inner_encoder : 0) + decoder + mixing) +
      4 * in * h;
  const double anchor = c.anchor == vcell::Anchor::none ? 0 : 4 * out * h;
  const double a_set = 6 * inner_encoder + 4 * double(c.perturbation_width) * h + anchor;
  // Two products of all pairs of cells, forward; four backward.
  const double attention = double(c.layers) * 12 * cells * cells * width;
  // One of each pair of sets, those within a set by symmetry; backward as much again.
  const double energy = 8 * cells * cells * out;
  return sets * (cells * a_cell + a_set + attention + energy);
}

/// Products of a pass of State Embedding, in operations.
struct EmbeddingFlops {
  double forward = 0;
  /// Of forward, those whose input is data: it needs no gradient.
  double of_data = 0;

  /// With the gradients.
  double step() const { return 3 * forward - of_data; }
};

/// The work of a batch of State Embedding: 2 a weight and row of each product, and attention. What
/// backward computes again is not in it.
/// @param cells  of the batch, of config.sentence_length tokens
/// @param genes  distinct ones, which are encoded
/// @param tasks  genes of a cell that are predicted; 0 where cells are embedded and that is all
inline EmbeddingFlops state_embedding_flops(const vcell::StateEmbeddingConfig& c, double cells,
                                            double genes, double tasks) {
  const double d = double(c.width), out = double(c.output_width), data_sets = double(c.datasets),
               tokens = double(c.sentence_length);
  const bool has_dataset = c.datasets > 0;
  const double about_dataset = has_dataset ? 10 : 0, special = has_dataset ? 2 : 1,
               length = tokens - 1 + special, joined = d + 1 + out + about_dataset;
  const double encoded = 2 * genes * double(c.gene_width) * d,
               encoded_special = 2 * special * double(c.gene_width) * d;
  const double layer =
      2 * length * (4 * d * d + 2 * d * double(c.mlp_width)) + 4 * length * length * d;
  const double first_binning = 2 * tokens * 512, binning = 2 * tokens * (512 * 10 + 10 * d);
  const double head = 2 * special * (4 * d * d + d * out) + 2 * out * about_dataset;
  const double naming = has_dataset && tasks > 0 ? 2 * (out * d + d * data_sets) : 0;
  const double decoder = 2 * tasks * (8 * joined * joined + joined);
  return {
      encoded + encoded_special +
          cells * (double(c.layers) * layer + first_binning + binning + head + naming + decoder),
      encoded + cells * first_binning};
}

/// Least traffic of a training step with memory, in bytes: weights read forward and backward,
/// gradients written, and Adam, which reads weight, gradient and two moments and writes all but the
/// gradient; the batch read once.
/// @param values  of the batch
inline double training_step_bytes(double parameters, double values) {
  return 4 * (parameters * (2 + 1 + 4 + 3) + values);
}

}  // namespace vcell_bench
