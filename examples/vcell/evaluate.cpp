#include <fmt/format.h>

#include "cells.hpp"
#include "commands.hpp"
#include "options.hpp"
#include "output.hpp"
#include "scoring.hpp"
#include "vcell/eval/remove_results.hpp"
#include "vcell/eval/write_results.hpp"

namespace {

struct Settings {
  std::string real, predicted, perturbation_key = "perturbation", control = "non-targeting", out;
  std::optional<vcell::Scale> scale;
  std::vector<std::string> context_keys;
  bool subset = false, overwrite = false;
};

/// One side as log1p values.
/// @param target_sum  of counts; none: their own median total
vcell::LabelledCells side(const Settings& s, vcell::AnnData adata, std::optional<double> target_sum,
                          Console& console) {
  normalize(adata, {.scale = s.scale, .target_sum = target_sum}, console);
  vcell::LabelledCells cells{vcell::to_csr<float>(std::move(*adata.X)),
                             adata.var.index,
                             vcell::factor(adata.obs.column(s.perturbation_key)),
                             {}};
  if (!s.context_keys.empty()) cells.context = vcell::joined_factor(adata.obs, s.context_keys);
  return cells;
}

/// Both sides, so that their values compare: counts of one are normalised to the total that the
/// other says its log1p values have.
std::pair<vcell::LabelledCells, vcell::LabelledCells> read_sides(const Settings& s,
                                                                 Console& console) {
  auto real = read_cells(s.real, console, CellParts::expression),
       predicted = read_cells(s.predicted, console, CellParts::expression);
  const auto scale_of = [&](const vcell::AnnData& adata) {
    return vcell::declared_scale(adata, s.scale).scale;
  };
  const bool real_counts = scale_of(real) == vcell::Scale::counts,
             predicted_counts = scale_of(predicted) == vcell::Scale::counts;
  const auto total_of = [](const vcell::AnnData& adata, bool counts) {
    return counts ? std::optional<double>() : vcell::declared_target_sum(adata);
  };
  const auto real_total = total_of(real, real_counts),
             predicted_total = total_of(predicted, predicted_counts);
  if (real_total && predicted_total && !same_total(*real_total, *predicted_total))
    throw vcell::ConfigError(
        vcell::message("evaluate: the cells of --real were normalised to ", *real_total,
                       " and those of --pred to ", *predicted_total,
                       ", so their values do not compare; normalise one of them again, from ",
                       "counts, to the total of the other"));
  if ((real_counts && !predicted_total) || (predicted_counts && !real_total))
    console.note(
        "the other side does not say what total its cells were normalised to: counts are "
        "normalised to the median total of their own file");
  auto first = side(s, std::move(real), predicted_total, console);
  return {std::move(first), side(s, std::move(predicted), real_total, console)};
}

void evaluate(const Settings& s, Console& console) {
  const std::filesystem::path out = s.out;
  refuse_to_overwrite("evaluate", out / "agg_results.csv", s.overwrite);
  vcell::EvaluationOptions options;
  options.control = s.control;
  options.subset = s.subset;
  const auto progress = console.progress();
  auto [real, predicted] = read_sides(s, console);
  vcell::report(progress, {"evaluate", 0, 1, {}});
  const auto evaluation = vcell::evaluate(std::move(real), std::move(predicted), options);
  for (const auto& line : evaluation.left_out) console.note("left out: " + line);
  make_folder(out);
  vcell::remove_results(out);
  vcell::write_results(out, evaluation);
  vcell::report(progress, {"evaluate", 1, 1, {}});
  vcell::ReportInput input;
  input.method = "prediction";
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
