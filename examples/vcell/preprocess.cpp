#include <fmt/format.h>

#include "commands.hpp"
#include "options.hpp"
#include "output.hpp"
#include "vcell/pipeline/preprocess_file.hpp"

namespace {

struct PreprocessSettings {
  std::string data, out;
  vcell::PreprocessFileOptions options;
  double memory = 0.5;  // GB
  bool overwrite = false;
};

void preprocess(const PreprocessSettings& s, Console& console) {
  refuse_to_overwrite("preprocess", s.out, s.overwrite);
  auto options = s.options;
  options.memory = s.memory * 1e9;
  options.callbacks = callbacks_of(console);
  const auto done = vcell::preprocess_file(s.data, s.out, options);
  vcell::note_scale(done.normalized, options.callbacks);
  for (const std::string& remark : done.hvg.remarks) console.note(remark);
  console.note(fmt::format("{} highly variable genes in obsm X_hvg", done.hvg.indices().size()));
  console.result(s.out);
}

/// Flavor, batches and cut-offs of highly variable genes.
void add_hvg_flags(CLI::App& command, vcell::HighlyVariableGenesOptions& hvg, CLI::Option* number) {
  command
      .add_option_function<std::string>(
          "--hvg-flavor",
          [&hvg](const std::string& word) {
            hvg.flavor = choice_of_word<vcell::HvgFlavor>("--hvg-flavor", word);
          },
          "How variability is scored: seurat, cell_ranger, or seurat_v3, which reads the counts")
      ->type_name("TEXT")
      ->default_str(std::string(vcell::name_of_choice(hvg.flavor)));
  command.add_option("--batch-key", hvg.batch_key, "Column of obs: genes are scored in each batch")
      ->type_name("COLUMN");
  const auto add_bound = [&](const std::string& flag, double vcell::HvgCutOffs::*bound,
                             const std::string& help) {
    command
        .add_option_function<std::string>(
            flag,
            [&hvg, flag, bound](const std::string& word) {
              if (!hvg.cut_offs) hvg.cut_offs.emplace();
              (*hvg.cut_offs).*bound = number_of<double>(flag, word, -1e300);
            },
            help)
        ->type_name("X")
        ->excludes(number);
  };
  const std::string instead = ", in place of --hvgs [";
  add_bound("--min-mean", &vcell::HvgCutOffs::min_mean,
            "Genes of greater means" + instead + "0.0125]");
  add_bound("--max-mean", &vcell::HvgCutOffs::max_mean, "Genes of smaller means" + instead + "3]");
  add_bound("--min-disp", &vcell::HvgCutOffs::min_disp,
            "Genes of higher scores" + instead + "0.5]");
  add_bound("--max-disp", &vcell::HvgCutOffs::max_disp,
            "Genes of lower scores" + instead + "none]");
}

}  // namespace

void add_preprocess(CLI::App& program, Console& console) {
  auto* command = program.add_subcommand(
      "preprocess", "Normalise counts, take logarithms, find highly variable genes");
  auto s = std::make_shared<PreprocessSettings>();
  command->add_option("--data", s->data, "Counts: h5ad, 10x .h5, mtx, CSV or TSV")
      ->required()
      ->type_name("FILE");
  command->add_option("--out", s->out, "The h5ad file to write")->required()->type_name("FILE");
  auto& o = s->options;
  auto* hvgs = add_number(*command, "--hvgs", o.train.hvg.n_top_genes, "Highly variable genes");
  add_hvg_flags(*command, o.train.hvg, hvgs);
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
  add_memory(*command, s->memory, "GB that X may take; a larger one is read in blocks [0.5]");
  add_cell_input(*command, o.input);
  add_storage(*command, o.write);
  command->add_flag("--overwrite", s->overwrite, "Replace a file that is there");
  add_common(*command, console);
  command->callback([s, &console] { preprocess(*s, console); });
}
