#include <fmt/format.h>

#include "commands.hpp"
#include "options.hpp"
#include "output.hpp"
#include "vcell/pipeline/concat_files.hpp"

namespace {

struct ConcatSettings {
  std::vector<std::string> data;
  std::string out, join = "inner";
  vcell::ConcatFilesOptions options;
  double memory = 0;  // GB
  bool overwrite = false;
};

void concat(const ConcatSettings& s, Console& console) {
  refuse_to_overwrite("concat", s.out, s.overwrite);
  auto options = s.options;
  if (s.join != "inner" && s.join != "outer")
    throw vcell::ConfigError(
        vcell::message("--join is ", vcell::quoted(s.join), ", expected 'inner' or 'outer'"));
  options.join = s.join == "inner" ? vcell::Join::inner : vcell::Join::outer;
  options.read.h5ad.budget = size_t(s.memory * 1e9);
  options.callbacks = callbacks_of(console);
  options.write.progress = console.progress();
  make_folder(std::filesystem::path(s.out).parent_path());
  const auto [cells, genes] = vcell::concat_files({s.data.begin(), s.data.end()}, s.out, options);
  console.note(
      fmt::format("{}: {} cells x {} genes of {} files", s.out, cells, genes, s.data.size()));
  console.result(s.out);
}

}  // namespace

void add_concat(CLI::App& program, Console& console) {
  auto* command = program.add_subcommand(
      "concat", "Cells of several files as one, genes joined by name, from disk to disk");
  auto s = std::make_shared<ConcatSettings>();
  command->add_option("--data", s->data, "A file with cells; may come several times")
      ->required()
      ->expected(1)
      ->allow_extra_args(false)
      ->take_all()
      ->type_name("FILE");
  command->add_option("--out", s->out, "The h5ad file to write")->required()->type_name("FILE");
  command
      ->add_option("--join", s->join,
                   "Genes and columns of obs: inner, those of all files; outer, of any")
      ->capture_default_str();
  command->add_option("--label", s->options.label, "Column of obs for the file of a cell");
  command
      ->add_option("--key", s->options.keys,
                   "What a file is called there, once for each --data [its name without ending]")
      ->expected(1)
      ->allow_extra_args(false)
      ->take_all();
  command->add_flag("--unique-names", s->options.unique_names,
                    "Add -0, -1, ... to the names of the cells of each file");
  add_memory(*command, s->memory);
  add_cell_input(*command, s->options.read.input);
  add_storage(*command, s->options.write);
  command->add_flag("--overwrite", s->overwrite, "Replace a file that is there");
  add_common(*command, console);
  command->callback([s, &console] { concat(*s, console); });
}
