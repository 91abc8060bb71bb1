#include "vcell/train/reference_config.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"

using namespace vcell;
using vcell_test::check_error;

namespace {

FlatSettings llama() {
  return {{"input_dim", "20"},
          {"output_dim", "20"},
          {"pert_dim", "5"},
          {"hidden_dim", "12"},
          {"batch_dim", "3"},
          {"gene_dim", "30"},
          {"transformer_backbone_key", "llama"},
          {"transformer_backbone_kwargs.bidirectional_attention", "true"},
          {"transformer_backbone_kwargs.num_hidden_layers", "2"},
          {"transformer_backbone_kwargs.num_attention_heads", "3"},
          {"transformer_backbone_kwargs.intermediate_size", "16"}};
}

FlatSettings gpt2() {
  auto s = llama();
  std::erase_if(s, [](const auto& entry) { return entry.first.starts_with("transformer"); });
  s["transformer_backbone_key"] = "GPT2";
  s["transformer_backbone_kwargs.n_layer"] = "3";
  s["transformer_backbone_kwargs.n_head"] = "2";
  return s;
}

}  // namespace

TEST_CASE("reference_config: what is silent has the package's default", "[train]") {
  const auto found = reference_config(llama());
  const auto& c = found.model;
  CHECK(c.backbone == BackboneKind::llama);
  CHECK(c.attention == AttentionPattern::everybody);
  CHECK(c.hidden == 12);
  CHECK(c.head_dim == 4);
  CHECK(c.encoder_layers == 4);
  CHECK(c.basal_mlp);
  CHECK(c.predict_residual);
  CHECK(c.dropout == 0.1);
  CHECK(c.floor_squared == 1e-8);
  CHECK(c.batches == 0);
  CHECK(c.decoder == GeneDecoderKind::none);
  CHECK(c.output_space == OutputSpace::hvg);
  CHECK(found.unused == std::vector<std::string>{"batch_dim", "gene_dim"});

  const auto causal = reference_config(gpt2()).model;
  CHECK(causal.backbone == BackboneKind::gpt2);
  CHECK(causal.attention == AttentionPattern::causal);  // as the package runs it
  CHECK(causal.layers == 3);
  CHECK(causal.head_dim == 6);
  CHECK(causal.mlp_width == 48);
  auto s = gpt2();
  s["mask_attn"] = "True";
  CHECK(reference_config(s).model.attention == AttentionPattern::itself);
}

TEST_CASE("reference_config: an embedding has a decoder, or is clipped", "[train]") {
  auto s = llama();
  s["embed_key"] = "X_state";
  s["decoder_cfg.hidden_dims.0"] = "9";
  s["decoder_cfg.hidden_dims.1"] = "7";
  auto c = reference_config(s).model;
  CHECK(c.output_space == OutputSpace::embedding);
  CHECK(c.decoder == GeneDecoderKind::plain);
  CHECK(c.gene_width == 30);
  CHECK(c.decoder_widths == std::vector<size_t>{9, 7});
  CHECK_FALSE(c.clip_embedding);
  s["output_space"] = "embedding";
  c = reference_config(s).model;
  CHECK(c.decoder == GeneDecoderKind::none);
  CHECK(c.clip_embedding);
  s["output_space"] = "all";
  s["decoder_cfg.residual_decoder"] = "true";
  c = reference_config(s).model;
  CHECK(c.embedding_bottleneck);
  CHECK(c.decoder == GeneDecoderKind::residual);
  s["embed_key"] = "X_hvg";
  c = reference_config(s).model;
  CHECK(c.output_space == OutputSpace::all_genes);
  CHECK(c.decoder == GeneDecoderKind::none);
}

TEST_CASE("reference_config: settings without a counterpart are errors by name", "[train]") {
  struct Case {
    const char *key, *value;
    std::vector<std::string> said;
  };
  const std::string kwargs = "transformer_backbone_kwargs.";
  const Case cases[] = {
      {"transformer_backbone_key", "mamba", {"transformer_backbone_key", "mamba", "GPT2"}},
      {"transformer_backbone_kwargs.bidirectional_attention", "false", {"bidirectional", "rotary"}},
      {"transformer_backbone_kwargs.num_key_value_heads", "1", {"num_key_value_heads", "'1'", "3"}},
      {"transformer_backbone_kwargs.hidden_size", "13", {"hidden_size", "'13'", "12"}},
      {"transformer_backbone_kwargs.num_hidden_layers", "-2", {"num_hidden_layers", "'-2'"}},
      {"hidden_dim", "1e300", {"hidden_dim", "'1e300'", "whole number"}},
      {"hidden_dim", "wide", {"hidden_dim", "'wide'"}},
      {"dropout", "much", {"dropout", "'much'", "a number"}},
      {"use_basal_projection", "maybe", {"use_basal_projection", "'maybe'", "true or false"}},
      {"output_space", "peaks", {"output_space", "'peaks'"}},
      {"loss", "wishes", {"loss", "'wishes'"}},
  };
  for (const Case& one : cases) {
    auto s = llama();
    s[one.key] = one.value;
    check_error<ConfigError>([&] { reference_config(s); }, one.said);
  }
  for (const auto& [loss, ours] : {std::pair{"energy", SetLoss::energy_distance},
                                   {"mse", SetLoss::mean_squared_error},
                                   {"sinkhorn", SetLoss::sinkhorn},
                                   {"se", SetLoss::energy_sinkhorn}}) {
    auto s = llama();
    s["loss"] = loss;
    s["blur"] = "0.1";
    s["mmd_num_chunks"] = "4";
    const auto model = reference_config(s).model;
    CHECK(model.loss == ours);
    CHECK(model.blur == 0.1);
    CHECK(model.loss_chunks == 4);
  }
  auto s = llama();
  s.erase("input_dim");
  check_error<ConfigError>([&] { reference_config(s); }, {"input_dim", "is not there"});
}
