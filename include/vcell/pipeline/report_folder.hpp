#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/eval/read_results.hpp"
#include "vcell/eval/write_ceilings.hpp"
#include "vcell/pipeline/run.hpp"
#include "vcell/report/method_differences.hpp"
#include "vcell/report/report.hpp"
#include "vcell/sets/split_toml.hpp"
#include "vcell/train/experiment_toml.hpp"
#include "vcell/train/metrics_log.hpp"

VCELL_BEGIN_NAMESPACE

/// Writes what a report says beside the tables of scores: `facts.csv` (data, split, model, training
/// and versions), `methods.csv` (which table is whose; the first method's are in the folder
/// itself), `differences.csv` (of the first method from each other one) and `baselines/missing.csv`
/// (what a method could not predict).
/// @param folders  of the methods' tables, beside report.others
/// @throws IoError
template <class = void>
void write_report_tables(const std::filesystem::path& folder, const ReportInput& report,
                         const std::vector<std::string>& folders,
                         const std::vector<MissingPrediction>& missing) {
  CsvTable facts{{"section", "what", "value"}, {}};
  for (const auto& section : report.run)
    for (const auto& [what, value] : section.facts)
      facts.rows.push_back({section.heading, what, value});
  write_csv(folder / "facts.csv", facts);
  CsvTable methods{{"method", "meaning", "folder"}, {{report.method, report.meaning, "."}}};
  for (size_t i = 0; i < folders.size(); ++i)
    methods.rows.push_back({report.others[i].name, report.others[i].meaning, folders[i]});
  write_csv(folder / "methods.csv", methods);
  write_differences(folder / "differences.csv", report);
  CsvTable reasons{{"baseline", "reason"}, {}};
  for (const auto& [method, reason] : missing) reasons.rows.push_back({method, reason});
  std::error_code error;  // where it matters, writing fails and says so
  std::filesystem::create_directories(folder / "baselines", error);
  write_csv(folder / "baselines" / "missing.csv", reasons);
}

/// Writes `report.html` of a run, and its plots as `plots/<id>.svg`, drawn once for both.
/// @param progress  as that of ReportOptions
/// @throws IoError; Stopped
template <class = void>
void write_report_page(const std::filesystem::path& folder, const ReportInput& report,
                       GnuplotOptions gnuplot = {}, const Progress& progress = {}) {
  gnuplot.folder = folder / "plots";
  std::error_code error;  // an old plot that stays is no reason to have no report
  std::filesystem::remove_all(gnuplot.folder, error);
  write_report(folder / "report.html", report, {std::move(gnuplot), progress});
}

/// Reads what a run's report was made of back from its folder.
/// @param progress  of reading its tables
/// @throws ConfigError if there is no run, or it has no scores; IoError, FormatError; Stopped
template <class = void>
ReportInput read_report_input(const std::filesystem::path& folder, const Progress& progress = {}) {
  const auto is_there = [&](const char* name) { return std::filesystem::exists(folder / name); };
  if (!is_there("experiment.toml"))
    throw ConfigError(message("report: there is no run in ", quoted(folder.string()),
                              " (no experiment.toml); name the folder of a run"));
  if (!is_there("methods.csv") || !is_there("facts.csv"))
    throw ConfigError(message("report: there are no scores in ", quoted(folder.string()),
                              " (no methods.csv): its run was only trained, or stopped; ",
                              "run_in_folder with OldRun::resume in ", folder.string(),
                              " makes them"));
  const auto e = read_experiment(folder / "experiment.toml");
  ReportInput out;
  out.held_out = true;
  out.title =
      "Predicted perturbation responses: " + std::filesystem::path(e.data).filename().string();
  const CsvTable methods = read_csv(folder / "methods.csv");
  const size_t name = methods.column("method"), meaning = methods.column("meaning"),
               where = methods.column("folder");
  for (size_t i = 0; i < methods.rows.size(); ++i) {
    const auto& row = methods.rows[i];
    const auto tables = folder / row[where];
    if (i == 0) {
      out.method = row[name];
      out.meaning = row[meaning];
      out.evaluation = read_results(tables, {}, progress);
      out.ceilings = read_mean_ceilings(tables, read_result_files(tables));
      out.level_ceilings = read_mean_level_ceilings(tables);
      continue;
    }
    ScoredMethod& other = out.others.emplace_back(ScoredMethod{row[name], row[meaning], {}});
    for (const ResultFiles& files : read_result_files(tables))
      other.contexts.push_back(
          {files.context, read_scores(tables / (files.prefix + "results.csv"))});
    other.intervals = read_intervals_in(tables);
  }
  const CsvTable facts = read_csv(folder / "facts.csv");
  const size_t section = facts.column("section"), what = facts.column("what"),
               value = facts.column("value");
  for (const auto& row : facts.rows) {
    if (out.run.empty() || out.run.back().heading != row[section])
      out.run.push_back({row[section], {}});
    out.run.back().facts.emplace_back(row[what], row[value]);
  }
  const CsvTable reasons = read_csv(folder / "baselines" / "missing.csv");
  const size_t method = reasons.column("baseline"), reason = reasons.column("reason");
  std::vector<MissingPrediction> missing;
  for (const auto& row : reasons.rows) missing.push_back({row[method], row[reason]});
  out.warnings = detail::remarks_of(missing);
  for (auto& text : detail::warnings_of(read_split(folder / "split.toml")))
    out.warnings.push_back(std::move(text));
  if (is_there("metrics.csv"))
    add_training(out, read_metrics(folder / "metrics.csv"), e.training.choose_by);
  return out;
}

VCELL_INSTANTIATE(folders, ReportInput read_report_input<void>(const std::filesystem::path&,
                                                               const Progress&));

VCELL_END_NAMESPACE
