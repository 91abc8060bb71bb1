#pragma once

#include <string>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/train/reference_values.hpp"

VCELL_BEGIN_NAMESPACE

/// A model's configuration out of a file of the reference.
struct ReferenceConfig {
  StateTransitionConfig model;
  std::vector<std::string> unused;  ///< settings that have no counterpart
};

namespace detail {

/// The settings with the loss that counts: a name that is none of a loss leaves the choice to
/// another setting.
template <class = void>
FlatSettings with_chosen_loss(FlatSettings settings) {
  const auto loss = settings.find("loss"), chosen = settings.find("distributional_loss");
  std::vector<std::string> known;
  if (loss == settings.end() || chosen == settings.end() ||
      find_mapped(loss->second, row_of(transition_table, "model.kwargs.loss")->values, known))
    return settings;
  loss->second = std::move(chosen->second);
  settings.erase(chosen);
  return settings;
}

/// What the table has of a model, and what of it hangs together.
template <class = void>
void read_reference_model(FlatReader& r, Experiment& e) {
  constexpr std::string_view model = "model.kwargs.", backbone = "transformer_backbone_kwargs.";
  StateTransitionConfig& c = e.model;
  const auto is_read_by = [&](ReferencePart part) {
    const bool is_gpt2 = c.backbone == BackboneKind::gpt2;
    return part == ReferencePart::all || (part == ReferencePart::gpt2 && is_gpt2) ||
           (part == ReferencePart::llama && !is_gpt2) ||
           (part == ReferencePart::gene_decoder && c.decoder != GeneDecoderKind::none);
  };
  for (const ReferenceSetting& row : transition_table) {
    if (row.meaning != ReferenceMeaning::setting || !row.name.starts_with(model) ||
        !row.ours.starts_with("model."))
      continue;
    const std::string key(row.name.substr(model.size()));
    if (key == "transformer_backbone_key") r.give(key, "");
    if (!is_read_by(row.part)) continue;
    if (!row.silent.empty()) r.give(key, std::string(row.silent));
    if (row.ours == "model.head_dim") r.give(key, message(c.heads ? c.hidden / c.heads : 0));
    if (key == message(backbone, "n_inner")) r.give(key, message(4 * c.hidden));
    read_row(r, key, row, e);
  }
  const auto key = [&](const char* name) { return message(backbone, name); };
  if (c.backbone == BackboneKind::llama) {
    if (!r.truth(key("bidirectional_attention"), false))
      r.fail(key("bidirectional_attention"), "false",
             "true: without it the package's llama is causal and has rotary positions, which "
             "are not offered");
    if (r.whole(key("num_key_value_heads"), c.heads) != c.heads)
      r.fail(key("num_key_value_heads"), r.text(key("num_key_value_heads"), ""),
             message(c.heads, ", as many as queries have"));
  } else if (c.attention == AttentionPattern::everybody) {
    c.attention = AttentionPattern::causal;  // as the package runs it, against its intent
  }
  for (const char* width : {"hidden_size", "n_embd"})
    if (r.whole(key(width), c.hidden) != c.hidden)
      r.fail(key(width), r.text(key(width), ""), message(c.hidden, ", the hidden_dim"));
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
}

}  // namespace detail

/// The configuration that settings of the reference's State Transition stand for, by the table
/// (train/reference_table.hpp): the arguments of its model, as checkpoints keep them under
/// hyper_parameters. Widths that follow from the data are
/// among them (input_dim, output_dim, pert_dim, batch_dim, gene_dim). What is silent has the
/// package's default. A GPT2 backbone becomes a causal one, which it really is in the package.
///
/// @throws ConfigError naming a setting that is needed and absent, or has another value than those
///         that there is a counterpart of
template <class = void>
ReferenceConfig reference_config(const FlatSettings& settings) {
  FlatReader r(detail::with_chosen_loss(settings), "reference_config");
  Experiment e;
  StateTransitionConfig& c = e.model;
  c = {};
  c.input_width = r.whole("input_dim");
  c.output_width = r.whole("output_dim");
  c.perturbation_width = r.whole("pert_dim");
  detail::read_reference_space(r, c);
  detail::read_reference_model(r, e);
  if (e.model.batch_encoder) c.batches = r.whole("batch_dim");
  if (e.model.batch_token) c.token_batches = r.whole("batch_dim");
  c.floor_squared = 1e-8;
  ReferenceConfig out{c, {}};
  out.unused = r.unread();
  return out;
}

VCELL_INSTANTIATE(files, ReferenceConfig reference_config<void>(const FlatSettings&));

VCELL_END_NAMESPACE
