#include <fmt/format.h>

#include "commands.hpp"
#include "embed_settings.hpp"
#include "options.hpp"
#include "output.hpp"
#include "vcell/train/embedding_folder.hpp"
#include "vcell/train/import_embedding.hpp"

namespace {

/// A model folder, or a checkpoint of State's.
vcell::TrainedEmbedding embedding_model(const EmbedSettings& s) {
  if (std::filesystem::is_regular_file(s.model))
    return vcell::import_embedding(s.model, s.gene_table).model;
  if (!s.gene_table.empty())
    throw vcell::ConfigError(vcell::message("--gene-table is of a checkpoint, and --model ",
                                            vcell::quoted(s.model),
                                            " is a model folder, which has its own; leave it out"));
  if (const auto whole = vcell::whole_folder(s.model);
      whole.empty() || !std::filesystem::exists(whole / "config.json"))
    throw vcell::ConfigError(vcell::message(
        "there is no model in ", vcell::quoted(s.model),
        " (no config.json); name the folder 'model' of a training, or a checkpoint of State's"));
  return vcell::load_embedding(s.model);
}

}  // namespace

void embed(const EmbedSettings& s, const std::string& command, Console& console) {
  refuse_to_overwrite(command, s.out, s.overwrite);
  if (s.dtype != "float32" && s.dtype != "float16")
    throw vcell::ConfigError(
        vcell::message("--dtype is ", vcell::quoted(s.dtype), ", expected 'float32' or 'float16'"));
  auto options = s.options;
  options.half = s.dtype == "float16";
  options.callbacks = callbacks_of(console);
  const auto model = embedding_model(s);
  const size_t width = vcell::embed_file(model, s.data, s.out, options);
  const bool array = std::filesystem::path(s.out).extension() == ".npy";
  console.note(
      fmt::format("{} values of every cell{}", width, array ? "" : " in obsm " + options.key));
  console.result(s.out);
}

void add_embed(CLI::App& program, Console& console) {
  auto* command =
      program.add_subcommand("embed", "Embed cells by a State Embedding model, into obsm");
  auto s = std::make_shared<EmbedSettings>();
  command->add_option("data,--data", s->data, "Cells: h5ad, 10x .h5, mtx, CSV or TSV")
      ->required()
      ->type_name("FILE");
  command->add_option("--model", s->model, "The model's folder, or a checkpoint (.ckpt) of State's")
      ->required()
      ->type_name("MODEL");
  command
      ->add_option("--gene-table", s->gene_table,
                   "For a checkpoint without its vectors of genes: a .pt of them")
      ->type_name("FILE");
  command
      ->add_option(
          "--out", s->out,
          "The file to write: .h5ad, with all that the cells' has, or .npy of the embeddings alone")
      ->required()
      ->type_name("FILE");
  auto& o = s->options;
  command->add_option("--key", o.key, "Of obsm")->capture_default_str();
  command->add_option("--dtype", s->dtype, "float32 or float16")->capture_default_str();
  add_scale(*command, o.scale, "Of X: counts or log1p [the file decides]");
  command->add_option("--gene-column", o.genes.column,
                      "var column that names genes as the model does [found]");
  add_number(*command, "--gene-share", o.genes.least_share,
             "Fewer genes known to the model than this share are an error");
  add_number(*command, "--seed", o.seed, "Of the order of equally expressed genes");
  add_cell_input(*command, o.input);
  add_storage(*command, o.write);
  command->add_flag("--overwrite", s->overwrite, "Replace a file that is there");
  add_common(*command, console);
  command->callback([s, &console] { embed(*s, "embed", console); });
}
