#include <fmt/format.h>

#include "commands.hpp"
#include "options.hpp"
#include "output.hpp"
#include "vcell/pipeline/preprocess_file.hpp"

namespace {

struct PreprocessSettings {
  std::string data, out;
  vcell::PreprocessFileOptions options;
  double memory = 0;  // GB
  bool overwrite = false;
};

void preprocess(const PreprocessSettings& s, Console& console) {
  refuse_to_overwrite("preprocess", s.out, s.overwrite);
  auto options = s.options;
  options.memory = s.memory * 1e9;
  options.callbacks = callbacks_of(console);
  const auto done = vcell::preprocess_file(s.data, s.out, options);
  vcell::note_scale(done.normalized, options.callbacks);
  console.note(fmt::format("{} highly variable genes in obsm X_hvg", done.hvg.indices().size()));
  console.result(s.out);
}

}  // namespace

void add_preprocess(CLI::App& program, Console& console) {
  auto* command = program.add_subcommand(
      "preprocess", "Normalise counts, take logarithms, find highly variable genes");
  auto s = std::make_shared<PreprocessSettings>();
  command->add_option("--data", s->data, "Counts, h5ad")->required()->type_name("FILE");
  command->add_option("--out", s->out, "The h5ad file to write")->required()->type_name("FILE");
  auto& o = s->options;
  add_number(*command, "--hvgs", o.train.hvg.n_top_genes, "Highly variable genes");
  add_number(*command, "--min-genes", o.min_genes, "Drop cells with fewer genes; 0: keep all");
  add_number(*command, "--min-cells", o.min_cells, "Drop genes in fewer cells; 0: keep all");
  command
      ->add_option_function<std::string>(
          "--target-sum",
          [s](const std::string& word) {
            s->options.train.target_sum = number_of<double>("--target-sum", word);
          },
          "Total of every cell [the median total]")
      ->type_name("N");
  add_scale(*command, o.train.scale, "Of X: counts [the file decides]");
  add_memory(*command, s->memory,
             "GB that X may take; a larger one is read in blocks [half of the machine's]");
  command->add_flag("--overwrite", s->overwrite, "Replace a file that is there");
  add_common(*command, console);
  command->callback([s, &console] { preprocess(*s, console); });
}
