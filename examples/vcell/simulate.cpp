#include <fmt/format.h>

#include "cells.hpp"
#include "commands.hpp"
#include "options.hpp"
#include "output.hpp"
#include "vcell/io/csv.hpp"
#include "vcell/simulate/simulate_screen.hpp"
#include "vcell/simulate/truth_anndata.hpp"

namespace {

struct SimulateSettings {
  vcell::SimulateOptions options;
  std::string out;
  bool overwrite = false;
};

/// One row a perturbation: its name, then its vector.
vcell::CsvTable features_table(const vcell::FeatureTable& features) {
  vcell::CsvTable table;
  table.header = {"perturbation"};
  table.header.insert(table.header.end(), features.dimensions.begin(), features.dimensions.end());
  for (size_t i = 0; i < features.perturbations.size(); ++i) {
    std::vector<std::string> row = {features.perturbations[i]};
    for (const float v : features.vectors.row(i)) row.push_back(vcell::message(v));
    table.rows.push_back(std::move(row));
  }
  return table;
}

void simulate(const SimulateSettings& settings, Console& console) {
  const std::filesystem::path out = settings.out;
  const auto beside = [&](const char* ending) {
    return out.parent_path() / (out.stem().string() + ending);
  };
  const auto truth = beside(".truth.h5ad"), effects = beside(".effects.h5ad"),
             features = beside(".features.csv");
  for (const auto& path : {out, truth, effects, features})
    refuse_to_overwrite("simulate", path, settings.overwrite);
  make_folder(out.parent_path());

  const auto simulated = vcell::simulate_screen(settings.options, console.progress());
  write_cells(out, simulated.screen, console);
  write_cells(truth, vcell::cell_truth_anndata(simulated), console);
  write_cells(effects, vcell::effect_truth_anndata(simulated), console);
  vcell::write_csv(features, features_table(simulated.features));
  console.note(fmt::format(
      "simulated {} cells x {} genes, {} perturbations in {} contexts, seed {}",
      simulated.screen.cells(), simulated.screen.genes(), simulated.truth.perturbations.size(),
      settings.options.contexts, settings.options.seed));
  console.note(fmt::format("the truth of every cell: {}", truth.string()));
  console.note(fmt::format("the true effects:        {}", effects.string()));
  console.note(fmt::format("perturbation features:   {}", features.string()));
  console.result(out.string());
}

}  // namespace

void add_simulate(CLI::App& program, Console& console) {
  auto* command = program.add_subcommand("simulate", "Make a perturbation screen with known truth");
  auto settings = std::make_shared<SimulateSettings>();
  auto& o = settings->options;
  command
      ->add_option("--out", settings->out, "The screen to write; truth and features go beside it")
      ->required()
      ->type_name("FILE");
  const auto number = [&](const char* flag, auto& field, const char* help) {
    add_number(*command, flag, field, help);
  };
  number("--genes", o.genes, "Genes");
  number("--contexts", o.contexts, "Contexts, each with a base profile of its own");
  number("--batches", o.batches, "Batches");
  number("--states", o.states, "Basal subpopulations");
  number("--perturbations", o.perturbations, "Perturbations, the control not counted");
  number("--guides", o.guides, "Guides a perturbation");
  number("--cells", o.cells, "Mean cells of a perturbation in a context");
  number("--control-cells", o.control_cells, "Control cells of a context");
  number("--library", o.library, "Mean counts of a cell");
  number("--dispersion", o.dispersion, "Overdispersion of the counts");
  number("--effect", o.effect, "Strength of the effects");
  number("--without-effect", o.without_effect, "Share of perturbations that change nothing");
  number("--combinations", o.combinations, "Pairs of perturbations that come as one, too");
  command
      ->add_option("--combination-separator", o.combination_separator,
                   "Between the names of such a pair")
      ->capture_default_str();
  number("--doses", o.doses, "Levels of dose of each perturbation, in obs column dose; 0: none");
  number("--seed", o.seed, "Seed of everything random");
  command->add_option("--control", o.control, "Label of the controls")->capture_default_str();
  add_common(*command, console);
  command->add_flag("--overwrite", settings->overwrite, "Replace files that are there");
  command->callback([settings, &console] { simulate(*settings, console); });
}
