#include <fmt/format.h>

#include "cells.hpp"
#include "commands.hpp"
#include "options.hpp"
#include "output.hpp"
#include "vcell/pipeline/prepare.hpp"
#include "vcell/preprocess/preprocess_train.hpp"

namespace {

struct Settings {
  std::string data, out;
  size_t hvgs = 2000, min_genes = 0, min_cells = 0;
  vcell::PreprocessTrainOptions options;
  bool overwrite = false;
};

void preprocess(const Settings& s, Console& console) {
  refuse_to_overwrite("preprocess", s.out, s.overwrite);
  auto adata = read_cells(s.data, console, CellParts::all);
  const auto callbacks = callbacks_of(console);
  vcell::filter(adata, s.min_genes, s.min_cells, callbacks);
  auto options = s.options;
  options.hvg.n_top_genes = std::min(s.hvgs, adata.genes());
  const auto done = vcell::preprocess_train(adata, options);
  vcell::note_scale(done.normalized, callbacks);
  console.note(fmt::format("{} highly variable genes in obsm X_hvg", done.hvg.indices().size()));
  make_folder(std::filesystem::path(s.out).parent_path());
  write_cells(s.out, adata, console);
  console.result(s.out);
}

}  // namespace

void add_preprocess(CLI::App& program, Console& console) {
  auto* command = program.add_subcommand(
      "preprocess", "Normalise counts, take logarithms, find highly variable genes");
  auto s = std::make_shared<Settings>();
  command->add_option("--data", s->data, "Counts, h5ad")->required()->type_name("FILE");
  command->add_option("--out", s->out, "The h5ad file to write")->required()->type_name("FILE");
  add_number(*command, "--hvgs", s->hvgs, "Highly variable genes");
  add_number(*command, "--min-genes", s->min_genes, "Drop cells with fewer genes; 0: keep all");
  add_number(*command, "--min-cells", s->min_cells, "Drop genes in fewer cells; 0: keep all");
  command
      ->add_option_function<std::string>(
          "--target-sum",
          [s](const std::string& word) {
            s->options.target_sum = number_of<double>("--target-sum", word);
          },
          "Total of every cell [the median total]")
      ->type_name("N");
  add_scale(*command, s->options.scale, "Of X: counts [the file decides]");
  command->add_flag("--overwrite", s->overwrite, "Replace a file that is there");
  add_common(*command, console);
  command->callback([s, &console] { preprocess(*s, console); });
}
