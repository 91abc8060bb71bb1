#include <fmt/format.h>

#include "commands.hpp"
#include "options.hpp"
#include "output.hpp"
#include "vcell/io/csv.hpp"
#include "vcell/io/h5ad/write_h5ad.hpp"
#include "vcell/simulate/simulate_screen.hpp"
#include "vcell/simulate/truth_anndata.hpp"

namespace {

/// Cells x genes above which expected counts are left out of the truth: three dense matrices of
/// this many floats.
constexpr size_t most_truth = size_t(1) << 25;

struct SimulateSettings {
  vcell::SimulateOptions options;
  vcell::H5adWriteOptions write;
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

/// Two flags that say different things of the same.
void refuse_both(const CLI::Option* one, const CLI::Option* other) {
  if (one->count() && other->count())
    throw vcell::ConfigError(vcell::message(one->get_name(), " and ", other->get_name(),
                                            " were both given, expected one of them"));
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

  const vcell::SimulatedRows rows(settings.options);
  auto write = settings.write;
  vcell::check_write_options(write);
  const auto annotations = vcell::simulated_annotations(rows);
  vcell::write_h5ad(out, annotations,
                    vcell::WatchedRows<vcell::SimulatedRows>(rows, console.progress(), "simulate"),
                    write);
  write.contiguous = false;
  write.progress = console.progress();
  const bool is_whole = rows.rows() <= most_truth / rows.columns();
  vcell::AnnData cells;
  if (is_whole)
    cells = vcell::cell_truth_anndata(vcell::simulate_screen(rows));
  else
    cells.obs = vcell::cell_truth_labels(rows.truth(), annotations.obs);
  vcell::write_h5ad(truth, cells, write);
  vcell::write_h5ad(effects, vcell::effect_truth_anndata(rows.truth()), write);
  vcell::write_csv(features, features_table(vcell::simulated_features(rows)));
  console.note(
      fmt::format("simulated {} cells x {} genes, {} perturbations in {} contexts, seed {}",
                  rows.rows(), rows.columns(), rows.truth().perturbations.size(),
                  settings.options.contexts, settings.options.seed));
  if (settings.options.density > 0)
    console.note(fmt::format("a library of {:.0f} counts gives a share of {} above 0",
                             rows.options().library, settings.options.density));
  console.note(fmt::format("the truth of every cell: {}{}", truth.string(),
                           is_whole ? "" : " (labels alone: expected counts would take too much)"));
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
    return add_number(*command, flag, field, help);
  };
  number("--genes", o.genes, "Genes");
  number("--contexts", o.contexts, "Contexts, each with a base profile of its own");
  number("--batches", o.batches, "Batches");
  number("--states", o.states, "Basal subpopulations");
  number("--perturbations", o.perturbations, "Perturbations, the control not counted");
  number("--guides", o.guides, "Guides a perturbation");
  auto* each = number("--cells-per-perturbation", o.cells_per_perturbation,
                      "Mean cells of a perturbation in a context");
  auto* controls = number("--control-cells", o.control_cells, "Control cells of a context");
  auto* cells = number("--cells", o.cells,
                       "Cells of the whole screen, a perturbation's a quarter of the controls'; 0: "
                       "as the two before say");
  auto* library = number("--library", o.library, "Mean counts of a cell");
  auto* density = number("--density", o.density,
                         "Share of counts above 0, which sets the library; 0: as --library says");
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
  add_storage(*command, settings->write);
  add_common(*command, console);
  command->add_flag("--overwrite", settings->overwrite, "Replace files that are there");
  command->callback([=, &console] {
    refuse_both(cells, each);
    refuse_both(cells, controls);
    refuse_both(density, library);
    simulate(*settings, console);
  });
}
