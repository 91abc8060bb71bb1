#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <span>
#include <vector>

#include "vcell/eval/differential_expression.hpp"

VCELL_BEGIN_NAMESPACE

/// The genes of one target with fdr < alpha, the largest |log2 fold change| first, equal ones in
/// the order of the genes. As in cell-eval the table is read as float32 here.
template <class = void>
std::vector<uint32_t> significant_genes(const DifferentialExpression& de, size_t target,
                                        double alpha = 0.05) {
  check_index("significant_genes", "target", target, de.targets.size());
  const auto fdr = de.fdr[target], lfc = de.log2_fold_change[target];
  std::vector<uint32_t> genes;
  for (uint32_t gene = 0; gene < de.features.size(); ++gene)
    if (float(fdr[gene]) < float(alpha)) genes.push_back(gene);
  // A fold change that is NaN comes last.
  const auto size = [&](uint32_t gene) {
    return std::isnan(lfc[gene]) ? -1.0f : std::abs(float(lfc[gene]));
  };
  std::stable_sort(genes.begin(), genes.end(),
                   [&](uint32_t a, uint32_t b) { return size(a) > size(b); });
  return genes;
}

/// |first k of real and first k of predicted| / k, where k is the number of real genes; a shorter
/// list of predicted genes is used whole. 0 when there is no real gene.
/// @param real, predicted  genes without duplicates, most important first
template <class = void>
double overlap_at_n(std::span<const uint32_t> real, std::span<const uint32_t> predicted) {
  if (real.empty()) return 0;
  std::vector<uint32_t> a(real.begin(), real.end()), shared;
  std::vector<uint32_t> b(predicted.begin(),
                          predicted.begin() + std::min(real.size(), predicted.size()));
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(shared));
  return double(shared.size()) / double(real.size());
}

VCELL_END_NAMESPACE
