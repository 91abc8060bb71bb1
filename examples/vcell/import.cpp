#include <fmt/format.h>

#include "commands.hpp"
#include "model_names.hpp"
#include "options.hpp"
#include "output.hpp"
#include "vcell/train/import_embedding.hpp"
#include "vcell/train/import_state.hpp"
#include "vcell/train/model_folder.hpp"

namespace {

struct ImportSettings {
  std::string from, out, checkpoint;
  std::string gene_table;
  ModelNames names;
  bool overwrite = false;
};

void note_unused(const std::vector<std::string>& unused, Console& console) {
  if (unused.empty()) return;
  console.note(
      fmt::format("{} settings have no counterpart here and are left out:", unused.size()));
  for (const auto& key : unused) console.note("  " + key);
}

void import_cells_model(const ImportSettings& s, Console& console) {
  const auto imported = vcell::import_embedding(s.from, s.gene_table);
  note_unused(imported.unused, console);
  make_folder(std::filesystem::path(s.out).parent_path());
  vcell::save_embedding(s.out, imported.model);
  console.note(fmt::format("a model that embeds cells, with a table of {} genes",
                           imported.model.genes.names().size()));
  console.result(s.out);
}

void import_model(const ImportSettings& s, Console& console) {
  refuse_to_overwrite("import", s.out, s.overwrite);
  if (std::filesystem::is_regular_file(s.from) && vcell::is_embedding_checkpoint(s.from))
    return import_cells_model(s, console);
  auto imported = vcell::import_state(s.from, s.checkpoint);
  auto& model = imported.model;
  console.note(fmt::format("weights of {}", imported.weights.string()));
  name_models({&model, 1}, s.names);
  for (const auto& remark : imported.remarks) console.note(remark);
  if (const auto missing = missing_names(model); !missing.empty())
    console.note("`predict` will ask for names: " + missing);
  note_unused(imported.unused, console);
  make_folder(std::filesystem::path(s.out).parent_path());
  vcell::save_model(s.out, model);
  console.note(fmt::format("a model of {} genes, {} perturbations and {} contexts",
                           model.genes.size(), model.perturbations.names().size(),
                           model.contexts.size()));
  console.result(s.out);
}

}  // namespace

void add_import(CLI::App& program, Console& console) {
  auto* command = program.add_subcommand(
      "import", "Make a model folder of a run folder or checkpoint of Arc's State");
  auto s = std::make_shared<ImportSettings>();
  command
      ->add_option("from", s->from,
                   "A run folder (config.yaml, checkpoints/, ...), a .ckpt, or a folder with "
                   "model.safetensors and config.json")
      ->required()
      ->type_name("PATH");
  command->add_option("--out", s->out, "The model folder to write")
      ->required()
      ->type_name("FOLDER");
  command
      ->add_option("--checkpoint", s->checkpoint,
                   "Of a run folder: final, last, best, or a path [final, else last, else best]")
      ->type_name("NAME");
  command
      ->add_option(
          "--gene-table", s->gene_table,
          "For a checkpoint of State Embedding without its vectors of genes: a .pt of them")
      ->type_name("FILE");
  add_model_names(*command, s->names);
  command->add_flag("--overwrite", s->overwrite, "Replace a folder that is there");
  add_common(*command, console);
  command->callback([s, &console] { import_model(*s, console); });
}
