#include <fmt/format.h>

#include <sstream>

#include "cells.hpp"
#include "commands.hpp"
#include "model_names.hpp"
#include "options.hpp"
#include "output.hpp"
#include "vcell/io/write_npy.hpp"
#include "vcell/pipeline/infer_cells.hpp"
#include "vcell/pipeline/virtual_cells.hpp"
#include "vcell/train/import_state.hpp"
#include "vcell/train/model_folder.hpp"

namespace fs = std::filesystem;

namespace {

struct InferSettings {
  vcell::CellInput input;           ///< what --adata or the data do not say themselves
  vcell::H5adWriteOptions storage;  ///< of what is written
  std::string model, checkpoint, data, out, controls, contexts, added;
  std::string perturbation_key, context_key, batch_key, control;
  vcell::InferOptions options;
  vcell::VirtualCellsOptions cells;
  size_t per_perturbation = 0, most = 0;
  size_t set_size = 0;
  double memory = 0;  // GB
  bool overwrite = false;
};

/// A run folder of State, or a model folder.
vcell::TrainedModel infer_model(const InferSettings& s, Console& console) {
  if (fs::exists(fs::path(s.model) / "weights.safetensors")) {
    auto loaded = vcell::load_model(s.model);
    return std::move(std::get<vcell::TrainedModel>(loaded));  // an ensemble's folder has no weights
  }
  auto imported = vcell::import_state(s.model, s.checkpoint);
  console.note(fmt::format("weights of {}", imported.weights.string()));
  for (const auto& remark : imported.remarks) console.note(remark);
  return std::move(imported.model);
}

/// Leaves cells out, and adds copies of controls, as was said.
void add_virtual_cells(InferSettings& s, const vcell::TrainedModel& model, vcell::AnnData& data,
                       Console& console) {
  auto& o = s.cells;
  std::istringstream words(s.contexts);
  for (std::string name; std::getline(words, name, ',');) {
    name.erase(0, name.find_first_not_of(' '));
    name.erase(name.find_last_not_of(' ') + 1);
    if (!name.empty()) o.contexts.push_back(name);
  }
  if (!s.added.empty()) o.added = vcell::read_added_cells(s.added);
  if (s.per_perturbation) {
    if (!o.all_perturbations)
      throw vcell::ConfigError("--virtual-cells-per-pert is of --all-perts; say both");
    o.per_perturbation = s.per_perturbation;
  }
  if (s.most) o.most = s.most;
  if (o.most && *o.most < o.least)
    throw vcell::ConfigError(vcell::message("--max-cells is ", *o.most, " and --min-cells ",
                                            o.least, "; expected no less"));
  if (o.empty()) return;
  if (!s.controls.empty())
    throw vcell::ConfigError(
        "--controls names rows of the file, and --celltypes, --tsv, --all-perts, --min-cells and "
        "--max-cells make others of them; leave one of both out");
  o.seed = s.options.seed;
  o.callbacks = callbacks_of(console);
  data = vcell::virtual_cells(data, model.labels, model.perturbations.names(), o);
}

void infer(InferSettings& s, Console& console) {
  if (s.out.empty())
    s.out = (fs::path(s.data).parent_path() / fs::path(s.data).stem()).string() + "_simulated.h5ad";
  const bool array = fs::path(s.out).extension() == ".npy";
  if (!array && fs::path(s.out).extension() != ".h5ad")
    throw vcell::ConfigError(vcell::message("tx infer: --output is ", vcell::quoted(s.out),
                                            ", expected a file that ends in .h5ad or .npy"));
  refuse_to_overwrite("tx infer", s.out, s.overwrite);
  auto model = infer_model(s, console);
  if (!s.perturbation_key.empty()) model.labels.perturbation_key = s.perturbation_key;
  if (!s.context_key.empty()) model.labels.context_keys = {s.context_key};
  if (!s.batch_key.empty()) model.labels.batch_key = s.batch_key;
  if (!s.control.empty()) model.labels.control = s.control;
  if (const auto missing = missing_names(model); !missing.empty())
    throw vcell::ConfigError("tx infer: " + missing);
  auto data = read_cells(s.data, console, CellParts::all, s.memory, s.input);
  add_virtual_cells(s, model, data, console);
  s.options.callbacks = callbacks_of(console);
  if (s.set_size) s.options.set_size = s.set_size;
  if (!s.controls.empty()) s.options.controls = vcell::read_control_rows(s.controls, data.cells());
  auto predicted = vcell::infer_cells(model, data, s.options);
  make_folder(fs::path(s.out).parent_path());
  if (array) {
    vcell::write_npy(s.out, predicted.values, predicted.rows, predicted.columns);
    console.result(s.out);
    return;
  }
  if (!s.options.embedding.empty()) {
    data.obsm.insert_or_assign(s.options.embedding, vcell::Matrix(std::move(predicted)));
  } else {
    if (data.genes() != predicted.columns || data.var.index != model.genes)
      throw vcell::ConfigError(
          "tx infer: the data have other genes than the model predicts; name the obsm entry to "
          "read and write by --embed-key");
    data.X = vcell::Matrix(std::move(predicted));
  }
  write_cells(s.out, data, s.storage, console);
  console.result(s.out);
}

}  // namespace

void add_tx_infer(CLI::App& tx, Console& console) {
  auto* command = tx.add_subcommand(
      "infer", "Predict what the labels of cells say, from control cells, as State does");
  auto s = std::make_shared<InferSettings>();
  const auto text = [&](const char* name, std::string& to, const char* help, const char* type) {
    return command->add_option(name, to, help)->type_name(type);
  };
  text("--model-dir", s->model, "A run folder of State, or a model folder", "FOLDER")->required();
  text("--checkpoint", s->checkpoint, "final, last, best, or a path [final, last, best]", "NAME");
  text("--adata", s->data, "The cells, h5ad", "FILE")->required();
  text("--output", s->out,
       "The file to write, .h5ad, or .npy of the predictions alone [ADATA_simulated.h5ad]", "FILE");
  text("--embed-key", s->options.embedding,
       "obsm entry to read and replace [X, whose genes are matched by name]", "KEY");
  text("--pert-col", s->perturbation_key, "obs column of the perturbation [as in training]", "KEY");
  text("--celltype-col", s->context_key, "obs column of the context [as in training]", "KEY");
  text("--batch-col", s->batch_key, "obs column of the batch [as in training]", "KEY");
  text("--control-pert", s->control, "Label of the control [as in training]", "LABEL");
  text("--controls", s->controls,
       "CSV of row,control_row, from 0: the cell each row starts from [drawn among the controls]",
       "FILE");
  text("--celltypes", s->contexts, "Contexts to keep, separated by commas [all]", "NAMES");
  text("--tsv", s->added,
       "Table of perturbation and num_cells, separated by tabs: so many copies of drawn controls "
       "are added to predict from",
       "FILE");
  command->add_flag("--all-perts", s->cells.all_perturbations,
                    "Copies of all controls for every perturbation of the model without cells");
  add_number(*command, "--virtual-cells-per-pert", s->per_perturbation,
             "Of so many controls, with --all-perts", size_t(1))
      ->default_str("");
  add_number(*command, "--min-cells", s->cells.least,
             "Copies of controls are added to perturbations with fewer cells");
  add_number(*command, "--max-cells", s->most, "Of each perturbation, drawn where there are more",
             size_t(1))
      ->default_str("");
  add_number(*command, "--max-set-len", s->set_size, "Cells at a time [as in training]");
  add_number(*command, "--seed", s->options.seed, "Of what is drawn");
  command->add_flag("--overwrite", s->overwrite, "Replace a file that is there");
  add_memory(*command, s->memory);
  add_cell_input(*command, s->input);
  add_storage(*command, s->storage);
  add_common(*command, console);
  command->callback([s, &console] { infer(*s, console); });
}
