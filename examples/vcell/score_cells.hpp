#pragma once

#include <optional>
#include <string>
#include <vector>

#include "console.hpp"
#include "vcell/data/anndata.hpp"
#include "vcell/eval/metric.hpp"
#include "vcell/preprocess/scale.hpp"

/// How predicted cells are held against observed ones.
struct ScoreSettings {
  std::string real, predicted;  ///< what both are called in the report: their files
  std::string perturbation_key = "perturbation", control = "non-targeting";
  std::vector<std::string> context_keys = {};
  std::string out = {};                     ///< the folder for tables and report
  std::string gene_names = {};              ///< var column of the names that perturbations use
  std::optional<vcell::Scale> scale = {};   ///< of X of both; without it each decides
  std::vector<vcell::Metric> metrics = {};  ///< none: those of the profile vcell
  bool subset = false;                      ///< what one side alone has is left out
};

/// Scores predicted cells and writes tables and report.
void score_cells(vcell::AnnData real, vcell::AnnData predicted, const ScoreSettings& settings,
                 Console& console);
