#pragma once

#include <string>
#include <vector>

#include "vcell/models/flat_settings.hpp"
#include "vcell/models/state_transition_config.hpp"

VCELL_BEGIN_NAMESPACE

/// A model's configuration out of a file of the reference.
struct ReferenceConfig {
  StateTransitionConfig model;
  std::vector<std::string> unused;  ///< settings that have no counterpart
};

namespace detail {

template <class = void>
void read_reference_backbone(FlatReader& r, StateTransitionConfig& c) {
  const std::string kind = r.text("transformer_backbone_key", "");
  const auto key = [](const char* name) { return message("transformer_backbone_kwargs.", name); };
  const bool itself = r.truth("mask_attn", false);
  if (kind == "llama") {
    c.backbone = BackboneKind::llama;
    if (!r.truth(key("bidirectional_attention"), false))
      r.fail(key("bidirectional_attention"), "false",
             "true: without it the package's llama is causal and has rotary positions, which "
             "are not offered");
    c.layers = r.whole(key("num_hidden_layers"));
    c.heads = r.whole(key("num_attention_heads"));
    if (r.whole(key("num_key_value_heads"), c.heads) != c.heads)
      r.fail(key("num_key_value_heads"), r.text(key("num_key_value_heads"), ""),
             message(c.heads, ", as many as queries have"));
    c.mlp_width = r.whole(key("intermediate_size"));
  } else if (kind == "GPT2") {
    c.backbone = BackboneKind::gpt2;
    c.attention = AttentionPattern::causal;  // as the package runs it, against its intent
    c.layers = r.whole(key("n_layer"));
    c.heads = r.whole(key("n_head"));
    c.mlp_width = r.whole(key("n_inner"), 4 * c.hidden);
  } else {
    r.fail("transformer_backbone_key", kind, "llama or GPT2");
  }
  if (itself) c.attention = AttentionPattern::itself;
  for (const char* width : {"hidden_size", "n_embd"})
    if (r.whole(key(width), c.hidden) != c.hidden)
      r.fail(key(width), r.text(key(width), ""), message(c.hidden, ", the hidden_dim"));
  c.head_dim = r.whole(key("head_dim"), c.heads ? c.hidden / c.heads : 0);
}

template <class = void>
void read_reference_loss(FlatReader& r, StateTransitionConfig& c) {
  const std::string name = r.text("loss", "energy");
  const bool is_known = name == "energy" || name == "mse" || name == "sinkhorn" || name == "se";
  const std::string loss = is_known ? name : r.text("distributional_loss", name);
  if (loss == "mse")
    c.loss = SetLoss::mean_squared_error;
  else if (loss == "energy")
    c.loss = SetLoss::energy_distance;
  else if (loss == "sinkhorn")
    c.loss = SetLoss::sinkhorn;
  else if (loss == "se")
    c.loss = SetLoss::energy_sinkhorn;
  else
    r.fail("loss", loss, "energy, mse, sinkhorn or se");
  c.floor_squared = 1e-8;
  c.blur = r.number("blur", 0.05);
  c.loss_chunks = r.whole("mmd_num_chunks", 1);
  c.l1_weight = r.number("regularization", 0);
}

/// What is predicted, and whether genes are decoded of it.
template <class = void>
void read_reference_space(FlatReader& r, StateTransitionConfig& c) {
  const std::string space = r.text("output_space", "gene");
  if (space != "gene" && space != "all" && space != "embedding")
    r.fail("output_space", space, "gene, all or embedding");
  const bool decodes = r.truth("gene_decoder_bool", true) && space != "embedding";
  if (r.text("embed_key", "X_hvg") == "X_hvg") {  // a gene decoder is there in vain
    c.output_space = space == "all" ? OutputSpace::all_genes : OutputSpace::hvg;
    return;
  }
  c.output_space = OutputSpace::embedding;
  c.embedding_bottleneck = space == "all";
  c.clip_embedding = !decodes;
  if (!decodes) return;
  const bool residual = r.truth("residual_decoder", false);
  c.decoder = r.truth("decoder_cfg.residual_decoder", residual) ? GeneDecoderKind::residual
                                                                : GeneDecoderKind::plain;
  c.gene_width = r.whole("gene_dim");
  c.decoder_widths = r.list("decoder_cfg.hidden_dims");
  c.decoder_weight = r.number("decoder_weight", 1);
}

}  // namespace detail

/// The configuration that settings of the reference's State Transition stand for: the arguments of
/// its model, as checkpoints keep them under hyper_parameters. Widths that follow from the data are
/// among them (input_dim, output_dim, pert_dim, batch_dim, gene_dim). What is silent has the
/// package's default. A GPT2 backbone becomes a causal one, which it really is in the package.
///
/// @throws ConfigError naming a setting that is needed and absent, or has another value than those
///         that there is a counterpart of
template <class = void>
ReferenceConfig reference_config(const FlatSettings& settings) {
  FlatReader r(settings, "reference_config");
  ReferenceConfig out;
  StateTransitionConfig& c = out.model;
  c.input_width = r.whole("input_dim");
  c.output_width = r.whole("output_dim");
  c.perturbation_width = r.whole("pert_dim");
  c.hidden = r.whole("hidden_dim");
  detail::read_reference_backbone(r, c);
  c.encoder_layers = r.whole("n_encoder_layers", 4);
  c.decoder_layers = r.whole("n_decoder_layers", 4);
  c.basal_mlp = r.truth("use_basal_projection", true);
  c.predict_residual = r.truth("predict_residual", true);
  if (r.truth("batch_encoder", false)) c.batches = r.whole("batch_dim");
  if (r.truth("use_batch_token", false)) c.token_batches = r.whole("batch_dim");
  c.confidence_token = r.truth("confidence_token", false);
  c.confidence_weight = r.number("confidence_weight", 0.01);
  c.confidence_scale = r.number("confidence_target_scale", 10);
  c.dropout = r.number("dropout", 0.1);
  detail::read_reference_loss(r, c);

  detail::read_reference_space(r, c);
  out.unused = r.unread();
  return out;
}

VCELL_END_NAMESPACE
