#include "vcell/train/tx_settings.hpp"

#include <algorithm>
#include <set>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "vcell/train/experiment.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {

TxSettings translated(const std::vector<std::string>& words) { return tx_settings(words); }

bool has(const TxSettings& s, const std::string& setting) {
  return std::find(s.settings.begin(), s.settings.end(), setting) != s.settings.end();
}

}  // namespace

TEST_CASE("tx_settings: the command of the challenge's tutorial", "[train]") {
  const auto s = translated(
      {"data.kwargs.toml_config_path=\"competition_support_set/starter.toml\"",
       "data.kwargs.num_workers=8", "data.kwargs.batch_col=\"batch_var\"",
       "data.kwargs.pert_col=\"target_gene\"", "data.kwargs.cell_type_key=\"cell_type\"",
       "data.kwargs.control_pert=\"non-targeting\"",
       "data.kwargs.perturbation_features_file=\"competition_support_set/ESM2_pert_features.pt\"",
       "training.max_steps=40000", "training.ckpt_every_n_steps=20000", "model=state_sm",
       "wandb.tags=\"[first_run]\"", "wandb.project=vcc", "wandb.entity=arcinstitute",
       "output_dir=\"./checkpoints\"", "name=\"first_run\""});
  CHECK(s.preset == "state_sm");
  CHECK(s.out == "./checkpoints/first_run");
  CHECK(!s.overwrite);
  CHECK(std::ranges::none_of(s.settings, [](auto& x) { return x.starts_with("data.embedding"); }));
  for (const char* setting :
       {"split.path=competition_support_set/starter.toml", "data.batch_key=batch_var",
        "data.perturbation_key=target_gene", "data.context_keys=cell_type",
        "data.control=non-targeting", "training.max_steps=40000", "training.checkpoint_every=20000",
        "data.perturbation_features=competition_support_set/ESM2_pert_features.pt", "data.hvgs=0",
        "model.output_space=all_genes", "sets.pair_within=context"})
    CHECK(has(s, setting));
  CHECK(s.without_meaning == std::vector<std::string>{"data.kwargs.num_workers", "wandb.entity",
                                                      "wandb.project", "wandb.tags"});
}

TEST_CASE("tx_settings: every setting of the table is one of vcell's", "[train]") {
  std::set<std::string> settings;
  const Experiment e;
  visit_experiment(e, [&](std::string_view table, std::string_view key, const auto&, auto) {
    settings.insert(table.empty() ? std::string(key) : message(table, '.', key));
  });
  for (const ReferenceSetting& row : vcell::detail::transition_table)
    if (row.meaning == ReferenceMeaning::setting) {
      INFO(row.name);
      CHECK(settings.contains(std::string(row.ours)));
    }
  for (const std::string& setting : translated({}).settings)
    CHECK(settings.contains(setting.substr(0, setting.find('='))));
}

TEST_CASE("tx_settings: what is not said is as State has it", "[train]") {
  const auto s = translated({});
  CHECK(s.preset == "state");
  CHECK(s.out == "./debugging/debug");
  CHECK(s.without_meaning.empty());
  for (const char* setting :
       {"training.max_steps=400000", "data.batch_key=gem_group", "data.perturbation_key=gene",
        "data.context_keys=cell_type", "data.control=DMSO_TF", "data.hvgs=0"})
    CHECK(has(s, setting));
}

TEST_CASE("tx_settings: the last of equal names wins", "[train]") {
  const auto s = translated({"training.max_steps=40000", "++training.max_steps=20",
                             "data.kwargs.pert_col=gene", "data.kwargs.pert_col='target'"});
  CHECK(has(s, "training.max_steps=20"));
  CHECK(!has(s, "training.max_steps=40000"));
  CHECK(has(s, "data.perturbation_key=target"));
}

TEST_CASE("tx_settings: cells are read from X, X_hvg or an embedding", "[train]") {
  const auto hvg = translated({"data.kwargs.embed_key=X_hvg", "data.kwargs.output_space=gene"});
  CHECK(has(hvg, "data.gene_list=uns:X_hvg_var_names"));
  CHECK(!has(hvg, "data.hvgs=0"));
  const auto genes = translated({"data.kwargs.output_space=gene"});
  CHECK(has(genes, "model.output_space=hvg"));
  const auto embedding =
      translated({"data.kwargs.embed_key=X_state", "model.kwargs.residual_decoder=True"});
  CHECK(has(embedding, "data.embedding=obsm:X_state"));
  CHECK(has(embedding, "data.hvgs=0"));
  CHECK(has(embedding, "model.decoder=residual"));
  check_error<ConfigError>([] { translated({"data.kwargs.embed_key=X_hvg"}); },
                           {"output_space", "expected gene"});
  check_error<ConfigError>([] { translated({"data.kwargs.output_space=embedding"}); },
                           {"embed_key"});
}

TEST_CASE("tx_settings: a training starts from a model", "[train]") {
  CHECK(has(translated({"model.kwargs.init_from='old/model'"}), "training.init_from=old/model"));
  for (const auto& setting : translated({"model.kwargs.init_from=null"}).settings)
    CHECK(!setting.starts_with("training.init_from"));
}

TEST_CASE("tx_settings: values are translated, and null says nothing", "[train]") {
  const auto s =
      translated({"model.kwargs.loss=se", "model.kwargs.mask_attn=true",
                  "model.kwargs.transformer_backbone_key=GPT2", "model.kwargs.hidden_dim=64",
                  "overwrite=True", "model.kwargs.transformer_backbone_kwargs.hidden_size=64",
                  "model.kwargs.transformer_backbone_kwargs.n_head=4",
                  "data.kwargs.perturbation_features_file=null"});
  CHECK(has(s, "model.loss=energy_sinkhorn"));
  CHECK(has(s, "model.attention=itself"));
  CHECK(has(s, "model.backbone=gpt2"));
  CHECK(has(s, "model.hidden=64"));
  CHECK(has(s, "model.heads=4"));
  CHECK(has(s, "model.head_dim=16"));
  CHECK(has(s, "model.mlp_width=256"));
  CHECK(s.without_meaning.empty());
  CHECK(s.overwrite);
  for (const auto& setting : s.settings) CHECK(!setting.starts_with("data.perturbation_features"));
}

TEST_CASE("tx_settings: errors name the setting and what it may be", "[train]") {
  const auto fails = [](const std::vector<std::string>& words,
                        const std::vector<std::string>& texts) {
    check_error<ConfigError>([&] { translated(words); }, texts);
  };
  fails({"training.max_step=20"}, {"training.max_step=20", "training.max_steps"});
  fails({"training.max_steps"}, {"expected a setting of State's"});
  fails({"=3"}, {"'=3'"});
  fails({""}, {"''"});
  fails({"model=scgpt-genetic"}, {"scgpt-genetic", "state_sm"});
  fails({"model.kwargs.lora.enable=true"}, {"model.kwargs.lora.enable", "no counterpart"});
  fails({"data.kwargs.downsample=0.5"}, {"data.kwargs.downsample"});
  fails({"model.kwargs.transformer_backbone_kwargs.hidden_size=5", "model.kwargs.hidden_dim=6"},
        {"hidden_size", "hidden_dim"});
  fails({"model.kwargs.transformer_backbone_kwargs.num_key_value_heads=2",
         "model.kwargs.transformer_backbone_kwargs.num_attention_heads=4"},
        {"num_key_value_heads", "num_attention_heads", "the same"});
  fails({"model.kwargs.transformer_backbone_key=GPT2", "model.kwargs.hidden_dim=10",
         "model.kwargs.transformer_backbone_kwargs.n_head=4"},
        {"GPT2", "n_head", "divides"});
}
