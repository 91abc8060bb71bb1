#pragma once

#include <vector>

#include "vcell/core/check.hpp"
#include "vcell/models/state_transition_config.hpp"

VCELL_BEGIN_NAMESPACE

/// Whether a last bottleneck layer mixes the output's values with one another.
inline bool mixes_outputs(const StateTransitionConfig& c) {
  return c.predict_residual && (c.output_space == OutputSpace::all_genes || c.embedding_bottleneck);
}

/// The inner widths of the gene decoder: those of the configuration or the default.
template <class = void>
std::vector<size_t> decoder_widths(const StateTransitionConfig& c) {
  if (!c.decoder_widths.empty()) return c.decoder_widths;
  return c.gene_width <= 10000 ? std::vector<size_t>{1024, 1024, 512}
                               : std::vector<size_t>{1024, 512, 256};
}

/// What is wrong with a configuration, before anything is made of it.
/// @return the same
/// @throws ConfigError naming the field: a width of 0, fields that exclude each other, a weight
///         that is negative or not finite
template <class = void>
const StateTransitionConfig& check_state_transition(const StateTransitionConfig& c) {
  const auto positive = [](const char* name, size_t value) {
    check_positive("StateTransition", name, value);
  };
  const auto check = [](bool ok, const auto&... parts) {
    if (!ok) throw ConfigError(message("StateTransition: config.", parts...));
  };
  const auto weight = [&](const char* name, double value) {
    check(value >= 0 && value <= 1e30, name, " is ", value,
          ", expected a number that is at least 0");
  };
  positive("config.input_width", c.input_width);
  positive("config.output_width", c.output_width);
  positive("config.perturbation_width", c.perturbation_width);
  positive("config.hidden", c.hidden);
  positive("config.heads", c.heads);
  positive("config.head_dim", c.head_dim);
  positive("config.mlp_width", c.mlp_width);
  positive("config.encoder_layers", c.encoder_layers);
  positive("config.decoder_layers", c.decoder_layers);
  const bool embedding = c.output_space == OutputSpace::embedding;
  check(embedding || !c.embedding_bottleneck,
        "embedding_bottleneck goes with config.output_space embedding; use all_genes for genes");
  check(embedding || !c.clip_embedding,
        "clip_embedding goes with config.output_space embedding; genes are clipped in any case");
  if (mixes_outputs(c)) {
    check(c.input_width == c.output_width, "input_width is ", c.input_width,
          " and config.output_width ", c.output_width,
          "; a residual over all genes needs them equal");
    positive("config.output_width / 8", c.output_width / 8);
    // The anchor would have to pass through the layer, which knows nothing of it at first: the
    // first step of training would not be the anchor, nor any step what it says.
    check(c.anchor == Anchor::none,
          "anchor goes with config.output_space hvg or embedding: a last bottleneck layer mixes "
          "genes with one another and has no anchor");
  }
  check(c.anchor == Anchor::none || c.input_width == c.output_width, "input_width is ",
        c.input_width, " and config.output_width ", c.output_width,
        "; an anchored model adds to its input and needs them equal");
  check(!c.confidence_token || c.hidden >= 4, "confidence_token needs config.hidden of at least ",
        "4, and it is ", c.hidden);
  check(!c.batches || !c.token_batches || c.batches == c.token_batches, "batches is ", c.batches,
        " and config.token_batches ", c.token_batches, "; both are of the same batches");
  const bool decodes = c.decoder != GeneDecoderKind::none;
  check(embedding || !decodes,
        "decoder goes with config.output_space embedding: other spaces are genes already");
  check(decodes == (c.gene_width != 0), "gene_width is ", c.gene_width,
        ", which is to be above 0 exactly when there is a config.decoder");
  check(decodes || c.decoder_widths.empty(), "decoder_widths are given without a config.decoder");
  weight("batch_token_weight", c.batch_token_weight);
  weight("confidence_weight", c.confidence_weight);
  weight("confidence_scale", c.confidence_scale);
  weight("decoder_weight", c.decoder_weight);
  weight("l1_weight", c.l1_weight);
  check(c.l1_weight == 0 || c.input_width == c.output_width, "input_width is ", c.input_width,
        " and config.output_width ", c.output_width,
        "; config.l1_weight is of their difference and needs them equal");
  return c;
}

VCELL_END_NAMESPACE
