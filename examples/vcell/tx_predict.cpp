#include <fmt/format.h>

#include "cells.hpp"
#include "commands.hpp"
#include "normalize_for.hpp"
#include "options.hpp"
#include "output.hpp"
#include "read_embedding.hpp"
#include "score_cells.hpp"
#include "split_files.hpp"
#include "vcell/eval/profiles.hpp"
#include "vcell/pipeline/experiment_files.hpp"
#include "vcell/pipeline/join_data_sets.hpp"
#include "vcell/pipeline/predict_split.hpp"
#include "vcell/sets/dataset_name.hpp"
#include "vcell/sets/keep_controls_apart.hpp"
#include "vcell/sets/parts_by_dataset.hpp"
#include "vcell/sets/split_toml.hpp"
#include "vcell/train/experiment_toml.hpp"
#include "vcell/train/import_state.hpp"
#include "vcell/train/model_folder.hpp"

namespace fs = std::filesystem;

namespace {

struct TxPredictSettings {
  vcell::CellInput input;           ///< what --adata or the data do not say themselves
  vcell::H5adWriteOptions storage;  ///< of what is written
  std::string run, toml, checkpoint, profile = "full", controls;
  vcell::PredictSplitOptions options;
  size_t finetune_epochs = 0;
  double memory = 0;  // GB
  bool predict_only = false, skip_cells = false, train_data = false, pseudobulk = false,
       overwrite = false;
};

/// A model, and the split that it was trained with.
struct Trained {
  vcell::TrainedModel model;
  std::string name;                        ///< of what its weights are from
  std::string toml;                        ///< the split's file
  std::vector<std::string> data;           ///< the training data; none: the split names them
  std::string embedding;                   ///< the obsm entry that the model reads; empty: X
  std::optional<vcell::Scale> scale = {};  ///< of X
  bool lenient = false;
  std::string dataset_column = "dataset";  ///< of obs, where there are several files
};

/// A run folder of vcell's, as `vcell tx train` writes it, or of State's.
Trained trained_of(const TxPredictSettings& s, Console& console) {
  const fs::path run = s.run;
  if (fs::exists(run / "experiment.toml")) {
    if (!s.checkpoint.empty())
      throw vcell::ConfigError(
          "--checkpoint chooses in a run folder of State's; in one of vcell's the model/ is read");
    auto loaded = vcell::load_model(run / "model");
    auto members = vcell::members_of(loaded);
    if (members.size() != 1)
      throw vcell::ConfigError(
          vcell::message("tx predict: ", vcell::quoted(s.run), " has an ensemble of ",
                         members.size(), " models, and one is expected; 'vcell run' scores all"));
    if (members[0].anchors)
      throw vcell::ConfigError(vcell::message(
          "tx predict: the model of ", vcell::quoted(s.run),
          " starts from an anchor, which State's ",
          "commands know nothing of; 'vcell run' scores it, 'vcell predict' predicts with it"));
    const auto e = vcell::read_experiment(run / "experiment.toml");
    const std::string key = members[0].embedding_key;
    return {std::move(members[0]),
            "model",
            (run / "split.toml").string(),
            vcell::experiment_files(e),
            key,
            e.scale,
            e.lenient_split,
            e.dataset_column};
  }
  // State's default is not the best one of the validations.
  auto imported = vcell::import_state(run, s.checkpoint.empty() ? "last.ckpt" : s.checkpoint);
  console.note(fmt::format("weights of {}", imported.weights.string()));
  for (const auto& remark : imported.remarks) console.note(remark);
  return {std::move(imported.model),
          imported.weights.filename().string(),
          imported.split,
          {},
          imported.embedding,
          vcell::Scale::log1p};
}

std::vector<vcell::Metric> metrics_of_profile(const std::string& profile) {
  if (profile == "anndata") return {};
  if (profile == "full" || profile == "minimal" || profile == "de")
    return vcell::metrics_of(profile);
  throw vcell::ConfigError(vcell::message("--profile is ", vcell::quoted(profile),
                                          ", expected 'full', 'minimal', 'de' or 'anndata'"));
}

void check(const TxPredictSettings& s) {
  if (s.finetune_epochs > 0)
    throw vcell::ConfigError(
        "--test-time-finetune has no counterpart here: a model predicts as it was trained");
  if (s.pseudobulk)
    throw vcell::ConfigError(
        "--pseudobulk has no counterpart here: cells are scored one by one, and pseudobulks by "
        "the metrics that are of them");
  if (s.skip_cells && (s.predict_only || s.profile == "anndata"))
    throw vcell::ConfigError(
        "--skip-adatas leaves nothing to do where cells are not scored; leave it or "
        "--predict-only (--profile anndata) out");
}

/// The file of the split: a relative path of a run begins at the working directory, else where the
/// run lies.
std::string split_file(const TxPredictSettings& s, const Trained& trained) {
  const fs::path toml = s.toml.empty() ? trained.toml : s.toml;
  if (!toml.empty() && fs::exists(toml)) return toml.string();
  const fs::path beside = fs::absolute(s.run).lexically_normal() / ".." / toml;
  if (s.toml.empty() && !toml.empty() && fs::exists(beside))
    return beside.lexically_normal().string();
  throw vcell::ConfigError(vcell::message("tx predict: the split, ", vcell::quoted(toml.string()),
                                          ", is not there; name it by --toml"));
}

/// @throws vcell::ConfigError if something is there and may not be replaced
void keep(const fs::path& path, bool overwrite) {
  if (!overwrite && fs::exists(path))
    throw vcell::ConfigError(vcell::message("tx predict: ", vcell::quoted(path.string()),
                                            " is there already; say --overwrite to replace it"));
}

/// The cells of several files in memory.
vcell::AnnData read_joined(const std::vector<std::string>& files,
                           const std::vector<std::string>& names, const std::string& column,
                           const TxPredictSettings& s, Console& console) {
  std::vector<std::string> remarks;
  auto joined = vcell::join_data_sets(files, names, column,
                                      {.h5ad = {.layers = false,
                                                .varm = false,
                                                .obsp = false,
                                                .varp = false,
                                                .raw = false,
                                                .budget = size_t(s.memory * 1e9),
                                                .warnings = &remarks,
                                                .progress = console.progress()},
                                       .input = s.input},
                                      callbacks_of(console));
  for (const auto& remark : remarks) console.note(remark);
  joined.cells.X = vcell::collect_rows(joined.X);
  return std::move(joined.cells);
}

void predict(TxPredictSettings s, Console& console) {
  check(s);
  const auto metrics = metrics_of_profile(s.profile);
  const auto trained = trained_of(s, console);
  const auto& model = trained.model;
  const bool scored = !s.predict_only && s.profile != "anndata";
  const fs::path out = fs::path(s.run) / ("eval_" + trained.name);
  if (!s.skip_cells) keep(out / "adata_pred.h5ad", s.overwrite);
  if (scored) keep(out / "agg_results.csv", s.overwrite);

  const std::string toml = split_file(s, trained);
  auto split = vcell::read_split(toml, nullptr, fs::current_path());
  if (vcell::data_set_files(split).empty()) split = vcell::read_split(toml);
  const auto files =
      s.toml.empty() && !trained.data.empty() ? trained.data : split_files(split, "--toml", toml);
  const std::string file = files.size() == 1 ? files[0] : vcell::list_of(files);
  std::vector<std::string> names;
  for (const auto& one : files) names.push_back(vcell::dataset_name(split, one));
  auto data = files.size() == 1 ? read_cells(file, console, CellParts::all, s.memory, s.input)
                                : read_joined(files, names, trained.dataset_column, s, console);
  const bool in_embedding = model.model.config().output_space == vcell::OutputSpace::embedding;
  s.options.embedded = read_embedding(model, fs::path(s.run) / "model", data, file, trained.scale,
                                      "tx predict", console);
  if (in_embedding || trained.embedding.empty())
    normalize_for(model, data, trained.scale, file, console);
  auto screen = vcell::make_labels(data, model.labels);
  const vcell::AssignOptions assign = {.lenient = trained.lenient};
  const auto parts =
      files.size() == 1 || !split.column.empty()
          ? vcell::parts_of_cells(data, screen, split, names[0], assign)
          : vcell::parts_by_dataset(screen, vcell::factor(data.obs.column(trained.dataset_column)),
                                    split, assign);
  if (split.controls) vcell::keep_controls_apart(screen, parts);
  s.options.embedding = trained.embedding;
  s.options.part = s.train_data ? vcell::Part::train : vcell::Part::test;
  s.options.callbacks = callbacks_of(console);
  if (!s.controls.empty()) s.options.rows = vcell::read_cells_with_controls(s.controls, data);
  auto made = vcell::predict_split(model, data, screen, parts, s.options);
  make_folder(out);
  if (!s.skip_cells) {
    write_cells(out / "adata_pred.h5ad", made.predicted, s.storage, console);
    write_cells(out / "adata_real.h5ad", made.observed, s.storage, console);
    console.result((out / "adata_pred.h5ad").string());
  }
  if (!scored) return;
  ScoreSettings scores;
  scores.real = "adata_real.h5ad";
  scores.predicted = "adata_pred.h5ad";
  scores.perturbation_key = model.labels.perturbation_key;
  scores.context_keys = model.labels.context_keys;
  scores.control = model.labels.control;
  scores.out = out.string();
  scores.command = "tx predict";
  scores.profile = s.profile;
  scores.metrics = metrics;
  score_cells(std::move(made.observed), std::move(made.predicted), scores, console);
}

}  // namespace

void add_tx_predict(CLI::App& tx, Console& console) {
  auto* command = tx.add_subcommand(
      "predict", "Predict what a run held out, score it against the observed cells, as State does");
  auto s = std::make_shared<TxPredictSettings>();
  const auto text = [&](const char* name, std::string& to, const char* help, const char* type) {
    return command->add_option(name, to, help)->type_name(type);
  };
  text("--output-dir", s->run, "The run's folder, of State or of vcell tx train", "FOLDER")
      ->required();
  text("--toml", s->toml, "Another split than the training's", "FILE");
  text("--checkpoint", s->checkpoint, "Of a run folder of State's [last.ckpt]", "NAME");
  add_number(*command, "--test-time-finetune", s->finetune_epochs,
             "Epochs on control cells; only 0 is offered");
  text("--profile", s->profile, "full, minimal, de: cell-eval's metrics; anndata: none [full]",
       "NAME");
  command->add_flag("--predict-only", s->predict_only, "Write predicted cells, score nothing");
  command->add_flag("--skip-adatas", s->skip_cells, "Write scores, and no cells");
  command->add_flag("--shared-only", s->options.shared,
                    "Perturbations alone that train in some context, too");
  command->add_flag("--eval-train-data", s->train_data, "The cells of train in place of test");
  command->add_flag("--pseudobulk", s->pseudobulk, "Not offered");
  text("--controls", s->controls,
       "Which cells start from which controls, in this order: a CSV of row,control_row of the "
       "data, from 0, or an adata_pred.h5ad [drawn]",
       "FILE");
  add_number(*command, "--seed", s->options.seed, "Of the draw of control cells");
  command->add_flag("--overwrite", s->overwrite, "Replace what is there");
  add_memory(*command, s->memory);
  add_cell_input(*command, s->input);
  add_storage(*command, s->storage);
  add_common(*command, console);
  command->callback([s, &console] { predict(*s, console); });
}
