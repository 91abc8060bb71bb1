#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/eval/evaluate.hpp"
#include "vcell/eval/result_files.hpp"
#include "vcell/io/csv.hpp"
#include "vcell/io/number_text.hpp"

VCELL_BEGIN_NAMESPACE

/// A score as a field: empty for null.
inline std::string score_text(const Score& score) { return score ? number_text(*score) : ""; }

/// The columns of a table of differential expression, pdex's.
inline constexpr std::array<const char*, 11> differential_expression_columns = {"target",
                                                                                "feature",
                                                                                "target_mean",
                                                                                "ref_mean",
                                                                                "target_membership",
                                                                                "ref_membership",
                                                                                "log2_fold_change",
                                                                                "percent_change",
                                                                                "p_value",
                                                                                "statistic",
                                                                                "fdr"};

namespace detail {

/// A field as a CSV file holds it, quoted where it must be.
template <class = void>
std::string csv_field(const std::string& text) {
  std::string line;
  append_csv_line(line, {text, ""});
  line.resize(line.size() - 2);  // the second field's comma and the line's end
  return line;
}

}  // namespace detail

/// Writes a table of differential expression: a row per target and gene, in pieces of a target.
/// @throws WriteError if the file cannot be written
template <class = void>
void write_differential_expression(const std::filesystem::path& path,
                                   const DifferentialExpression& de) {
  std::vector<std::string> features;
  for (const std::string& feature : de.features) features.push_back(detail::csv_field(feature));
  write_text_in_pieces(path, [&](const auto& append) {
    std::string text;
    detail::append_csv_line(
        text, {differential_expression_columns.begin(), differential_expression_columns.end()});
    for (size_t t = 0; t < de.targets.size(); ++t) {
      const std::string target = detail::csv_field(de.targets[t]);
      for (size_t g = 0; g < features.size(); ++g) {
        text += message(target, ',', features[g], ',', number_text(de.target_mean(t, g)), ',',
                        number_text(de.ref_mean(g)), ',', de.target_membership[t], ',',
                        de.ref_membership);
        for (const auto* column :
             {&de.log2_fold_change, &de.percent_change, &de.p_value, &de.statistic, &de.fdr})
          text += ',' + number_text((*column)(t, g));
        text += '\n';
      }
      append(text);  // a target at a time: the whole text is several times the table
      text.clear();
    }
    append(text);  // the header alone, where there is no target
  });
}

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

/// Writes everything that cell-eval users look for into a folder, which is made if it is not there.
///
/// With one context: results.csv (scores by perturbation), agg_results.csv (their summaries),
/// real_de.csv and pred_de.csv (differential expression). With several: the same four for each as
/// `<context>_results.csv` and so on (see result_files), and agg_results.csv, the mean over
/// contexts of each entry of their summaries, nulls left out. Where contexts have names,
/// contexts.csv says which prefix is whose. The same evaluation gives the same bytes.
/// @throws WriteError if the folder or a file cannot be written
template <class = void>
void write_results(const std::filesystem::path& folder, const Evaluation& evaluation) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    throw WriteError(message("write_results: cannot make the folder ", quoted(folder.string()),
                             ": ", error.message()));
  std::vector<std::string> contexts;
  for (const ContextEvaluation& c : evaluation.contexts) contexts.push_back(c.context);
  const auto files = result_files(contexts);
  CsvTable names{{"context", "prefix"}, {}};
  for (size_t i = 0; i < files.size(); ++i) {
    const ContextEvaluation& context = evaluation.contexts[i];
    const auto in_folder = [&](const char* table) { return folder / (files[i].prefix + table); };
    write_scores(in_folder("results.csv"), context.scores);
    write_summaries(in_folder("agg_results.csv"), context.scores.columns,
                    summarise(context.scores));
    write_differential_expression(in_folder("real_de.csv"), context.real_de);
    write_differential_expression(in_folder("pred_de.csv"), context.predicted_de);
    names.rows.push_back({files[i].context, files[i].prefix});
  }
  if (files.size() > 1)
    write_summaries(folder / "agg_results.csv", evaluation.contexts[0].scores.columns,
                    summarise(evaluation));
  // One of an earlier evaluation would make read_results read that one's tables.
  if (files.size() == 1 && files[0].context.empty())
    std::filesystem::remove(folder / "contexts.csv", error);
  else
    write_csv(folder / "contexts.csv", names);
  if (error)
    throw WriteError(message("write_results: cannot remove ",
                             quoted((folder / "contexts.csv").string()), ": ", error.message()));
}

VCELL_INSTANTIATE(files, void write_results<void>(const std::filesystem::path&, const Evaluation&));

VCELL_END_NAMESPACE
