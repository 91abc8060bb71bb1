#include <fmt/format.h>

#include "cells.hpp"
#include "commands.hpp"
#include "options.hpp"
#include "output.hpp"
#include "print_scores.hpp"
#include "vcell/eval/remove_results.hpp"
#include "vcell/eval/write_results.hpp"
#include "vcell/pipeline/labelled_sides.hpp"
#include "vcell/report/report.hpp"
#include "vcell/version.hpp"

namespace {

struct Settings {
  std::string real, predicted, perturbation_key = "perturbation", control = "non-targeting", out,
                               profile = "vcell", gene_names;
  std::optional<vcell::Scale> scale;
  std::vector<std::string> context_keys;
  double memory = 0;  // GB
  bool subset = false, overwrite = false;
};

/// Both sides, and how perturbations are matched with their own genes.
std::pair<vcell::LabelledCells, vcell::LabelledCells> read_sides(const Settings& s,
                                                                 vcell::GeneSymbols& symbols,
                                                                 Console& console) {
  auto real = read_cells(s.real, console, CellParts::expression, s.memory),
       predicted = read_cells(s.predicted, console, CellParts::expression, s.memory);
  const auto var = real.var;
  auto sides =
      vcell::labelled_sides(std::move(real), std::move(predicted),
                            {s.perturbation_key, s.context_keys, s.scale}, callbacks_of(console));
  symbols = vcell::gene_symbols(var, sides.first.perturbation.names, s.gene_names);
  if (!symbols.remark.empty()) vcell::note(callbacks_of(console), symbols.remark);
  return sides;
}

void evaluate(const Settings& s, Console& console) {
  const std::filesystem::path out = s.out;
  refuse_to_overwrite("evaluate", out / "agg_results.csv", s.overwrite);
  const auto progress = console.progress();
  vcell::EvaluationOptions options;
  auto [real, predicted] = read_sides(s, options.symbols, console);
  options.control = s.control;
  options.subset = s.subset;
  options.metrics = vcell::metrics_of(s.profile);
  options.progress = progress;
  vcell::ReportInput report;
  report.title =
      "Predicted perturbation responses: " + std::filesystem::path(s.predicted).filename().string();
  report.evaluation = vcell::evaluate(std::move(real), std::move(predicted), options);
  for (const auto& line : report.evaluation.left_out) console.note("left out: " + line);
  for (const auto& context : report.evaluation.contexts)
    for (const auto& warning : vcell::warnings(context, {.progress = progress}))
      console.note("warning: " + warning);
  make_folder(out);
  vcell::remove_results(out);
  vcell::write_results(out, report.evaluation, progress);
  report.run = {{"Data",
                 {{"Observed cells", s.real},
                  {"Predicted cells", s.predicted},
                  {"Perturbations", s.perturbation_key + ", control " + s.control}}},
                {"Versions", {{"vcell", VCELL_VERSION}}}};
  vcell::write_report(out / "report.html", report, {.progress = progress});
  print_scores(vcell::methods_of(report), console);
  console.result("scores: " + out.string());
  console.result("report: " + (out / "report.html").string());
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
  command
      ->add_option("--profile", s->profile,
                   "Which metrics: " + vcell::list_of(vcell::profile_names()))
      ->capture_default_str();
  command->add_option("--gene-names", s->gene_names,
                      "var column with the names by which perturbations go [found]");
  command->add_flag("--subset", s->subset,
                    "Compare what both have where labels or genes differ, and list the rest");
  command->add_flag("--overwrite", s->overwrite, "Replace tables that are there");
  add_memory(*command, s->memory);
  add_common(*command, console);
  command->callback([s, &console] { evaluate(*s, console); });
}
