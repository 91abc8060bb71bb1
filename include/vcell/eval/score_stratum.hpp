#pragma once

#include <string>
#include <vector>

#include "vcell/eval/score_table.hpp"

VCELL_BEGIN_NAMESPACE

/// Mean scores of a part of what was scored.
struct ScoreStratum {
  std::string by;            ///< "de_genes", "cells" or "expression"
  double low = 0, high = 0;  ///< of what it is by: low <= x < high
  size_t size = 0;           ///< pairs of perturbation and context in it; of expression, genes
  std::vector<Score> means;  ///< beside ScoreStrata::metrics; null where it has no score
};

struct ScoreStrata {
  std::vector<std::string> metrics;
  std::vector<ScoreStratum> strata;
};

VCELL_END_NAMESPACE
