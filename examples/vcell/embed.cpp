#include <fmt/format.h>

#include "commands.hpp"
#include "options.hpp"
#include "output.hpp"
#include "vcell/pipeline/embed_file.hpp"
#include "vcell/train/embedding_folder.hpp"

namespace {

struct Settings {
  std::string data, model, out, dtype = "float32";
  vcell::EmbedFileOptions options;
  bool overwrite = false;
};

void embed(const Settings& s, Console& console) {
  refuse_to_overwrite("embed", s.out, s.overwrite);
  if (s.dtype != "float32" && s.dtype != "float16")
    throw vcell::ConfigError(
        vcell::message("--dtype is ", vcell::quoted(s.dtype), ", expected 'float32' or 'float16'"));
  auto options = s.options;
  options.half = s.dtype == "float16";
  options.callbacks = callbacks_of(console);
  const auto model = vcell::load_embedding(s.model);
  const size_t width = vcell::embed_file(model, s.data, s.out, options);
  console.note(fmt::format("{} values of every cell in obsm {}", width, options.key));
  console.result(s.out);
}

}  // namespace

void add_embed(CLI::App& program, Console& console) {
  auto* command =
      program.add_subcommand("embed", "Embed cells by a State Embedding model, into obsm");
  auto s = std::make_shared<Settings>();
  command->add_option("data,--data", s->data, "Cells, h5ad")->required()->type_name("FILE");
  command->add_option("--model", s->model, "The model's folder, as vcell train wrote it")
      ->required()
      ->type_name("FOLDER");
  command->add_option("--out", s->out, "The h5ad file to write, with all that the cells' has")
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
  command->add_flag("--overwrite", s->overwrite, "Replace a file that is there");
  add_common(*command, console);
  command->callback([s, &console] { embed(*s, console); });
}
