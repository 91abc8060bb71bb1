#pragma once

#include <filesystem>

#include "predictions.hpp"
#include "vcell/eval/evaluate.hpp"
#include "vcell/report/report_input.hpp"

/// The scores of a run: of its predictions, and of the baselines on the same pairs.
struct Scores {
  vcell::Evaluation evaluation;
  std::vector<vcell::ScoredMethod> baselines;
  std::vector<std::string> remarks;  ///< what a baseline could not predict
};

/// Writes `facts.csv` into the run folder: what was run on what, and by which program.
void write_facts(const std::filesystem::path& folder, const vcell::Experiment& e, const Prepared& p,
                 const vcell::TrainedModel& model);

/// Evaluates predictions beside the baselines and writes the tables into the run folder.
/// @param screen  with the genes of the predictions
Scores score_run(const Prepared& p, const vcell::Screen& screen, const Predictions& predictions,
                 const std::filesystem::path& folder, Console& console);

/// The mean of every score, one line a method.
void print_scores(const std::vector<vcell::ScoredMethod>& methods, Console& console);

/// Reads the scores of a run folder back.
Scores read_scores_of_run(const std::filesystem::path& folder);

/// Writes `report.html` of a run folder from what lies in it.
void write_report_of_run(const std::filesystem::path& folder, const Scores& scores);
