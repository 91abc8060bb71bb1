#include "score_cells.hpp"

#include "options.hpp"
#include "output.hpp"
#include "print_scores.hpp"
#include "vcell/eval/remove_results.hpp"
#include "vcell/eval/write_results.hpp"
#include "vcell/pipeline/labelled_sides.hpp"
#include "vcell/report/report.hpp"
#include "vcell/version.hpp"

void score_cells(vcell::AnnData real_cells, vcell::AnnData predicted_cells, const ScoreSettings& s,
                 Console& console) {
  const std::filesystem::path out = s.out;
  const auto progress = console.progress();
  vcell::EvaluationOptions options;
  const auto var = real_cells.var;
  auto [real, predicted] =
      vcell::labelled_sides(std::move(real_cells), std::move(predicted_cells),
                            {s.perturbation_key, s.context_keys, s.scale}, callbacks_of(console));
  // How perturbations are matched with their own genes.
  options.symbols = vcell::gene_symbols(var, real.perturbation.names, s.gene_names);
  if (!options.symbols.remark.empty()) vcell::note(callbacks_of(console), options.symbols.remark);
  options.control = s.control;
  options.subset = s.subset;
  options.metrics = s.metrics;
  options.progress = progress;
  vcell::ReportInput report;
  report.title =
      "Predicted perturbation responses: " + std::filesystem::path(s.predicted).filename().string();
  report.evaluation = vcell::evaluate(std::move(real), std::move(predicted), options);
  for (const auto& line : report.evaluation.left_out) console.note("left out: " + line);
  for (const auto& warning : vcell::warnings(report.evaluation, {.progress = progress}))
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
