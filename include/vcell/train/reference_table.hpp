#pragma once

#include <string_view>

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE

/// What becomes of a setting of the reference's.
enum class ReferenceMeaning {
  setting,    ///< it is a setting of vcell's, with the same values or with those of a map
  fixed,      ///< vcell does what one of its values says, and nothing else
  none,       ///< it means nothing here: another program's service, or a machine's
  elsewhere,  ///< it is read together with others
};

/// What of a model reads a setting.
enum class ReferencePart { all, llama, gpt2, gene_decoder };

/// A row of the table from the reference's settings to vcell's.
struct ReferenceSetting {
  std::string_view name;  ///< the reference's; with a `*` at its end all that begin so
  ReferenceMeaning meaning;
  std::string_view ours = {};    ///< of a setting: "training.max_steps"
  std::string_view values = {};  ///< of a setting: "theirs:ours ...", empty: the same; of a fixed
                                 ///< one what it may be, "" for null among them as ":"
  /// What the package does where its configurations and the user are silent. Empty: nothing is said
  /// then, and a saved model must say it.
  std::string_view silent = {};
  ReferencePart part = ReferencePart::all;  ///< of a saved model, that reads it
};

namespace detail {

/// The settings of State Transition: those of `state tx train` 0.11.1 as its help shows them, and
/// those of saved runs.
inline constexpr ReferenceSetting transition_table[] = {
    {"model", ReferenceMeaning::elsewhere},
    {"data", ReferenceMeaning::fixed, "", "perturbation default"},
    {"training", ReferenceMeaning::fixed, "", "default"},
    {"name", ReferenceMeaning::elsewhere},
    {"output_dir", ReferenceMeaning::elsewhere},
    {"overwrite", ReferenceMeaning::elsewhere},
    {"data.kwargs.embed_key", ReferenceMeaning::elsewhere},
    {"data.kwargs.output_space", ReferenceMeaning::elsewhere},

    {"data.kwargs.toml_config_path", ReferenceMeaning::setting, "split.path"},
    {"data.kwargs.pert_col", ReferenceMeaning::setting, "data.perturbation_key", "", "gene"},
    {"data.kwargs.cell_type_key", ReferenceMeaning::setting, "data.context_keys", "", "cell_type"},
    {"data.kwargs.batch_col", ReferenceMeaning::setting, "data.batch_key", "", "gem_group"},
    {"data.kwargs.control_pert", ReferenceMeaning::setting, "data.control", "", "DMSO_TF"},
    {"data.kwargs.perturbation_features_file", ReferenceMeaning::setting,
     "data.perturbation_features"},
    {"data.kwargs.should_yield_control_cells", ReferenceMeaning::setting, "sets.control_sets"},
    {"data.kwargs.basal_mapping_strategy", ReferenceMeaning::setting, "sets.pair_within",
     "random:context batch:batch", "random"},
    {"data.kwargs.pert_rep", ReferenceMeaning::fixed, "", "onehot"},
    {"data.kwargs.basal_rep", ReferenceMeaning::fixed, "", "sample"},
    {"data.kwargs.n_basal_samples", ReferenceMeaning::fixed, "", "1"},
    {"data.kwargs.downsample", ReferenceMeaning::fixed, "", ": 1.0 1"},
    {"data.kwargs.downsample_cells", ReferenceMeaning::fixed, "", ":"},
    {"data.kwargs.map_controls", ReferenceMeaning::fixed, "", "true True"},
    {"data.kwargs.int_counts", ReferenceMeaning::fixed, "", "false False"},
    {"data.kwargs.val_subsample_fraction", ReferenceMeaning::fixed, "", "1.0 1"},
    {"data.kwargs.num_workers", ReferenceMeaning::none},
    {"data.kwargs.pin_memory", ReferenceMeaning::none},
    {"data.kwargs.additional_obs", ReferenceMeaning::none},
    {"data.kwargs.store_raw_basal", ReferenceMeaning::none},
    {"data.kwargs.barcode", ReferenceMeaning::none},
    {"data.kwargs.use_consecutive_loading", ReferenceMeaning::none},
    {"data.name", ReferenceMeaning::fixed, "", "PerturbationDataModule"},
    {"data.output_dir", ReferenceMeaning::none},
    {"data.debug", ReferenceMeaning::none},

    {"model.name", ReferenceMeaning::fixed, "", "state"},
    {"model.checkpoint", ReferenceMeaning::fixed, "", ":"},
    {"model.device", ReferenceMeaning::none},
    {"model.kwargs.cell_set_len", ReferenceMeaning::setting, "sets.set_size"},
    {"model.kwargs.blur", ReferenceMeaning::setting, "model.blur", "", "0.05"},
    {"model.kwargs.hidden_dim", ReferenceMeaning::setting, "model.hidden"},
    {"model.kwargs.loss", ReferenceMeaning::setting, "model.loss",
     "energy:energy_distance mse:mean_squared_error sinkhorn:sinkhorn se:energy_sinkhorn",
     "energy"},
    {"model.kwargs.distributional_loss", ReferenceMeaning::fixed, "", "energy"},
    {"model.kwargs.confidence_token", ReferenceMeaning::setting, "model.confidence_token", "",
     "false"},
    {"model.kwargs.confidence_weight", ReferenceMeaning::setting, "model.confidence_weight", "",
     "0.01"},
    {"model.kwargs.confidence_target_scale", ReferenceMeaning::setting, "model.confidence_scale",
     "", "10"},
    {"model.kwargs.confidence_head", ReferenceMeaning::none},
    {"model.kwargs.n_encoder_layers", ReferenceMeaning::setting, "model.encoder_layers", "", "4"},
    {"model.kwargs.n_decoder_layers", ReferenceMeaning::setting, "model.decoder_layers", "", "4"},
    {"model.kwargs.predict_residual", ReferenceMeaning::setting, "model.predict_residual", "",
     "true"},
    {"model.kwargs.use_basal_projection", ReferenceMeaning::setting, "model.basal_mlp", "", "true"},
    {"model.kwargs.dropout", ReferenceMeaning::setting, "model.dropout", "", "0.1"},
    {"model.kwargs.batch_encoder", ReferenceMeaning::setting, "model.batch_encoder", "", "false"},
    {"model.kwargs.use_batch_token", ReferenceMeaning::setting, "model.batch_token", "", "false"},
    {"model.kwargs.mask_attn", ReferenceMeaning::setting, "model.attention",
     "true:itself false:everybody", "false"},
    {"model.kwargs.mmd_num_chunks", ReferenceMeaning::setting, "model.loss_chunks", "", "1"},
    {"model.kwargs.randomize_mmd_chunks", ReferenceMeaning::fixed, "", "false False"},
    {"model.kwargs.regularization", ReferenceMeaning::setting, "model.l1_weight", "", "0"},
    {"model.kwargs.decoder_weight", ReferenceMeaning::setting, "model.decoder_weight", "", "1",
     ReferencePart::gene_decoder},
    {"model.kwargs.decoder_loss_weight", ReferenceMeaning::none},
    {"model.kwargs.residual_decoder", ReferenceMeaning::elsewhere},
    {"model.kwargs.gene_decoder_bool", ReferenceMeaning::none},
    {"model.kwargs.softplus", ReferenceMeaning::none},
    {"model.kwargs.freeze_pert_backbone", ReferenceMeaning::fixed, "", "false False"},
    {"model.kwargs.transformer_decoder", ReferenceMeaning::fixed, "", "false False"},
    {"model.kwargs.finetune_vci_decoder", ReferenceMeaning::fixed, "", "false False"},
    {"model.kwargs.use_effect_gating_token", ReferenceMeaning::fixed, "", "false False"},
    {"model.kwargs.init_from", ReferenceMeaning::setting, "training.init_from"},
    {"model.kwargs.llm_name", ReferenceMeaning::none},
    {"model.kwargs.transformer_backbone_key", ReferenceMeaning::setting, "model.backbone",
     "llama:llama GPT2:gpt2"},
    {"model.kwargs.transformer_backbone_kwargs.num_hidden_layers", ReferenceMeaning::setting,
     "model.layers", "", "", ReferencePart::llama},
    {"model.kwargs.transformer_backbone_kwargs.n_layer", ReferenceMeaning::setting, "model.layers",
     "", "", ReferencePart::gpt2},
    {"model.kwargs.transformer_backbone_kwargs.num_attention_heads", ReferenceMeaning::setting,
     "model.heads", "", "", ReferencePart::llama},
    {"model.kwargs.transformer_backbone_kwargs.n_head", ReferenceMeaning::setting, "model.heads",
     "", "", ReferencePart::gpt2},
    {"model.kwargs.transformer_backbone_kwargs.head_dim", ReferenceMeaning::setting,
     "model.head_dim"},
    {"model.kwargs.transformer_backbone_kwargs.intermediate_size", ReferenceMeaning::setting,
     "model.mlp_width", "", "", ReferencePart::llama},
    {"model.kwargs.transformer_backbone_kwargs.bidirectional_attention", ReferenceMeaning::fixed,
     "", "true True"},
    {"model.kwargs.transformer_backbone_kwargs.attention_dropout", ReferenceMeaning::fixed, "",
     "0.0 0"},
    {"model.kwargs.transformer_backbone_kwargs.hidden_dropout", ReferenceMeaning::fixed, "",
     "0.0 0"},
    {"model.kwargs.transformer_backbone_kwargs.hidden_size", ReferenceMeaning::elsewhere},
    {"model.kwargs.transformer_backbone_kwargs.n_embd", ReferenceMeaning::elsewhere},
    {"model.kwargs.transformer_backbone_kwargs.num_key_value_heads", ReferenceMeaning::elsewhere},
    {"model.kwargs.transformer_backbone_kwargs.n_inner", ReferenceMeaning::setting,
     "model.mlp_width", "", "", ReferencePart::gpt2},
    {"model.kwargs.transformer_backbone_kwargs.resid_pdrop", ReferenceMeaning::fixed, "", "0.0 0"},
    {"model.kwargs.transformer_backbone_kwargs.embd_pdrop", ReferenceMeaning::fixed, "", "0.0 0"},
    {"model.kwargs.transformer_backbone_kwargs.attn_pdrop", ReferenceMeaning::fixed, "", "0.0 0"},
    {"model.kwargs.transformer_backbone_kwargs.*", ReferenceMeaning::none},
    {"model.kwargs.lora.enable", ReferenceMeaning::fixed, "", "false False"},
    {"model.kwargs.lora.*", ReferenceMeaning::none},

    {"training.batch_size", ReferenceMeaning::setting, "sets.batch_size"},
    {"training.lr", ReferenceMeaning::setting, "training.learning_rate"},
    {"training.max_steps", ReferenceMeaning::setting, "training.max_steps", "", "400000"},
    {"training.train_seed", ReferenceMeaning::setting, "seed"},
    {"training.val_freq", ReferenceMeaning::setting, "training.validate_every"},
    {"training.ckpt_every_n_steps", ReferenceMeaning::setting, "training.checkpoint_every"},
    {"training.gradient_clip_val", ReferenceMeaning::setting, "training.clip"},
    {"training.gradient_accumulation_steps", ReferenceMeaning::setting, "training.accumulate"},
    {"training.weight_decay", ReferenceMeaning::none},  // State's Adam never gets it
    {"training.loss_fn", ReferenceMeaning::none},
    {"training.wandb_track", ReferenceMeaning::none},
    {"training.devices", ReferenceMeaning::fixed, "", "1 auto"},
    {"training.strategy", ReferenceMeaning::none},
    {"training.use_mfu", ReferenceMeaning::none},
    {"training.mfu_kwargs.*", ReferenceMeaning::none},
    {"training.cumulative_flops_use_backward", ReferenceMeaning::none},

    {"wandb", ReferenceMeaning::none},
    {"wandb.*", ReferenceMeaning::none},
    {"use_wandb", ReferenceMeaning::none},
    {"return_adatas", ReferenceMeaning::none},
    {"pred_adata_path", ReferenceMeaning::none},
    {"true_adata_path", ReferenceMeaning::none},
};

/// The settings of State Embedding: those of its configurations as `state emb fit` 0.11.1 takes
/// them, and those of saved models. NAME is the embedding or data set that `current` names, OTHER
/// stands for the others. What is silent has the values of the package's own configuration.
inline constexpr ReferenceSetting embedding_table[] = {
    {"embeddings.current", ReferenceMeaning::elsewhere},
    {"embeddings.NAME.all_embeddings", ReferenceMeaning::setting, "genes.gene_table"},
    {"embeddings.NAME.size", ReferenceMeaning::setting, "genes.gene_table_width"},
    {"embeddings.NAME.*", ReferenceMeaning::none},
    {"embeddings.OTHER.*", ReferenceMeaning::none},

    {"dataset.current", ReferenceMeaning::elsewhere},
    {"dataset.NAME.train", ReferenceMeaning::elsewhere},
    {"dataset.NAME.val", ReferenceMeaning::none},  // a share of the cells is
    {"dataset.NAME.ds_type", ReferenceMeaning::fixed, "", "h5ad"},
    {"dataset.NAME.num_datasets", ReferenceMeaning::none},  // the data say it
    {"dataset.seed", ReferenceMeaning::setting, "seed", "", "42"},
    {"dataset.pad_length", ReferenceMeaning::setting, "model.sentence_length", "", "2048"},
    {"dataset.cls_token_idx", ReferenceMeaning::setting, "model.cls_gene", "", "3"},
    {"dataset.P", ReferenceMeaning::setting, "tasks.expressed", "", "512"},
    {"dataset.N", ReferenceMeaning::setting, "tasks.unexpressed", "", "512"},
    {"dataset.S", ReferenceMeaning::setting, "tasks.shared", "", "512"},
    {"dataset.NAME.*", ReferenceMeaning::none},
    {"dataset.OTHER.*", ReferenceMeaning::none},
    {"dataset.name", ReferenceMeaning::none},
    {"dataset.num_cells", ReferenceMeaning::none},
    {"dataset.num_train_workers", ReferenceMeaning::none},
    {"dataset.num_val_workers", ReferenceMeaning::none},
    {"dataset.pad_token_idx", ReferenceMeaning::none},
    {"dataset.chrom_token_right_idx", ReferenceMeaning::none},
    {"tokenizer.token_dim", ReferenceMeaning::none},

    {"model.emsize", ReferenceMeaning::setting, "model.width", "", "512"},
    {"model.nlayers", ReferenceMeaning::setting, "model.layers", "", "8"},
    {"model.nhead", ReferenceMeaning::setting, "model.heads", "", "16"},
    {"model.d_hid", ReferenceMeaning::setting, "model.mlp_width", "", "1024"},
    {"model.output_dim", ReferenceMeaning::setting, "model.output_width", "", "512"},
    {"model.dropout", ReferenceMeaning::setting, "model.dropout", "", "0.1"},
    {"model.num_downsample", ReferenceMeaning::setting, "sets.copies", "", "1"},
    {"model.batch_size", ReferenceMeaning::setting, "sets.batch_size", "", "128"},
    {"model.dataset_correction", ReferenceMeaning::setting, "genes.file_datasets", "", "true"},
    {"model.counts", ReferenceMeaning::fixed, "", "true True"},
    {"model.rda", ReferenceMeaning::fixed, "", "true True"},
    {"model.sample_rda", ReferenceMeaning::fixed, "", "false False"},
    {"model.ema", ReferenceMeaning::elsewhere},
    {"model.ema_decay", ReferenceMeaning::elsewhere, "", "", "0.999"},
    {"model.ema_update_interval", ReferenceMeaning::none},
    {"model.batch_tabular_loss", ReferenceMeaning::fixed, "", "false False"},
    {"model.name", ReferenceMeaning::none},
    {"model.use_flash_attention", ReferenceMeaning::none},
    {"model.variable_masking", ReferenceMeaning::none},
    {"task.mask", ReferenceMeaning::none},

    {"loss.name", ReferenceMeaning::setting, "model.loss",
     "tabular:tabular mse:mean_squared_error mmd:energy_distance "
     "cross_entropy:binary_cross_entropy",
     "tabular"},
    {"loss.kernel", ReferenceMeaning::fixed, "", "energy"},
    {"loss.apply_normalization", ReferenceMeaning::fixed, "", "false False"},
    {"loss.uniformity", ReferenceMeaning::fixed, "", "false False 0 0.0"},

    {"optimizer.max_lr", ReferenceMeaning::setting, "training.learning_rate", "", "1e-5"},
    {"optimizer.weight_decay", ReferenceMeaning::setting, "training.weight_decay", "", "0.01"},
    {"optimizer.max_grad_norm", ReferenceMeaning::setting, "training.clip", "", "0.8"},
    {"optimizer.gradient_accumulation_steps", ReferenceMeaning::setting, "training.accumulate", "",
     "8"},
    {"optimizer.start", ReferenceMeaning::setting, "training.first_rate", "", "0.33"},
    {"optimizer.end", ReferenceMeaning::fixed, "", "1.0 1"},
    {"optimizer.zclip", ReferenceMeaning::fixed, "", "false False"},
    {"optimizer.reset_lr_on_restart", ReferenceMeaning::none},

    {"experiment.name", ReferenceMeaning::elsewhere},
    {"experiment.num_epochs", ReferenceMeaning::elsewhere, "", "", "16"},
    {"experiment.checkpoint.path", ReferenceMeaning::elsewhere},
    {"experiment.checkpoint.every_n_train_steps", ReferenceMeaning::setting,
     "training.checkpoint_every", "", "1000"},
    {"experiment.val_check_interval", ReferenceMeaning::setting, "training.validate_every", "",
     "1000"},
    {"experiment.limit_val_batches", ReferenceMeaning::setting, "training.validation_batches", "",
     "100"},
    {"experiment.checkpoint.save_top_k", ReferenceMeaning::none},
    {"experiment.checkpoint.monitor", ReferenceMeaning::none},
    {"experiment.local", ReferenceMeaning::none},
    {"experiment.compiled", ReferenceMeaning::none},
    {"experiment.deaware", ReferenceMeaning::none},
    {"experiment.cumulative_flops_use_backward", ReferenceMeaning::none},
    {"experiment.profile.*", ReferenceMeaning::none},
    {"experiment.num_nodes", ReferenceMeaning::none},
    {"experiment.num_gpus_per_node", ReferenceMeaning::none},
    {"experiment.port", ReferenceMeaning::none},
    {"experiment.ddp_timeout", ReferenceMeaning::none},
    {"validations.*", ReferenceMeaning::none},
    {"wandb.*", ReferenceMeaning::none},
};

}  // namespace detail
VCELL_END_NAMESPACE
