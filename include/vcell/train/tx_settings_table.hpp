#pragma once

#include <array>
#include <string_view>

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE

/// What becomes of a setting of State's.
enum class TxMeaning {
  setting,    ///< it is a setting of vcell's, with the same values or with those of a map
  fixed,      ///< vcell does what one of its values says, and nothing else
  none,       ///< it means nothing here: another program's service, or a machine's
  elsewhere,  ///< it is read together with others (tx_settings)
};

/// A row of the table from State's settings to vcell's.
struct TxSetting {
  std::string_view name;  ///< State's; with a `*` at its end all that begin so
  TxMeaning meaning;
  std::string_view ours = {};    ///< of a setting: "training.max_steps"
  std::string_view values = {};  ///< of a setting: "theirs:ours ...", empty: the same; of a fixed
                                 ///< one what it may be, "" for null among them as ":"
};

namespace detail {

/// The settings of `state tx train` 0.11.1 as its help shows them, and those of saved runs.
inline constexpr auto tx_table = std::to_array<TxSetting>({
    {"model", TxMeaning::elsewhere},
    {"data", TxMeaning::fixed, "", "perturbation default"},
    {"training", TxMeaning::fixed, "", "default"},
    {"name", TxMeaning::elsewhere},
    {"output_dir", TxMeaning::elsewhere},
    {"overwrite", TxMeaning::elsewhere},
    {"data.kwargs.embed_key", TxMeaning::elsewhere},
    {"data.kwargs.output_space", TxMeaning::elsewhere},

    {"data.kwargs.toml_config_path", TxMeaning::setting, "split.path"},
    {"data.kwargs.pert_col", TxMeaning::setting, "data.perturbation_key"},
    {"data.kwargs.cell_type_key", TxMeaning::setting, "data.context_keys"},
    {"data.kwargs.batch_col", TxMeaning::setting, "data.batch_key"},
    {"data.kwargs.control_pert", TxMeaning::setting, "data.control"},
    {"data.kwargs.perturbation_features_file", TxMeaning::setting, "data.perturbation_features"},
    {"data.kwargs.should_yield_control_cells", TxMeaning::setting, "sets.control_sets"},
    {"data.kwargs.basal_mapping_strategy", TxMeaning::setting, "sets.pair_within",
     "random:context batch:batch"},
    {"data.kwargs.pert_rep", TxMeaning::fixed, "", "onehot"},
    {"data.kwargs.basal_rep", TxMeaning::fixed, "", "sample"},
    {"data.kwargs.n_basal_samples", TxMeaning::fixed, "", "1"},
    {"data.kwargs.downsample", TxMeaning::fixed, "", ": 1.0 1"},
    {"data.kwargs.downsample_cells", TxMeaning::fixed, "", ":"},
    {"data.kwargs.map_controls", TxMeaning::fixed, "", "true True"},
    {"data.kwargs.int_counts", TxMeaning::fixed, "", "false False"},
    {"data.kwargs.val_subsample_fraction", TxMeaning::fixed, "", "1.0 1"},
    {"data.kwargs.num_workers", TxMeaning::none},
    {"data.kwargs.pin_memory", TxMeaning::none},
    {"data.kwargs.additional_obs", TxMeaning::none},
    {"data.kwargs.store_raw_basal", TxMeaning::none},
    {"data.kwargs.barcode", TxMeaning::none},
    {"data.kwargs.use_consecutive_loading", TxMeaning::none},
    {"data.name", TxMeaning::fixed, "", "PerturbationDataModule"},
    {"data.output_dir", TxMeaning::none},
    {"data.debug", TxMeaning::none},

    {"model.name", TxMeaning::fixed, "", "state"},
    {"model.checkpoint", TxMeaning::fixed, "", ":"},
    {"model.device", TxMeaning::none},
    {"model.kwargs.cell_set_len", TxMeaning::setting, "sets.set_size"},
    {"model.kwargs.blur", TxMeaning::setting, "model.blur"},
    {"model.kwargs.hidden_dim", TxMeaning::setting, "model.hidden"},
    {"model.kwargs.loss", TxMeaning::setting, "model.loss",
     "energy:energy_distance mse:mean_squared_error sinkhorn:sinkhorn se:energy_sinkhorn"},
    {"model.kwargs.distributional_loss", TxMeaning::fixed, "", "energy"},
    {"model.kwargs.confidence_token", TxMeaning::setting, "model.confidence_token"},
    {"model.kwargs.confidence_head", TxMeaning::none},
    {"model.kwargs.n_encoder_layers", TxMeaning::setting, "model.encoder_layers"},
    {"model.kwargs.n_decoder_layers", TxMeaning::setting, "model.decoder_layers"},
    {"model.kwargs.predict_residual", TxMeaning::setting, "model.predict_residual"},
    {"model.kwargs.use_basal_projection", TxMeaning::setting, "model.basal_mlp"},
    {"model.kwargs.dropout", TxMeaning::setting, "model.dropout"},
    {"model.kwargs.batch_encoder", TxMeaning::setting, "model.batch_encoder"},
    {"model.kwargs.use_batch_token", TxMeaning::setting, "model.batch_token"},
    {"model.kwargs.mask_attn", TxMeaning::setting, "model.attention",
     "true:itself false:everybody"},
    {"model.kwargs.mmd_num_chunks", TxMeaning::setting, "model.loss_chunks"},
    {"model.kwargs.randomize_mmd_chunks", TxMeaning::fixed, "", "false False"},
    {"model.kwargs.regularization", TxMeaning::setting, "model.l1_weight"},
    {"model.kwargs.decoder_weight", TxMeaning::setting, "model.decoder_weight"},
    {"model.kwargs.decoder_loss_weight", TxMeaning::none},
    {"model.kwargs.residual_decoder", TxMeaning::elsewhere},
    {"model.kwargs.gene_decoder_bool", TxMeaning::none},
    {"model.kwargs.softplus", TxMeaning::none},
    {"model.kwargs.freeze_pert_backbone", TxMeaning::fixed, "", "false False"},
    {"model.kwargs.transformer_decoder", TxMeaning::fixed, "", "false False"},
    {"model.kwargs.finetune_vci_decoder", TxMeaning::fixed, "", "false False"},
    {"model.kwargs.use_effect_gating_token", TxMeaning::fixed, "", "false False"},
    {"model.kwargs.init_from", TxMeaning::fixed, "", ":"},
    {"model.kwargs.llm_name", TxMeaning::none},
    {"model.kwargs.transformer_backbone_key", TxMeaning::setting, "model.backbone",
     "llama:llama GPT2:gpt2"},
    {"model.kwargs.transformer_backbone_kwargs.num_hidden_layers", TxMeaning::setting,
     "model.layers"},
    {"model.kwargs.transformer_backbone_kwargs.n_layer", TxMeaning::setting, "model.layers"},
    {"model.kwargs.transformer_backbone_kwargs.num_attention_heads", TxMeaning::setting,
     "model.heads"},
    {"model.kwargs.transformer_backbone_kwargs.n_head", TxMeaning::setting, "model.heads"},
    {"model.kwargs.transformer_backbone_kwargs.head_dim", TxMeaning::setting, "model.head_dim"},
    {"model.kwargs.transformer_backbone_kwargs.intermediate_size", TxMeaning::setting,
     "model.mlp_width"},
    {"model.kwargs.transformer_backbone_kwargs.bidirectional_attention", TxMeaning::fixed, "",
     "true True"},
    {"model.kwargs.transformer_backbone_kwargs.attention_dropout", TxMeaning::fixed, "", "0.0 0"},
    {"model.kwargs.transformer_backbone_kwargs.hidden_dropout", TxMeaning::fixed, "", "0.0 0"},
    {"model.kwargs.transformer_backbone_kwargs.hidden_size", TxMeaning::elsewhere},
    {"model.kwargs.transformer_backbone_kwargs.n_embd", TxMeaning::elsewhere},
    {"model.kwargs.transformer_backbone_kwargs.num_key_value_heads", TxMeaning::elsewhere},
    {"model.kwargs.transformer_backbone_kwargs.n_inner", TxMeaning::setting, "model.mlp_width"},
    {"model.kwargs.transformer_backbone_kwargs.resid_pdrop", TxMeaning::fixed, "", "0.0 0"},
    {"model.kwargs.transformer_backbone_kwargs.embd_pdrop", TxMeaning::fixed, "", "0.0 0"},
    {"model.kwargs.transformer_backbone_kwargs.attn_pdrop", TxMeaning::fixed, "", "0.0 0"},
    {"model.kwargs.transformer_backbone_kwargs.*", TxMeaning::none},
    {"model.kwargs.lora.enable", TxMeaning::fixed, "", "false False"},
    {"model.kwargs.lora.*", TxMeaning::none},

    {"training.batch_size", TxMeaning::setting, "sets.batch_size"},
    {"training.lr", TxMeaning::setting, "training.learning_rate"},
    {"training.max_steps", TxMeaning::setting, "training.max_steps"},
    {"training.train_seed", TxMeaning::setting, "seed"},
    {"training.val_freq", TxMeaning::setting, "training.validate_every"},
    {"training.ckpt_every_n_steps", TxMeaning::setting, "training.checkpoint_every"},
    {"training.gradient_clip_val", TxMeaning::setting, "training.clip"},
    {"training.gradient_accumulation_steps", TxMeaning::setting, "training.accumulate"},
    {"training.weight_decay", TxMeaning::none},  // State's Adam never gets it
    {"training.loss_fn", TxMeaning::none},
    {"training.wandb_track", TxMeaning::none},
    {"training.devices", TxMeaning::fixed, "", "1 auto"},
    {"training.strategy", TxMeaning::none},
    {"training.use_mfu", TxMeaning::none},
    {"training.mfu_kwargs.*", TxMeaning::none},
    {"training.cumulative_flops_use_backward", TxMeaning::none},

    {"wandb", TxMeaning::none},
    {"wandb.*", TxMeaning::none},
    {"use_wandb", TxMeaning::none},
    {"return_adatas", TxMeaning::none},
    {"pred_adata_path", TxMeaning::none},
    {"true_adata_path", TxMeaning::none},
});

}  // namespace detail
VCELL_END_NAMESPACE
