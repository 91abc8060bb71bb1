#pragma once

#include <span>
#include <vector>

#include "vcell/eval/significant_genes.hpp"

VCELL_BEGIN_NAMESPACE

/// What both sides' tables of differential expression say of one perturbation: what a metric of
/// them reads. Rows of pdex's tables are read as float32, as cell-eval reads them.
struct TargetExpression {
  const DifferentialExpression& real;       ///< a block of the table, of the same targets as
  const DifferentialExpression& predicted;  ///< this one
  size_t target;                            ///< the perturbation's place in both
  double alpha;                             ///< a gene is significant when its fdr is below this
  std::vector<uint32_t> real_genes;         ///< significant_genes of real
  std::vector<uint32_t> predicted_genes;    ///< significant_genes of predicted
};

/// How many genes are significant of a perturbation.
struct SignificantCounts {
  size_t real = 0, predicted = 0;
};

VCELL_END_NAMESPACE
