#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "vcell/core/cmath.hpp"
#include "vcell/eval/score_interval.hpp"
#include "vcell/models/model_kind.hpp"
#include "vcell/preprocess/declared_scale.hpp"
#include "vcell/sets/hold_out_controls.hpp"
#include "vcell/sets/screen.hpp"
#include "vcell/tensor/precision.hpp"
#include "vcell/train/choices.hpp"
#include "vcell/train/state_embedding_settings.hpp"
#include "vcell/train/state_transition_settings.hpp"
#include "vcell/train/train_options.hpp"

VCELL_BEGIN_NAMESPACE

/// The control cells that held-out pairs are predicted from.
enum class PredictFrom {
  drawn,  ///< one for every observed cell, with a mean near that of all (draw_near_controls)
  all     ///< every control cell of the context once
};

constexpr std::array<std::string_view, 2> choices(PredictFrom) { return {"drawn", "all"}; }

/// The cells from which the total of normalisation and the model's genes are chosen.
enum class ChooseFrom {
  training,  ///< those that train, and controls
  all        ///< all of them, those of test too, as State does
};

constexpr std::array<std::string_view, 2> choices(ChooseFrom) { return {"training", "all"}; }

/// Where relative paths in a split's file begin.
enum class PathsBegin {
  file,              ///< at its folder
  working_directory  ///< where the program runs, as State has it
};

constexpr std::array<std::string_view, 2> choices(PathsBegin) {
  return {"file", "working_directory"};
}

/// Where a model is trained and predicts.
enum class RunDevice { cpu, cuda };

constexpr std::array<std::string_view, 2> choices(RunDevice) { return {"cpu", "cuda"}; }
constexpr std::array<std::string_view, 3> choices(Precision) {
  return {"float32", "tf32", "bfloat16"};
}

/// @throws ConfigError if a device does not know how products are to round
inline void check_device(RunDevice device, Precision precision) {
  if (precision != Precision::float32 && device == RunDevice::cpu)
    throw ConfigError(message("Experiment: [run] precision is ", name_of_choice(precision),
                              ", and [run] device cpu computes in float32 alone; leave it out, or ",
                              "name another device"));
}

/// Everything that decides what a run does, so that it can be repeated. The defaults are those of
/// `vcell run`.
struct Experiment {
  std::string preset;                   ///< the published settings it started from; empty for none
  std::string data;                     ///< the screen: h5ad, or what else read_cells reads
  CellInput input;                      ///< what that file does not say itself
  std::vector<std::string> more_files;  ///< more of them, whose cells are trained on, too
  /// Where there are several files, obs gets a column of this name, which says which data set a
  /// cell is of: what the split calls its file, or the file's name.
  std::string dataset_column = "dataset";
  ScreenOptions labels;        ///< its obs columns and the control's label
  std::string gene_names;      ///< var column of the names that perturbations use; empty: found
  std::optional<Scale> scale;  ///< of X; without it the file decides (declared_scale)
  double target_sum = 0;  ///< the total that counts are normalised to; 0: the median of the cells,
                          ///< or that of the model in init_from
  double memory = 0;      ///< GB that X may take; a larger one is read in blocks, and the model's
                          ///< genes alone are kept; 0: half of what the machine has
  size_t min_genes = 0;   ///< cells with fewer genes are dropped
  size_t min_cells = 0;   ///< genes in fewer cells are dropped
  size_t hvgs = 2000;     ///< highly variable genes for the model; 0: all genes
  /// The model's genes, in place of the most variable ones: a file with a name a line, or `uns:KEY`
  /// for the names that the screen has there. Empty: chosen.
  std::string gene_list;
  ChooseFrom choose_from = ChooseFrom::training;  ///< cells that hvgs and the total are chosen from
  bool all_genes = false;  ///< predictions hold the genes outside the model too
  PredictFrom predict_from = PredictFrom::drawn;  ///< control cells, for held-out pairs
  std::string split;  ///< TOML file, or obs:COLUMN (read_split_column); empty: the default split
  PathsBegin split_paths = PathsBegin::file;  ///< relative ones in that file
  bool lenient_split = false;  ///< names in it that the screen does not have are left out
  /// Whether controls serve every part, or each its own alone; a split's file that says so itself
  /// has the last word.
  ControlUse controls = ControlUse::shared;
  double controls_validation = 0.16;  ///< share of a context's controls, where they are disjoint
  double controls_test = 0.2;         ///< the same of test
  /// Share of the pairs whose perturbation trains in another context too, held out whole for
  /// validation where the split names none; of perturbations, where it tests such that train in
  /// none (add_validation_as_tested).
  double validation_pairs = 0.2;
  /// Share of the training cells, where no pair can be held out or validation_pairs is 0.
  double validation = 0.1;
  std::string perturbation_features;  ///< safetensors or CSV; empty: one-hot
  bool zero_control = false;          ///< the control's features are zeros, not from the file
  /// Where the embedding of cells comes from that a model of output_space embedding reads and
  /// predicts: the folder of a State Embedding model, or `obsm:KEY` of the screen. Empty: that of
  /// the model in init_from; else a small model is trained for it first.
  std::string cell_embedding;
  ModelKind kind = ModelKind::state_transition;  ///< of the model that is trained
  StateTransitionSettings model;                 ///< read for that kind alone (visit_kinds)
  StateEmbeddingSettings embedding;              ///< the same
  size_t validation_batches = 64;                ///< batches that each validation measures; 0: all
  /// With the seed of everything.
  TrainOptions training = {.max_steps = 1000, .learning_rate = 1e-4};
  /// Whether what metrics.csv has is also written for TensorBoard (train/event_log.hpp).
  bool tensorboard = false;
  /// Folder of a model that training starts from (start_from), with one model for all members of
  /// the ensemble or one for each; empty: afresh.
  std::string init_from;
  /// SHA-256 of that folder (folder_sha256), which it must have; empty: any. A run records it.
  std::string init_sha256;
  /// Models that are trained, each with a seed and validation pairs of its own; their predicted
  /// cells are averaged.
  size_t ensemble = 2;
  /// What predicts, by name: the first is reported on, the others beside it.
  std::vector<std::string> methods = {"state_transition", "control_copy", "perturbation_mean",
                                      "perturbation_mean_shrunk", "context_mean"};
  std::string profile = "vcell";                   ///< which metrics score it (metrics_of)
  IntervalScope intervals = IntervalScope::means;  ///< which mean scores get intervals
  bool ceiling = true;  ///< what halves of the observed cells would score is measured, too
  std::vector<std::string> ceiling_by;  ///< obs columns between whose levels it is measured, too
  bool save_real = false;               ///< the observed cells are kept beside the predicted ones
  RunDevice device = RunDevice::cpu;    ///< that State Transition is trained and predicts on
  Precision precision = Precision::float32;  ///< of its products there
  size_t rank = 0;                           ///< of this process among those that run together
  size_t ranks = 1;                          ///< how many these are
};

/// Calls f(kind, settings) for every kind of model that an experiment can be of, with what that
/// kind alone reads. Another kind is a struct with visit_settings and check_settings, a member, and
/// a line here.
/// @param e  an Experiment, const or not
template <class E, class F>
void visit_kinds(E& e, F&& f) {
  f(ModelKind::state_transition, e.model);
  f(ModelKind::state_embedding, e.embedding);
}

/// Calls f(table, key, field, help) for every setting, in the order of the file: those of all
/// experiments, and those of its kind of model. The one list from which files are written, read and
/// checked; a program can take its options from it too.
/// @param e  an Experiment, const or not
template <class E, class F>
void visit_experiment(E& e, F&& f) {
  f("", "preset", e.preset, "published settings it started from");
  f("", "seed", e.training.seed, "of split, batches, initial weights, dropout");

  f("data", "path", e.data, "the screen: h5ad, 10x .h5, mtx, CSV or TSV");
  f("data", "more_files", e.more_files,
    "more files, with cells of the same screen or other ones, which are trained on, too");
  f("data", "dataset_column", e.dataset_column,
    "where there are several files, the obs column that is made of their data sets' names");
  f("data", "metadata", e.input.metadata.file,
    "CSV or TSV with a row for each cell, which becomes obs columns; empty: none");
  f("data", "metadata_key", e.input.metadata.key,
    "its column with the cells' names; empty: the first");
  f("data", "drop_unmatched", e.input.metadata.drop_unmatched,
    "cells that the metadata or the data lack are left out");
  f("data", "genes_by", e.input.genes.names, "what genes of 10x .h5 and mtx are called by");
  f("data", "duplicate_genes", e.input.genes.duplicates,
    "names of genes that come more than once: make_unique or refuse");
  f("data", "genomes", e.input.genes.genomes, "of 10x .h5 and mtx, those to keep; empty: all");
  f("data", "feature_types", e.input.genes.feature_types,
    "the same, all for all; empty: Gene Expression");
  f("data", "genes_in_rows", e.input.genes_in_rows, "of CSV and TSV: rows are genes");
  f("data", "perturbation_key", e.labels.perturbation_key, "obs column of the perturbation");
  f("data", "control", e.labels.control, "label of unperturbed cells in it");
  f("data", "context_keys", e.labels.context_keys, "obs columns of the context, joined by |");
  f("data", "context_name", e.labels.context_name, "the one context where there are no keys");
  f("data", "batch_key", e.labels.batch_key, "obs column of the batch; empty: not known");
  f("data", "combination_separator", e.labels.combination_separator,
    "what stands between the parts of a combination, as + in A+B; empty: there are none");
  f("data", "dose_key", e.labels.dose_key,
    "obs column of doses, each with its perturbation one to predict; empty: there are none");
  f("data", "gene_names", e.gene_names,
    "var column with the names by which perturbations go; empty: found");
  f("data", "scale", e.scale, "counts or log1p; empty: the file decides");
  f("data", "target_sum", e.target_sum,
    "total that counts are normalised to; 0: the median, or that of init_from");
  f("data", "memory", e.memory,
    "GB that X may take; a larger one is read in blocks of rows, several times, and the model's "
    "genes alone are kept; 0: half of what the machine has");
  f("data", "min_genes", e.min_genes, "cells with fewer genes are dropped");
  f("data", "min_cells", e.min_cells, "genes in fewer cells are dropped");
  f("data", "hvgs", e.hvgs, "highly variable genes for the model; 0: all genes");
  f("data", "gene_list", e.gene_list,
    "the model's genes instead: a file with a name a line, or uns:KEY of the screen");
  f("data", "choose_from", e.choose_from,
    "cells that the total of normalisation and the genes are chosen from: training, those that "
    "train and controls; all, those of test too");
  f("data", "all_genes", e.all_genes, "predictions hold the genes outside the model too");
  f("data", "predict_from", e.predict_from,
    "control cells that held-out pairs are predicted from: drawn, one for every real cell with a "
    "mean near that of all; all, every one once");
  f("data", "embedding", e.cell_embedding,
    "of cells, with output_space embedding: a State Embedding model's folder, or obsm:KEY of the "
    "screen; empty: that of init_from, else a small model is trained first");
  f("data", "perturbation_features", e.perturbation_features, "file; empty: one-hot");
  f("data", "zero_control", e.zero_control, "the control's features are zeros");

  f("split", "path", e.split,
    "TOML file; or obs:COLUMN, which has train, val and test for every cell; empty: the default "
    "split");
  f("split", "split_paths", e.split_paths,
    "where relative paths in it begin: file, or working_directory");
  f("split", "lenient_split", e.lenient_split,
    "contexts and perturbations in it that the screen does not have are left out, else an error");
  f("split", "controls", e.controls,
    "of training, validation and test: shared, or disjoint, so that no control that scores are "
    "measured with is an input of training");
  f("split", "controls_validation", e.controls_validation,
    "share of each context's controls, where they are disjoint and no obs column has their part");
  f("split", "controls_test", e.controls_test, "the same of test");
  f("split", "validation_pairs", e.validation_pairs,
    "share of pairs held out whole, where the split names none; of perturbations, where it tests "
    "such that train nowhere");
  f("split", "validation", e.validation, "share of training cells, where no pair can be held out");

  f("model", "kind", e.kind,
    "what is trained: state_transition, or state_embedding (by vcell train alone); says which "
    "settings there are");
  visit_kinds(e, [&](auto kind, auto& settings) {
    if (kind != e.kind) return;
    visit_settings(settings, f);
    using Settings = std::remove_cvref_t<decltype(settings)>;
    if constexpr (std::is_same_v<Settings, StateTransitionSettings>)
      f("training", "ensemble", e.ensemble,
        "models, each with a seed and validation pairs of its own, whose predicted cells are "
        "averaged");
  });

  auto& t = e.training;
  f("training", "init_from", e.init_from,
    "model folder that training starts from, weights matched by name; empty: afresh");
  f("training", "init_sha256", e.init_sha256, "that the folder must have; empty: any");
  f("training", "max_steps", t.max_steps, "steps of each; where a cosine schedule ends");
  f("training", "optimizer", t.optimizer, "adam (L2) or adamw (decoupled weight decay)");
  f("training", "learning_rate", t.learning_rate, "the highest");
  f("training", "weight_decay", t.weight_decay, "pull of the parameters towards 0");
  f("training", "beta1", t.beta1, "decay of the first moment");
  f("training", "beta2", t.beta2, "decay of the second moment");
  f("training", "epsilon", t.epsilon, "added to the root of the second moment");
  f("training", "schedule", t.schedule,
    "constant, cosine, or chained: the warm-up times the cosine, as State Embedding was trained");
  f("training", "warmup", t.warmup, "steps over which the rate rises from 0, or first_rate");
  f("training", "last_rate", t.last_rate, "at the end of the cosine, share of learning_rate");
  f("training", "first_rate", t.first_rate, "that chained starts at, share of learning_rate");
  f("training", "schedule_steps", t.schedule_steps, "that chained makes in each step");
  f("training", "schedule_total", t.schedule_total,
    "steps after which chained has come down; 0: all that it makes");
  f("training", "accumulate", t.accumulate,
    "batches in each step, whose losses are averaged; one is in memory at a time");
  f("training", "ema", t.ema,
    "decay of an average of the parameters that is validated and kept; 0: none");
  f("training", "clip", t.clip, "greatest norm of the gradient; 0: none");
  f("training", "validate_every", t.validate_every, "steps; 0: after the last one only");
  f("training", "validation_batches", e.validation_batches, "that are measured; 0: all");
  f("training", "choose_by", t.choose_by,
    "what the kept model is the best by in validation: loss, pearson_delta or discrimination");
  f("training", "patience", t.patience, "validations without a new best; 0: never stop early");
  f("training", "checkpoint_every", t.checkpoint_every, "steps; 0: best and last only");
  f("training", "tensorboard", e.tensorboard,
    "tensorboard/: what metrics.csv has, in files that TensorBoard shows");

  f("scores", "methods", e.methods,
    "what predicts, by name; the first is reported on, the others beside it");
  f("scores", "profile", e.profile, "which metrics are computed");
  f("scores", "intervals", e.intervals,
    "which mean scores get intervals: none, means (of metrics that read mean cells), all");
  f("scores", "ceiling", e.ceiling,
    "score one random half of the observed cells against the other: what a repetition would reach");
  f("scores", "ceiling_by", e.ceiling_by,
    "obs column, as of guides or batches: also score observed cells of some levels against others");
  f("scores", "save_real", e.save_real,
    "real.h5ad: the observed cells of test and their controls, for other programs to score");

  f("run", "device", e.device, "what State Transition is trained and predicts on: cpu or cuda");
  f("run", "precision", e.precision,
    "what its products round to on cuda, before they multiply: float32, tf32 or bfloat16");
  f("run", "rank", e.rank, "of this process among those that run together, from 0");
  f("run", "ranks", e.ranks, "processes that run together: 1 so far");
}

/// Whether [data] embedding names a key of obsm.
inline bool is_obsm(const std::string& embedding) { return embedding.starts_with("obsm:"); }

/// Whether cells are read as an embedding and genes decoded of it.
inline bool is_in_embedding(const Experiment& e) {
  return e.kind == ModelKind::state_transition && e.model.output_space == OutputSpace::embedding;
}

/// The settings that are paths of files.
/// @param e  an Experiment, const or not
template <class E>
auto paths_of(E& e) {
  std::vector paths{&e.data, &e.input.metadata.file, &e.perturbation_features, &e.init_from};
  if (!e.split.starts_with("obs:")) paths.push_back(&e.split);
  for (auto& file : e.more_files) paths.push_back(&file);
  if (!e.gene_list.starts_with("uns:")) paths.push_back(&e.gene_list);
  if (!is_obsm(e.cell_embedding)) paths.push_back(&e.cell_embedding);
  if (e.kind == ModelKind::state_embedding && !e.embedding.makes_table()) {
    paths.push_back(&e.embedding.gene_table);
    paths.push_back(&e.embedding.isoforms);
  }
  return paths;
}

/// @throws ConfigError naming the setting and what it may be. Settings of the model are checked
///         when it is made.
template <class = void>
void check_experiment(const Experiment& e) {
  if (!(e.validation >= 0 && e.validation < 1))
    throw ConfigError(message("Experiment: [split] validation is ", e.validation,
                              ", expected a share of the cells in [0, 1)"));
  if (!(e.validation_pairs >= 0 && e.validation_pairs < 1))
    throw ConfigError(message("Experiment: [split] validation_pairs is ", e.validation_pairs,
                              ", expected a share of the pairs in [0, 1)"));
  check_held_out_controls({e.controls_validation, e.controls_test});
  visit_kinds(e, [&](auto kind, const auto& settings) {
    if (kind == e.kind) check_settings(settings, e.labels);
  });
  if (!(e.memory >= 0 && e.memory < 1e9))
    throw ConfigError(
        message("Experiment: [data] memory is ", e.memory, ", expected gigabytes from 0 to 1e9"));
  if (!(e.target_sum >= 0 && std::isfinite(e.target_sum)))
    throw ConfigError(message("Experiment: [data] target_sum is ", e.target_sum,
                              ", expected a total above 0, or 0 for the median"));
  if (!e.more_files.empty() && e.data.empty())
    throw ConfigError(message("Experiment: [data] more_files is ", list_of(e.more_files),
                              ", and [data] path names no file; name the first there"));
  if (!e.more_files.empty() && e.kind == ModelKind::state_transition && e.dataset_column.empty())
    throw ConfigError(
        "Experiment: [data] dataset_column is empty, and there are several files; expected a name "
        "for the obs column of their data sets");
  if (e.init_from.empty() && !e.init_sha256.empty())
    throw ConfigError("Experiment: [training] init_sha256 needs [training] init_from");
  if (!e.cell_embedding.empty() && !is_in_embedding(e))
    throw ConfigError(message("Experiment: [data] embedding is ", quoted(e.cell_embedding),
                              ", which no model reads but State Transition in that space; set ",
                              "[model] output_space to embedding, or leave it out"));
  if (e.cell_embedding == "obsm:")
    throw ConfigError("Experiment: [data] embedding is 'obsm:', expected a key behind it");
  if (is_in_embedding(e) && e.model.decoder == GeneDecoderKind::none)
    throw ConfigError(
        "Experiment: [model] decoder is none, and genes are decoded of an "
        "embedding ([model] output_space embedding); set it to plain, residual or "
        "negative_binomial");
  if (e.zero_control && e.perturbation_features.empty())
    throw ConfigError("Experiment: [data] zero_control needs [data] perturbation_features");
  if (e.ensemble == 0 || e.ensemble > most_members)
    throw ConfigError(message("Experiment: [training] ensemble is ", e.ensemble, ", expected 1 to ",
                              most_members, " models"));
  check_train_options(e.training);
  if (e.kind == ModelKind::state_embedding && e.training.choose_by != ChooseBy::loss)
    throw ConfigError(message("Experiment: [training] choose_by is ",
                              name_of_choice(e.training.choose_by),
                              ", which is measured on shifts of perturbations, and a model of ",
                              "[model] kind state_embedding predicts none; expected loss"));
  if (e.device != RunDevice::cpu && e.kind != ModelKind::state_transition)
    throw ConfigError(message("Experiment: [run] device is ", name_of_choice(e.device),
                              ", and a model of [model] kind ", name_of_choice(e.kind),
                              " is trained on the CPU so far; expected cpu"));
  check_device(e.device, e.precision);
  if (e.rank >= e.ranks)
    throw ConfigError(message("Experiment: [run] rank is ", e.rank, " and [run] ranks ", e.ranks,
                              ", expected a rank below ranks"));
  if (e.ranks > 1)
    throw ConfigError(message("Experiment: [run] ranks is ", e.ranks,
                              ", and the Trainer runs in one process so far; expected 1"));
}

VCELL_END_NAMESPACE
