#include "cells.hpp"
#include "commands.hpp"
#include "options.hpp"
#include "output.hpp"
#include "score_cells.hpp"
#include "vcell/eval/metrics.hpp"

namespace {

struct EvaluateSettings : ScoreSettings {
  std::string profile = "vcell";
  double memory = 0;  // GB
  bool overwrite = false;
};

void evaluate(EvaluateSettings s, Console& console) {
  refuse_to_overwrite("evaluate", std::filesystem::path(s.out) / "agg_results.csv", s.overwrite);
  s.metrics = vcell::metrics_of(s.profile);
  auto real = read_cells(s.real, console, CellParts::expression, s.memory),
       predicted = read_cells(s.predicted, console, CellParts::expression, s.memory);
  score_cells(std::move(real), std::move(predicted), s, console);
}

}  // namespace

void add_evaluate(CLI::App& program, Console& console) {
  auto* command = program.add_subcommand("evaluate", "Score predicted cells against observed ones");
  auto s = std::make_shared<EvaluateSettings>();
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
