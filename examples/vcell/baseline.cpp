#include <fmt/format.h>

#include "cells.hpp"
#include "commands.hpp"
#include "options.hpp"
#include "output.hpp"
#include "vcell/eval/evaluation_side.hpp"
#include "vcell/eval/result_files.hpp"
#include "vcell/eval/write_expression.hpp"
#include "vcell/pipeline/baseline_anndata.hpp"

namespace fs = std::filesystem;

namespace {

struct BaselineSettings : vcell::BaselineOptions {
  vcell::H5adWriteOptions storage;  ///< of what is written
  vcell::CellInput input;
  std::string name, data, out, de, like;
  double memory = 0;  // GB
  bool overwrite = false;
};

/// Tests the predicted cells against the controls beside them, and writes the table, or that of
/// each context with its name before that of the file.
void write_tables(const BaselineSettings& s, vcell::AnnData predicted, Console& console) {
  vcell::LabelledCells cells;
  cells.perturbation = vcell::factor(predicted.obs.column(s.labels.perturbation_key));
  if (!s.labels.context_keys.empty())
    cells.context = vcell::joined_factor(predicted.obs, s.labels.context_keys);
  cells.X = vcell::to_csr<float>(std::move(*predicted.X));
  cells.genes = std::move(predicted.var.index);
  const auto sides = vcell::evaluation_sides(
      std::move(cells),
      {.control = s.labels.control, .expression = {.epsilon = 0}, .progress = console.progress()});
  std::vector<std::string> contexts;
  for (const auto& side : sides) contexts.push_back(side.context);
  const auto files = vcell::result_files(contexts);
  const fs::path de = s.de;
  for (size_t i = 0; i < sides.size(); ++i) {
    const auto file = de.parent_path() / (files[i].prefix + de.filename().string());
    refuse_to_overwrite("baseline", file, s.overwrite, "--de");
    vcell::write_differential_expression(file, sides[i].expression, console.progress());
    console.result("differential expression: " + file.string());
  }
}

void baseline(BaselineSettings s, Console& console) {
  refuse_to_overwrite("baseline", s.out, s.overwrite);
  s.like_cell_eval = !s.like.empty();
  if (s.like_cell_eval && s.like != "cell-eval-0.8")
    throw vcell::ConfigError(vcell::message("baseline: --like is ", vcell::quoted(s.like),
                                            ", expected 'cell-eval-0.8'"));
  if (!s.de.empty()) {
    refuse_to_overwrite("baseline", s.de, s.overwrite, "--de");
    if (s.counts) throw vcell::ConfigError("baseline: --de tests log1p values; leave --counts out");
  }
  s.callbacks = callbacks_of(console);
  auto predicted = vcell::baseline_anndata(
      read_cells(s.data, console, CellParts::expression, s.memory, s.input), s.name, s);
  make_folder(fs::path(s.out).parent_path());
  write_cells(s.out, predicted, s.storage, console);
  console.result(s.out);
  if (s.de.empty()) return;
  make_folder(fs::path(s.de).parent_path());
  write_tables(s, std::move(predicted), console);
}

}  // namespace

void add_baseline(CLI::App& program, Console& console) {
  auto* command = program.add_subcommand("baseline",
                                         "Cells that a baseline predicts, fitted to the cells of a "
                                         "file; takes the flags of 'cell-eval "
                                         "baseline' as well");
  auto s = std::make_shared<BaselineSettings>();
  const std::vector<std::string> names(vcell::baseline_names.begin(), vcell::baseline_names.end());
  command->add_option("name", s->name, "Which: " + vcell::list_of(names))
      ->required()
      ->type_name("NAME");
  command->add_option("--data", s->data, "The screen: h5ad, 10x .h5, mtx, CSV or TSV")
      ->required()
      ->type_name("FILE");
  command
      ->add_option("--out", s->out,
                   "The h5ad file to write: as many cells of every perturbation as it has, then "
                   "the control cells")
      ->required()
      ->type_name("FILE");
  command
      ->add_option("--de", s->de,
                   "Its table of differential expression against the control cells, CSV; with "
                   "--context-key one for each context, <context>_ before its name")
      ->type_name("FILE");
  command
      ->add_option("--perturbation-key", s->labels.perturbation_key,
                   "obs column of the perturbation")
      ->capture_default_str();
  command->add_option("--control", s->labels.control, "Label of the control in it")
      ->capture_default_str();
  add_context_keys(*command, s->labels.context_keys,
                   "obs column of the context, may come several times; each is fitted alone, but "
                   "by perturbation_mean and perturbation_mean_shrunk");
  add_scale(*command, s->scale, "Of X: counts or log1p [the file decides]");
  command
      ->add_option(
          "--like", s->like,
          "Pin another program's rules: cell-eval-0.8 (scale guessed where nothing says it)")
      ->type_name("NAME");
  command->add_option("--gene-names", s->gene_names,
                      "var column with the names by which perturbations go [found]");
  command->add_flag("--as-delta", s->as_delta,
                    "Of mean_of_perturbation_means: control cells plus the mean shift, in place of "
                    "the mean cell");
  command->add_flag("--counts", s->counts,
                    "Of mean_response: counts with fractions, as the Virtual Cell Challenge of "
                    "2026 makes them, in place of log1p values");
  add_number(*command, "--seed", s->seed, "Of the control cells that cells are made from");
  add_cell_input(*command, s->input);
  add_storage(*command, s->storage);
  command->add_flag("--overwrite", s->overwrite, "Replace files that are there");
  add_memory(*command, s->memory);
  add_common(*command, console);
  command->callback([s, &console] { baseline(*s, console); });
}
