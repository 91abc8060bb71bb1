#include <fmt/format.h>

#include "cells.hpp"
#include "commands.hpp"
#include "options.hpp"
#include "output.hpp"
#include "scoring.hpp"
#include "vcell/eval/write_results.hpp"

namespace {

struct Settings {
  std::string real, predicted, perturbation_key = "perturbation", control = "non-targeting", out;
  std::optional<vcell::Scale> scale;
  std::vector<std::string> context_keys;
  bool subset = false, overwrite = false;
};

/// One side: counts are normalised to the file's own median total.
vcell::LabelledCells read_side(const Settings& s, const std::string& file, Console& console) {
  auto adata = read_cells(file, console, CellParts::expression);
  normalize(adata, {.scale = s.scale}, console);
  vcell::LabelledCells cells{vcell::to_csr<float>(std::move(*adata.X)),
                             adata.var.index,
                             vcell::factor(adata.obs.column(s.perturbation_key)),
                             {}};
  if (!s.context_keys.empty()) cells.context = vcell::joined_factor(adata.obs, s.context_keys);
  return cells;
}

void evaluate(const Settings& s, Console& console) {
  const std::filesystem::path out = s.out;
  refuse_to_overwrite("evaluate", out / "agg_results.csv", s.overwrite);
  make_folder(out);
  vcell::EvaluationOptions options;
  options.control = s.control;
  options.subset = s.subset;
  const auto progress = console.progress();
  auto real = read_side(s, s.real, console), predicted = read_side(s, s.predicted, console);
  vcell::report(progress, {"evaluate", 0, 1, {}});
  const auto evaluation = vcell::evaluate(std::move(real), std::move(predicted), options);
  for (const auto& line : evaluation.left_out) console.note("left out: " + line);
  vcell::write_results(out, evaluation);
  vcell::report(progress, {"evaluate", 1, 1, {}});
  vcell::ReportInput input;
  input.model = "prediction";
  input.evaluation = evaluation;
  print_scores(vcell::methods_of(input), console);
  console.result("scores: " + out.string());
}

}  // namespace

void add_evaluate(CLI::App& program, Console& console) {
  auto* command = program.add_subcommand("evaluate", "Score predicted cells against observed ones");
  auto s = std::make_shared<Settings>();
  command->add_option("--real", s->real, "Observed cells, h5ad")->required()->type_name("FILE");
  command->add_option("--pred", s->predicted, "Predicted cells, h5ad")
      ->required()
      ->type_name("FILE");
  command->add_option("--perturbation-key", s->perturbation_key, "obs column of the perturbation")
      ->capture_default_str();
  command->add_option("--control", s->control, "Label of the control in it")->capture_default_str();
  add_context_keys(*command, s->context_keys,
                   "obs column of the context, may come several times; without it all cells are "
                   "one pool");
  add_scale(*command, s->scale, "Of X in both files: counts or log1p [each decides]");
  command->add_option("--out", s->out, "The folder for the tables")
      ->required()
      ->type_name("FOLDER");
  command->add_flag("--subset", s->subset,
                    "Compare what both have where labels or genes differ, and list the rest");
  command->add_flag("--overwrite", s->overwrite, "Replace tables that are there");
  add_common(*command, console);
  command->callback([s, &console] { evaluate(*s, console); });
}
