#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/eval/evaluate.hpp"
#include "vcell/eval/interval_files.hpp"
#include "vcell/eval/result_files.hpp"
#include "vcell/eval/strata_files.hpp"
#include "vcell/eval/write_expression.hpp"

VCELL_BEGIN_NAMESPACE

/// A score as a field: empty for null.
inline std::string score_text(const Score& score) { return score ? number_text(*score) : ""; }

/// Writes scores: a row per perturbation, an empty field for null.
/// @throws WriteError if the file cannot be written
template <class = void>
void write_scores(const std::filesystem::path& path, const ScoreTable& scores) {
  CsvTable table{{"perturbation"}, {}};
  for (const ScoreColumn& column : scores.columns) table.header.push_back(column.name);
  for (size_t i = 0; i < scores.perturbations.size(); ++i) {
    table.rows.push_back({scores.perturbations[i]});
    for (const ScoreColumn& column : scores.columns)
      table.rows.back().push_back(score_text(column.values[i]));
  }
  write_csv(path, table);
}

/// Writes summaries: a row per statistic, a column per score.
/// @param columns    the scores
/// @param summaries  beside columns
/// @throws WriteError if the file cannot be written
template <class = void>
void write_summaries(const std::filesystem::path& path, const std::vector<ScoreColumn>& columns,
                     const std::vector<Summary>& summaries) {
  CsvTable table{{"statistic"}, {}};
  for (const ScoreColumn& column : columns) table.header.push_back(column.name);
  for (size_t s = 0; s < summary_statistics.size(); ++s) {
    table.rows.push_back({std::string(summary_statistics[s])});
    for (const Summary& summary : summaries) table.rows.back().push_back(score_text(summary[s]));
  }
  write_csv(path, table);
}

struct WriteResultsOptions {
  /// Begin the names of files with the context where there is one alone, too: cell-eval's way with
  /// cell types.
  bool always_prefixed = false;
  /// Of measuring tables that are not kept; may stop.
  Progress progress = {};
};

/// Writes everything that cell-eval users look for into a folder, which is made if it is not there.
///
/// With one context: results.csv (scores by perturbation), agg_results.csv (their summaries),
/// real_de.csv and pred_de.csv (differential expression). With several, or options.always_prefixed:
/// the same four for each as `<context>_results.csv` and so on (see result_files), and of several
/// agg_results.csv, the mean over contexts of each entry of their summaries, nulls left out. Where
/// contexts have names, contexts.csv says which prefix is whose. intervals.csv has the intervals of
/// mean scores and strata.csv the mean scores of parts, where there are some; warnings.csv what
/// the cells warn of. The same evaluation gives the same bytes.
/// @throws WriteError if the folder or a file cannot be written; Stopped
template <class = void>
void write_results(const std::filesystem::path& folder, const Evaluation& evaluation,
                   const WriteResultsOptions& options = {}) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    throw WriteError(message("write_results: cannot make the folder ", quoted(folder.string()),
                             ": ", error.message()));
  std::vector<std::string> contexts;
  for (const ContextEvaluation& c : evaluation.contexts) contexts.push_back(c.context);
  const auto files = result_files(contexts, options.always_prefixed);
  CsvTable names{{"context", "prefix"}, {}};
  for (size_t i = 0; i < files.size(); ++i) {
    const ContextEvaluation& context = evaluation.contexts[i];
    const auto in_folder = [&](const char* table) { return folder / (files[i].prefix + table); };
    write_scores(in_folder("results.csv"), context.scores);
    write_summaries(in_folder("agg_results.csv"), context.scores.columns,
                    summarise(context.scores));
    write_differential_expression(in_folder("real_de.csv"), context.real_de, options.progress);
    write_differential_expression(in_folder("pred_de.csv"), context.predicted_de, options.progress);
    names.rows.push_back({files[i].context, files[i].prefix});
  }
  if (files.size() > 1)
    write_summaries(folder / "agg_results.csv", evaluation.contexts[0].scores.columns,
                    summarise(evaluation));
  // What an earlier evaluation left would be read as this one's.
  const auto write_or_remove = [&](const char* name, bool is_there, const auto& write) {
    std::error_code trouble;
    if (is_there)
      write(folder / name);
    else
      std::filesystem::remove(folder / name, trouble);
    if (trouble)
      throw WriteError(message("write_results: cannot remove ", quoted((folder / name).string()),
                               ": ", trouble.message()));
  };
  write_or_remove("intervals.csv", !evaluation.intervals.metrics.empty(),
                  [&](const auto& path) { write_intervals(path, evaluation.intervals); });
  write_or_remove("strata.csv", !evaluation.strata.strata.empty(),
                  [&](const auto& path) { write_strata(path, evaluation.strata); });
  write_or_remove("warnings.csv", !evaluation.warnings.empty(), [&](const auto& path) {
    CsvTable table{{"warning"}, {}};
    for (const std::string& text : evaluation.warnings) table.rows.push_back({text});
    write_csv(path, table);
  });
  write_or_remove("contexts.csv", files.size() > 1 || !files[0].context.empty(),
                  [&](const auto& path) { write_csv(path, names); });
}

VCELL_INSTANTIATE(files, void write_results<void>(const std::filesystem::path&, const Evaluation&,
                                                  const WriteResultsOptions&));

VCELL_END_NAMESPACE
