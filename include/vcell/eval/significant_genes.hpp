#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/eval/differential_expression.hpp"

VCELL_BEGIN_NAMESPACE

/// What significant genes are sorted by.
enum class SignificanceOrder {
  fold_change,  ///< the largest |log2 fold change| first, NaN last
  p_value,      ///< the smallest p first, NaN last
};

/// The genes of one target with fdr < alpha, the most important first, equal ones in the order of
/// the genes; rows that a filter took out are not there. As in cell-eval the table is read as
/// float32 here.
template <class = void>
std::vector<uint32_t> significant_genes(const DifferentialExpression& de, size_t target,
                                        double alpha = 0.05,
                                        SignificanceOrder order = SignificanceOrder::fold_change) {
  check_index("significant_genes", "target", target, de.targets.size());
  const auto fdr = de.fdr[target], lfc = de.log2_fold_change[target];
  std::vector<std::pair<float, uint32_t>> genes;  // behind what they are sorted by, ascending
  for (uint32_t gene = 0; gene < de.features.size(); ++gene) {
    if (!(float(fdr[gene]) < float(alpha)) || !de.has_row(target, gene)) continue;
    const float key = order == SignificanceOrder::p_value ? float(de.p_value(target, gene))
                                                          : -std::abs(float(lfc[gene]));
    genes.emplace_back(std::isnan(key) ? std::numeric_limits<float>::max() : key, gene);
  }
  std::sort(genes.begin(), genes.end());
  std::vector<uint32_t> out;
  for (const auto& [key, gene] : genes) out.push_back(gene);
  return out;
}

VCELL_END_NAMESPACE
