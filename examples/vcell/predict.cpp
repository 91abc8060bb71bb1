#include <fmt/format.h>

#include <sstream>

#include "cells.hpp"
#include "commands.hpp"
#include "cuda.hpp"
#include "model_names.hpp"
#include "normalize_for.hpp"
#include "options.hpp"
#include "output.hpp"
#include "read_embedding.hpp"
#include "vcell/models/predict_cells.hpp"
#include "vcell/pipeline/prediction_anndata.hpp"
#include "vcell/pipeline/prepare.hpp"
#include "vcell/sets/control_pairing.hpp"
#include "vcell/sets/embedding_screen.hpp"
#include "vcell/train/model_folder.hpp"

namespace fs = std::filesystem;

namespace {

struct PredictSettings {
  vcell::H5adWriteOptions storage;  ///< of what is written
  vcell::CellInput input;
  std::string model, data, perturbations, features, out, control, perturbation_key;
  std::optional<vcell::Scale> scale;
  std::vector<std::string> context_keys;
  ModelNames names;
  size_t cells = 0;
  uint64_t seed = 42;
  double memory = 0;  // GB
  vcell::RunDevice device = vcell::RunDevice::cpu;
  vcell::Precision precision = vcell::Precision::float32;
  bool all_genes = false, new_context = false, overwrite = false;
};

/// Names separated by commas, or the lines of a file; each once.
std::vector<std::string> names_in(const std::string& text) {
  std::string all = text;
  const bool is_file = fs::is_regular_file(text);
  if (is_file) all = vcell::read_text(text);
  std::vector<std::string> names;
  std::istringstream words(all);
  for (std::string name; std::getline(words, name, is_file ? '\n' : ',');) {
    if (name.ends_with('\r')) name.pop_back();
    if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end())
      names.push_back(name);
  }
  if (names.empty())
    throw vcell::ConfigError(vcell::message("predict: --perturbations ", vcell::quoted(text),
                                            " names none; give names separated by commas, or a "
                                            "file with one a line"));
  return names;
}

/// The controls of the data as the model's screen: counts at the model's own total.
struct Controls {
  vcell::AnnData adata;
  vcell::DenseMatrix<float> embedding;  ///< that the model reads; empty: expression
};

Controls read_controls(const PredictSettings& s, const vcell::TrainedModel& model,
                       Console& console) {
  auto adata = read_cells(
      s.data, console,
      model.embedding_key.empty() ? CellParts::expression : CellParts::expression_and_obsm,
      s.memory, s.input);
  auto embedding = read_embedding(model, s.model, adata, s.data, s.scale, "predict", console);
  normalize_for(model, adata, s.scale, "predict: --data", console);
  return {std::move(adata), std::move(embedding)};
}

void predict_cells_of(const PredictSettings& s, Console& console) {
  refuse_to_overwrite("predict", s.out, s.overwrite);
  vcell::check_device(s.device, s.precision);
  const auto there = state_transition_on(s.device, s.precision);
  const auto names = names_in(s.perturbations);
  if (!fs::exists(fs::path(s.model) / "config.json"))
    throw vcell::ConfigError(vcell::message("predict: there is no model in ",
                                            vcell::quoted(s.model),
                                            " (no config.json); name the folder 'model' of a run"));
  auto loaded = vcell::load_model(s.model);
  const auto members = vcell::members_of(loaded);
  name_models(members, s.names);
  if (const auto missing = missing_names(members[0]); !missing.empty())
    throw vcell::ConfigError("predict: " + missing);
  if (!s.features.empty() || !members[0].labels.combination_separator.empty() ||
      !members[0].labels.dose_key.empty()) {
    const auto features = s.features.empty() ? vcell::PerturbationFeatures()
                                             : vcell::read_perturbation_features(s.features);
    for (auto& member : members) vcell::add_perturbations(member, features, names);
  }
  const auto& model = members[0];  // the others have its names and scale
  auto labels = model.labels;
  if (!s.perturbation_key.empty()) labels.perturbation_key = s.perturbation_key;
  if (!s.control.empty()) labels.control = s.control;
  if (!s.context_keys.empty()) labels.context_keys = s.context_keys;
  if (model.batches.empty()) labels.batch_key.reset();

  auto [adata, embedding] = read_controls(s, model, console);
  auto of_controls = labels;  // which have no dose
  of_controls.dose_key.clear();
  auto screen = vcell::make_labels(adata, of_controls);
  vcell::take_expression(screen, adata);
  const auto& genes = embedding.rows ? model.decoded_genes : model.genes;
  if (!s.all_genes) screen = vcell::select_genes(screen, genes);

  // Predicted perturbations need not occur in the data: they get codes of their own.
  std::vector<vcell::PredictionRequest> pairs;
  const vcell::ControlPairing pairing(screen);
  std::vector<std::string> text;
  for (const auto code : screen.perturbation.codes)
    text.push_back(screen.perturbation.names[size_t(code)]);
  for (const auto& name : names) {
    model.perturbations.place(name);  // known to the model, or an error that says so
    text.push_back(name);
  }
  auto factor = vcell::factor(text);
  factor.codes.resize(screen.cells());
  screen.perturbation = factor;
  screen.control = factor.code(labels.control);
  for (size_t context = 0; context < screen.context.names.size(); ++context) {
    const auto& name = screen.context.names[context];
    if (std::find(model.contexts.begin(), model.contexts.end(), name) == model.contexts.end())
      console.note(fmt::format("context {} is new to the model", vcell::quoted(name)));
    const auto controls = pairing.controls(int32_t(context));
    for (const auto& perturbation : names) {
      vcell::Rng rng(s.seed, vcell::stream_of(vcell::message("predict ", name, '|', perturbation)));
      pairs.push_back({int32_t(context), factor.code(perturbation),
                       vcell::draw_controls(controls, s.cells, rng)});
    }
  }
  const auto space = embedding.rows ? vcell::embedding_screen(screen, embedding) : vcell::Screen();
  const auto predicted = vcell::predict_cells(members, embedding.rows ? space : screen, pairs,
                                              {.new_context = s.new_context,
                                               .genes = embedding.rows ? &screen : nullptr,
                                               .place = there.place,
                                               .progress = console.progress()});
  make_folder(fs::path(s.out).parent_path());
  write_cells(s.out, vcell::prediction_anndata(adata, labels, screen, pairs, predicted, genes),
              s.storage, console);
  console.note(fmt::format("{} predicted cells: {} perturbations in {} contexts",
                           predicted.cells.rows, names.size(), screen.context.names.size()));
  console.result(s.out);
}

}  // namespace

void add_predict(CLI::App& program, Console& console) {
  auto* command = program.add_subcommand("predict", "Predict perturbed cells from control cells");
  auto s = std::make_shared<PredictSettings>();
  command->add_option("--model", s->model, "A trained model, e.g. run/model")
      ->required()
      ->type_name("FOLDER");
  command->add_option("--data", s->data, "Control cells: h5ad, 10x .h5, mtx, CSV or TSV")
      ->required()
      ->type_name("FILE");
  command
      ->add_option("--perturbations", s->perturbations,
                   "Names separated by commas, or a file with one a line; with doses NAME@DOSE")
      ->required()
      ->type_name("NAMES");
  command
      ->add_option(
          "--perturbation-features", s->features,
          "Features of perturbations that the model never saw, as those it was trained with")
      ->type_name("FILE");
  add_number(*command, "--cells", s->cells, "Cells of each perturbation in each context", size_t(1))
      ->required()
      ->default_str("");
  command->add_option("--out", s->out, "The h5ad file to write")->required()->type_name("FILE");
  add_scale(*command, s->scale, "Of X: counts or log1p [the file decides]");
  command->add_option("--perturbation-key", s->perturbation_key,
                      "obs column of the perturbation [as in training]");
  command->add_option("--control", s->control, "Label of the control [as in training]");
  add_context_keys(*command, s->context_keys, "obs column of the context [as in training]");
  command->add_flag("--all-genes", s->all_genes,
                    "Genes outside the model too, from the paired control cell");
  command->add_flag("--new-context", s->new_context,
                    "The contexts are others than those trained on, though names coincide: an "
                    "anchored model then starts from the shifts of all contexts");
  add_number(*command, "--seed", s->seed, "Of the pairing with control cells");
  add_device(*command, s->device, s->precision);
  add_cell_input(*command, s->input);
  add_storage(*command, s->storage);
  command->add_flag("--overwrite", s->overwrite, "Replace a file that is there");
  add_model_names(*command, s->names);
  add_memory(*command, s->memory);
  add_common(*command, console);
  command->callback([s, &console] { predict_cells_of(*s, console); });
}
