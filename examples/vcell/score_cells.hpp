#pragma once

#include <optional>
#include <string>
#include <vector>

#include "console.hpp"
#include "vcell/data/anndata.hpp"
#include "vcell/eval/metric.hpp"
#include "vcell/eval/score_interval.hpp"
#include "vcell/preprocess/scale.hpp"

/// How predicted cells are held against observed ones.
struct ScoreSettings {
  std::string command;          ///< who scores, for scores.json
  std::string real, predicted;  ///< what both are called in the report: their files
  std::string perturbation_key = "perturbation", control = "non-targeting";
  std::vector<std::string> context_keys = {};
  std::string cell_type_key = {};           ///< a context; then its tables' names begin with it
  std::string out = {};                     ///< the folder for tables and report
  std::string gene_names = {};              ///< var column of the names that perturbations use
  std::optional<vcell::Scale> scale = {};   ///< of X of both; without it each decides
  std::string profile = "vcell";            ///< what the metrics are called, for scores.json
  std::vector<vcell::Metric> metrics = {};  ///< none: those of the profile vcell
  std::string like = {};                    ///< a program's version whose rules are pinned
  std::string embedding = {};               ///< an obsm entry that cells are also compared in
  std::string real_expression = {}, predicted_expression = {};  ///< finished tables, CSV
  double cpm_filter = -1;                                       ///< below 0: none
  double epsilon = 0;                                           ///< of fold changes
  bool keep_counts = false;                                     ///< and not normalise them
  bool subset = false;  ///< what one side alone has is left out
  vcell::IntervalScope intervals = vcell::IntervalScope::means;
  bool ceiling = false;                      ///< also score the real cells by halves
  std::vector<std::string> ceiling_by = {};  ///< obs columns between whose levels, too
  uint64_t ceiling_seed = 0;
};

/// Scores predicted cells and writes tables and report.
void score_cells(vcell::AnnData real, vcell::AnnData predicted, const ScoreSettings& settings,
                 Console& console);

/// Scores halves of the real cells against each other, and writes that alone.
void score_ceiling(vcell::AnnData real, const ScoreSettings& settings, Console& console);
