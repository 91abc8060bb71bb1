// The commands of State's embedding program, with its flags and settings.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "commands.hpp"
#include "embed_settings.hpp"
#include "options.hpp"
#include "run_settings.hpp"
#include "vcell/io/csv.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/io/read_cells.hpp"
#include "vcell/io/yaml.hpp"
#include "vcell/train/emb_settings.hpp"
#include "vcell/train/reference_settings.hpp"

namespace fs = std::filesystem;

namespace {

struct Transform : EmbedSettings {
  std::string folder, checkpoint, config, vectors, database, batch_size;
  std::string database_batch;
  bool database_update = false;
};

/// The one checkpoint of a folder, or the folder where it is a model of vcell's.
std::string model_in(const std::string& folder) {
  if (fs::exists(fs::path(folder) / "config.json")) return folder;
  std::vector<std::string> there;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (entry.path().extension() == ".ckpt") there.push_back(entry.path().string());
  if (there.size() == 1) return there[0];
  std::sort(there.begin(), there.end());
  if (there.empty())
    throw vcell::ConfigError(vcell::message(
        "--model-folder ", vcell::quoted(folder),
        fs::is_directory(folder) ? " has neither a config.json nor a checkpoint (.ckpt)"
        : fs::exists(folder)     ? " is a file; name a checkpoint by --checkpoint"
                                 : " is not there"));
  throw vcell::ConfigError(vcell::message("--model-folder ", vcell::quoted(folder), " has ",
                                          there.size(), " checkpoints: ", vcell::list_of(there),
                                          "; name one by --checkpoint"));
}

void transform(Transform s, Console& console) {
  const auto refuse = [](bool said, const char* flag, const char* instead) {
    if (said) throw vcell::ConfigError(vcell::message(flag, " has no counterpart here; ", instead));
  };
  refuse(!s.config.empty(), "--config", "the settings are those of the checkpoint");
  refuse(!s.database.empty(), "--lancedb", "write the embeddings as .h5ad or .npy");
  refuse(s.database_update, "--lancedb-update", "write the embeddings as .h5ad or .npy");
  refuse(!s.database_batch.empty(), "--lancedb-batch-size",
         "write the embeddings as .h5ad or .npy");
  if (!s.batch_size.empty()) {
    number_of<size_t>("--batch-size", s.batch_size, 1);
    console.note("without meaning here, and left out: --batch-size");
  }
  if (s.folder.empty() && s.checkpoint.empty())
    throw vcell::ConfigError("emb transform: name the model by --checkpoint or --model-folder");
  if (s.out.empty())
    throw vcell::ConfigError("emb transform: name the file to write, .h5ad or .npy, by --output");
  s.model = s.checkpoint.empty() ? model_in(s.folder) : s.checkpoint;
  s.gene_table = s.vectors;
  if (const auto beside = fs::path(s.folder) / "protein_embeddings.pt";
      s.gene_table.empty() && fs::is_regular_file(s.model) && !s.folder.empty() &&
      fs::exists(beside))
    s.gene_table = beside.string();
  s.options.fractions_are_log1p = true;
  embed(s, "emb transform", console);
}

void add_transform(CLI::App& emb, Console& console) {
  auto* command = emb.add_subcommand("transform", "Embed cells, as vcell embed does");
  auto s = std::make_shared<Transform>();
  const auto text = [&](const char* name, std::string& to, const char* help, const char* type) {
    return command->add_option(name, to, help)->type_name(type);
  };
  text("--model-folder", s->folder, "A model folder, or one with a checkpoint (.ckpt)", "FOLDER");
  text("--checkpoint", s->checkpoint, "A checkpoint of State's, or a model folder", "FILE");
  text("--config", s->config, "Not offered: the checkpoint's settings are read", "FILE");
  text("--input", s->data, "Cells, h5ad", "FILE")->required();
  text("--output", s->out, "The file to write: .h5ad, or .npy of the embeddings alone", "FILE");
  text("--embed-key", s->options.key, "Of obsm", "KEY")->capture_default_str();
  text("--protein-embeddings", s->vectors,
       "Vectors of genes, .pt, in place of the checkpoint's [protein_embeddings.pt of "
       "--model-folder, else its own]",
       "FILE");
  text("--lancedb", s->database, "Not offered", "PATH");
  command->add_flag("--lancedb-update", s->database_update, "Not offered");
  text("--lancedb-batch-size", s->database_batch, "Not offered", "N");
  text("--batch-size", s->batch_size, "Changes nothing here: cells are embedded one by one", "N");
  add_scale(
      *command, s->options.scale,
      "Of X: counts or log1p [the file, else log1p where it holds fractions, as State has it]");
  add_cell_input(*command, s->options.input);
  add_storage(*command, s->options.write);
  command->add_flag("--overwrite", s->overwrite, "Replace a file that is there");
  add_common(*command, console);
  command->callback([s, &console] { transform(*s, console); });
}

/// The files that a table of State's names to train on, each once.
std::vector<std::string> files_of(const std::string& csv) {
  const auto table = vcell::read_csv(csv);
  const size_t path = table.column("path");
  std::vector<std::string> files;
  for (const auto& row : table.rows)
    if (std::find(files.begin(), files.end(), row[path]) == files.end()) files.push_back(row[path]);
  if (files.empty())
    throw vcell::ConfigError(vcell::message("emb fit: ", vcell::quoted(csv),
                                            " names no file; expected one a row, in its column ",
                                            "path"));
  return files;
}

/// The settings of a YAML file; none where no file is named.
vcell::FlatSettings settings_in(const std::string& conf) {
  if (conf.empty()) return {};
  const auto yaml = vcell::read_yaml(conf);
  if (yaml.kind != vcell::Json::Kind::object)
    throw vcell::ConfigError(vcell::message("emb fit: --conf ", vcell::quoted(conf),
                                            " holds no settings; expected YAML as State has it, ",
                                            "with lines like 'model:' and below it 'emsize: 512'"));
  return vcell::flat_settings(yaml);
}

void fit(const std::string& conf, const std::vector<std::string>& words, bool overwrite,
         bool resume, Console& console) {
  auto s = vcell::emb_settings(settings_in(conf), words);
  if (!s.without_meaning.empty())
    console.note(
        fmt::format("without meaning here, and left out: {}", vcell::list_of(s.without_meaning)));
  const auto files = files_of(s.cells);
  size_t cells = 0;
  for (const std::string& path : files) {
    s.settings.push_back((path == files[0] ? "data.path=" : "data.more_files=") + path);
    cells += vcell::read_cells(path, {.h5ad = {.X = false}}).cells();
  }
  const double held = std::floor(vcell::Experiment().validation * double(cells));
  for (auto& setting : s.of_cells(cells - size_t(held))) s.settings.push_back(std::move(setting));
  train({ExperimentOptions::of("", s.settings), s.out, overwrite, resume, false}, console);
}

void add_fit(CLI::App& emb, Console& console) {
  auto* command = emb.add_subcommand(
      "fit", "Train State Embedding by State's settings, as vcell train --kind se does");
  auto conf = std::make_shared<std::string>();
  auto words = std::make_shared<std::vector<std::string>>();
  auto overwrite = std::make_shared<bool>(false), resume = std::make_shared<bool>(false);
  command->add_option("settings", *words, "Settings by State's names; of equal names the last wins")
      ->type_name("KEY=VALUE");
  command->add_option("--conf", *conf, "Settings in YAML, as State has them; words win over it")
      ->type_name("FILE");
  command->add_flag("--overwrite", *overwrite, "Replace a run that is there");
  command->add_flag("--resume", *resume, "Go on with the run that is there")
      ->excludes("--overwrite");
  add_common(*command, console);
  command->callback([=, &console] { fit(*conf, *words, *overwrite, *resume, console); });
}

}  // namespace

void add_emb(CLI::App& program, Console& console) {
  auto* emb =
      program.add_subcommand("emb", "Commands of State's embedding program, with its flags");
  emb->require_subcommand(1);
  add_transform(*emb, console);
  add_fit(*emb, console);
}
