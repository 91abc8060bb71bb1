#include <fmt/format.h>

#include "commands.hpp"
#include "output.hpp"
#include "vcell/core/parallel_for.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/preprocess/filter_cells.hpp"
#include "vcell/preprocess/filter_genes.hpp"
#include "vcell/preprocess/preprocess_train.hpp"

namespace {

struct Settings {
  std::string data, out, scale;
  size_t hvgs = 2000, min_genes = 0, min_cells = 0;
  double target_sum = 0;
  int threads = 0;
  bool overwrite = false;
};

void preprocess(const Settings& s, Console& console) {
  if (s.threads) vcell::set_num_threads(s.threads);
  refuse_to_overwrite("preprocess", s.out, s.overwrite);
  std::vector<std::string> remarks;
  auto adata = vcell::read_h5ad(s.data, {.warnings = &remarks, .progress = console.progress()});
  for (const auto& remark : remarks) console.note(remark);
  console.note(fmt::format("{}: {} cells x {} genes", s.data, adata.cells(), adata.genes()));
  if (s.min_genes) {
    const auto kept = vcell::filter_cells(adata, {.min_genes = double(s.min_genes)});
    console.note(
        fmt::format("dropped {} cells with fewer than {} genes", kept.dropped(), s.min_genes));
  }
  if (s.min_cells) {
    const auto kept = vcell::filter_genes(adata, {.min_cells = double(s.min_cells)});
    console.note(
        fmt::format("dropped {} genes in fewer than {} cells", kept.dropped(), s.min_cells));
  }
  vcell::PreprocessTrainOptions options;
  if (!s.scale.empty()) options.scale = vcell::scale_of(s.scale);
  if (s.target_sum > 0) options.target_sum = s.target_sum;
  options.hvg.n_top_genes = std::min(s.hvgs, adata.genes());
  const auto done = vcell::preprocess_train(adata, options);
  if (done.normalized.found.inferred)
    console.note("X holds whole numbers only and nothing says what they are: taken as counts");
  console.note(fmt::format("normalised to {} a cell, log1p; {} highly variable genes in obsm X_hvg",
                           *done.normalized.target_sum, done.hvg.indices().size()));
  if (done.normalized.empty_cells)
    console.note(
        fmt::format("{} cells have no counts at all and stay zero", done.normalized.empty_cells));
  make_parent_folder(s.out);
  vcell::write_h5ad(s.out, adata, {.progress = console.progress()});
  console.result(s.out);
}

}  // namespace

void add_preprocess(CLI::App& program, Console& console) {
  auto* command = program.add_subcommand(
      "preprocess", "Normalise counts, take logarithms, find highly variable genes");
  auto s = std::make_shared<Settings>();
  command->add_option("--data", s->data, "Counts, h5ad")->required()->type_name("FILE");
  command->add_option("--out", s->out, "The h5ad file to write")->required()->type_name("FILE");
  command->add_option("--hvgs", s->hvgs, "Highly variable genes")->capture_default_str();
  command->add_option("--min-genes", s->min_genes, "Drop cells with fewer genes [keep all]");
  command->add_option("--min-cells", s->min_cells, "Drop genes in fewer cells [keep all]");
  command->add_option("--target-sum", s->target_sum, "Total of every cell [the median total]")
      ->check(CLI::PositiveNumber);
  command->add_option("--scale", s->scale, "Of X: counts [the file decides]");
  command->add_flag("--overwrite", s->overwrite, "Replace a file that is there");
  add_common(*command, console, s->threads);
  command->callback([s, &console] { preprocess(*s, console); });
}
