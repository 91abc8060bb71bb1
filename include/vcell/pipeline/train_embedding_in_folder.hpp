#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/core/product_backend.hpp"
#include "vcell/pipeline/model_card.hpp"
#include "vcell/pipeline/prepare_embedding.hpp"
#include "vcell/pipeline/run_folder.hpp"
#include "vcell/train/embedding_folder.hpp"
#include "vcell/version.hpp"

VCELL_BEGIN_NAMESPACE

struct TrainEmbeddingOptions {
  OldRun old = OldRun::keep;
  /// The folder is this run's: what is written there now stays.
  std::function<void()> begun = {};
  Callbacks callbacks = {};
};

/// Trains State Embedding as an experiment says, in a folder: checkpoints, metrics.csv, model/ with
/// a card (README.md). The cells are those of prepare_embedding.
/// @return  the model, with the parameters of the best validation
/// @throws ConfigError, IoError, FormatError; Stopped with a last checkpoint written
template <class = void>
TrainedEmbedding train_embedding_in_folder(const Experiment& asked,
                                           const std::filesystem::path& path,
                                           const TrainEmbeddingOptions& options = {}) {
  const RunFolder folder(path);
  Experiment e = asked;
  const Callbacks& callbacks = options.callbacks;
  folder.check(options.old);
  check_embedding_experiment("train_embedding_in_folder", e);
  if (options.old == OldRun::resume) {
    check_data_files(folder / "data.csv", e, callbacks);
    if (!e.init_from.empty())
      e.init_sha256 = read_experiment(folder / "experiment.toml").init_sha256;
  }
  PreparedEmbedding p = prepare_embedding(e, callbacks);
  const TrainingHooks hooks = folder.hooks(e, options.old,
                                           []() -> const SplitSpec& {
                                             static const SplitSpec none;
                                             return none;
                                           },
                                           {});
  TrainingHooks starting = hooks;
  starting.restore = [&](Trainer<float>& trainer) {
    if (hooks.restore) hooks.restore(trainer);
    if (!trainer.state().step) start_embedding(p, e, callbacks);
  };
  train_embedding(e, p, callbacks, starting, [&] {
    if (options.old != OldRun::resume) folder.begin(e, SplitSpec(), Anchor::none);
    if (options.begun) options.begun();
  });
  save_embedding(folder / "model", p.model);
  const auto files = experiment_files(e);
  std::vector<std::string> names;
  for (const auto& file : files) names.push_back(std::filesystem::path(file).filename().string());
  write_model_card(
      folder / "model",
      {.title = "State Embedding, trained on " + list_of(names),
       .facts = {{"Data",
                  {{files.size() > 1 ? "Files" : "File", list_of(files)},
                   {"Cells", message(p.data.cells(), ", with ", p.data.genes, " genes")},
                   {"Genes", p.data.gene_report}}},
                 {"Versions", {{"vcell", VCELL_VERSION}, {"Matrix products", product_backend()}}}},
       .scores = {},
       .settings = format_experiment(e),
       .remarks = {}});
  return std::move(p.model);
}

VCELL_INSTANTIATE(folders,
                  TrainedEmbedding train_embedding_in_folder<void>(const Experiment&,
                                                                   const std::filesystem::path&,
                                                                   const TrainEmbeddingOptions&));

VCELL_END_NAMESPACE
