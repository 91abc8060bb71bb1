#include <fmt/format.h>

#include "commands.hpp"
#include "options.hpp"
#include "output.hpp"
#include "vcell/pipeline/statistics_file.hpp"

namespace {

struct StatsSettings {
  std::string data, out, batch_key;
  vcell::StatisticsFileOptions options;
  double memory = 0;  // GB
  bool overwrite = false, prefix = false, no_png = false;
};

void stats(const StatsSettings& s, Console& console) {
  refuse_to_overwrite("stats", s.out, s.overwrite);
  auto options = s.options;
  options.budget = size_t(s.memory * 1e9);
  options.callbacks = callbacks_of(console);
  if (!s.batch_key.empty()) options.statistics.labels.batch_key = s.batch_key;
  options.folder.png = !s.no_png;
  const std::filesystem::path file = s.data, out = s.out;
  if (s.prefix) options.folder.plot_prefix = file.stem().string() + "_";
  make_folder((out.has_filename() ? out : out.parent_path()).parent_path());
  const auto found = vcell::write_statistics_of(file, out, options);
  if (found.inferred)
    console.note("X holds whole numbers only and nothing says what they are: taken as counts");
  if (!found.remark.empty()) console.note(found.remark);
  console.note(fmt::format("{} controls and {} perturbed cells; {} of {} genes are never expressed",
                           found.control.cells, found.perturbed.cells,
                           found.summary.never_expressed, found.genes.size()));
  console.result((out / "statistics.html").string());
}

void add_threshold(CLI::App& command, const std::string& flag, std::optional<double>& field,
                   const std::string& help) {
  command
      .add_option_function<std::string>(
          flag, [&field, flag](const std::string& word) { field = number_of<double>(flag, word); },
          help)
      ->type_name("N");
}

}  // namespace

void add_stats(CLI::App& program, Console& console) {
  auto* command = program.add_subcommand(
      "stats", "Statistics of genes and perturbations: tables, plots and a page");
  auto s = std::make_shared<StatsSettings>();
  auto& labels = s->options.statistics.labels;
  command->add_option("--data", s->data, "The screen: h5ad, 10x .h5, mtx, CSV or TSV")
      ->required()
      ->type_name("FILE");
  command->add_option("--out", s->out, "The folder to write")->required()->type_name("FOLDER");
  command
      ->add_option("--perturbation-key", labels.perturbation_key, "obs column of the perturbation")
      ->capture_default_str();
  command->add_option("--control", labels.control, "Label of the control in it")
      ->capture_default_str();
  add_context_keys(*command, labels.context_keys,
                   "obs column of the context, for --split; may come several times");
  command->add_option("--batch-key", s->batch_key, "obs column of the batch");
  command->add_option("--guide-key", s->options.statistics.guide_key, "obs column of the guide");
  command->add_option("--gene-names", s->options.statistics.gene_names,
                      "var column with the names by which perturbations go [found]");
  add_scale(*command, s->options.statistics.scale, "Of X: counts or log1p [the file decides]");
  add_number(*command, "--hvgs", s->options.statistics.hvgs,
             "Highly variable genes that are marked", size_t(1));
  add_number(*command, "--components", s->options.statistics.components.components,
             "Principal components whose variance is shared out; 0: none", size_t(0));
  add_number(*command, "--top", s->options.folder.top, "Genes in the list of largest differences",
             size_t(1));
  add_threshold(*command, "--high-mean", s->options.statistics.classes.mean,
                "From which on a gene's mean is high [the median]");
  add_threshold(*command, "--high-dispersion", s->options.statistics.classes.dispersion,
                "The same of its normalised dispersion [the median]");
  command->add_option("--split", s->options.split, "A split whose parts are shown, TOML")
      ->type_name("FILE");
  command->add_flag("--prefix-plots", s->prefix, "Plots are called by the file's name first");
  command->add_flag("--no-png", s->no_png, "Plots as SVG alone");
  add_memory(*command, s->memory);
  add_cell_input(*command, s->options.input);
  command->add_flag("--overwrite", s->overwrite, "Replace a folder that is there");
  add_common(*command, console);
  command->callback([s, &console] { stats(*s, console); });
}
