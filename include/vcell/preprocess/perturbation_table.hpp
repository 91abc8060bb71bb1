#pragma once

#include <algorithm>
#include <limits>
#include <map>
#include <numbers>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/data/factor.hpp"
#include "vcell/preprocess/over_cells.hpp"

VCELL_BEGIN_NAMESPACE

/// The accumulator of what each cell has of one gene, such as the one that it is perturbed in (see
/// accumulate).
class OwnGene {
 public:
  /// @param gene_of_cell  (cells) a column of X; -1: none
  explicit OwnGene(std::vector<int32_t> gene_of_cell)
      : genes_(std::move(gene_of_cell)), values_(genes_.size()) {}

  /// @throws ShapeError if the block has cells beyond those
  template <class T>
  void add(size_t first_cell, const CsrView<T>& block) {
    if (first_cell + block.rows > genes_.size()) [[unlikely]]
      detail::fail<ShapeError>("OwnGene: a block ends at row ", first_cell + block.rows, " of ",
                               genes_.size(), " cells");
    parallel_for(block.rows, 256, [&](size_t first, size_t last) {
      for (size_t i = first; i < last; ++i) {
        const int32_t gene = genes_[first_cell + i];
        const auto indices = block.row_indices(i);
        const auto found = std::lower_bound(indices.begin(), indices.end(), gene);
        if (gene >= 0 && found != indices.end() && *found == gene)
          values_[first_cell + i] = double(block.row_values(i)[size_t(found - indices.begin())]);
      }
    });
  }

  /// (cells); 0 where a cell has no gene
  const std::vector<double>& of_cells() const { return values_; }

 private:
  std::vector<int32_t> genes_;
  std::vector<double> values_;
};

/// How many cells a perturbation has, where they are, and whether it does what it is to do.
struct PerturbationCounts {
  std::string name;
  size_t cells = 0;
  std::vector<size_t> of_batches;                         ///< cells in each batch
  std::vector<std::pair<std::string, size_t>> of_guides;  ///< with cells, by name
  /// Half the sum over batches of the difference between its share of the perturbation's cells and
  /// of all cells (total variation): 0 alike, up to 1. 0 without batches.
  double batch_imbalance = 0;
  /// What that would be by chance alone, about: sum_b sqrt(q (1 - q) / (2 pi cells)).
  double batch_imbalance_by_chance = 0;
  int32_t own_gene = -1;    ///< the column that it is to change; -1: none
  double control_mean = 0;  ///< of the own gene, over controls; NaN without one
  double own_mean = 0;      ///< over its own cells; NaN without one
  /// own_mean / control_mean: 1 without effect, below of a knock-down. NaN where controls have
  /// none.
  double on_target_residual = 0;
};

struct PerturbationTableInput {
  const Factor& perturbation;  ///< of the cells; those without a name are left out
  const Factor *batch = nullptr, *guide = nullptr;
  /// (perturbations) the column of its own gene; -1: none; empty: none has one
  std::span<const int32_t> own_genes = {};
  std::span<const double> own_values = {};     ///< (cells) what OwnGene found
  std::span<const double> control_means = {};  ///< (genes)
};

/// A row for every perturbation, the control among them, by name.
/// @throws ShapeError if labels or values are not one for every cell
template <class = void>
std::vector<PerturbationCounts> perturbation_table(const PerturbationTableInput& in) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const size_t n = in.perturbation.names.size(), cells = in.perturbation.size();
  for (const Factor* labels : {in.batch, in.guide})
    if (labels) check_size_match("perturbation_table", "labels", labels->size(), "cells", cells);
  if (!in.own_genes.empty()) {
    check_size_match("perturbation_table", "own genes", in.own_genes.size(), "perturbations", n);
    check_size_match("perturbation_table", "own values", in.own_values.size(), "cells", cells);
  }
  std::vector<PerturbationCounts> out(n);
  std::vector<std::map<int32_t, size_t>> guides(n);
  std::vector<size_t> in_batch(in.batch ? in.batch->names.size() : 0);
  std::vector<double> own(n);
  size_t with_batch = 0;
  for (auto& row : out) row.of_batches.resize(in_batch.size());
  for (size_t i = 0; i < cells; ++i) {
    const int32_t code = in.perturbation.codes[i];
    if (in.batch && in.batch->codes[i] >= 0) {
      ++in_batch[size_t(in.batch->codes[i])];
      ++with_batch;
    }
    if (code < 0) continue;
    PerturbationCounts& row = out[size_t(code)];
    ++row.cells;
    if (in.batch && in.batch->codes[i] >= 0) ++row.of_batches[size_t(in.batch->codes[i])];
    if (in.guide && in.guide->codes[i] >= 0) ++guides[size_t(code)][in.guide->codes[i]];
    if (!in.own_values.empty()) own[size_t(code)] += in.own_values[i];
  }
  for (size_t p = 0; p < n; ++p) {
    PerturbationCounts& row = out[p];
    row.name = in.perturbation.names[p];
    for (const auto& [guide, count] : guides[p])
      row.of_guides.emplace_back(in.guide->names[size_t(guide)], count);
    for (size_t b = 0; b < in_batch.size() && with_batch; ++b) {
      const double q = double(in_batch[b]) / double(with_batch);
      row.batch_imbalance += std::abs(double(row.of_batches[b]) / double(row.cells) - q) / 2;
      row.batch_imbalance_by_chance +=
          std::sqrt(q * (1 - q) / (2 * std::numbers::pi * double(row.cells)));
    }
    row.own_gene = in.own_genes.empty() ? -1 : in.own_genes[p];
    const bool has = row.own_gene >= 0;
    row.control_mean = has ? in.control_means[size_t(row.own_gene)] : nan;
    row.own_mean = has ? own[p] / double(row.cells) : nan;
    row.on_target_residual = has && row.control_mean > 0 ? row.own_mean / row.control_mean : nan;
  }
  return out;
}

VCELL_END_NAMESPACE
