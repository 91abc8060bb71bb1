#pragma once

#include <algorithm>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

#include "vcell/preprocess/over_cells.hpp"

VCELL_BEGIN_NAMESPACE

/// What is counted of a gene over cells (see gene_tally).
struct GeneTally {
  double sum = 0;
  double max = -std::numeric_limits<double>::infinity();
  double min = std::numeric_limits<double>::infinity();
  size_t stored = 0;   ///< cells that store a value
  size_t nonzero = 0;  ///< cells with a value other than 0

  /// As if the other's cells came after these.
  template <class = void>
  void merge(const GeneTally& more) {
    sum += more.sum;
    max = std::max(max, more.max);
    min = std::min(min, more.min);
    stored += more.stored;
    nonzero += more.nonzero;
  }
};

/// The accumulator of GeneTally for every gene and group of cells (see PerGene, accumulate).
template <class = void>
auto gene_tally(size_t genes, CellGroups groups = {}) {
  return per_gene<GeneTally>(genes, each_value([](GeneTally& tally, auto x) {
                               const double value = x;
                               tally.sum += value;
                               tally.max = std::max(tally.max, value);
                               tally.min = std::min(tally.min, value);
                               ++tally.stored;
                               tally.nonzero += value != 0;
                             }),
                             groups);
}

/// Of each gene over the same cells.
struct GeneStatistics {
  size_t cells = 0;
  std::vector<double> mean, max, min;  ///< (genes); NaN without cells
  std::vector<size_t> nonzero_cells;   ///< (genes) cells with a value other than 0

  size_t genes() const { return mean.size(); }
  /// The share of cells with a value other than 0; NaN without cells.
  double nonzero_fraction(size_t gene) const {
    return cells ? double(nonzero_cells[gene]) / double(cells)
                 : std::numeric_limits<double>::quiet_NaN();
  }
};

/// @param tally  (genes)
/// @param cells  that were told of
template <class = void>
GeneStatistics gene_statistics(std::span<const GeneTally> tally, size_t cells) {
  GeneStatistics out;
  out.cells = cells;
  for (GeneTally gene : tally) {
    if (gene.stored < cells) {  // the others are zero
      gene.max = std::max(gene.max, 0.0);
      gene.min = std::min(gene.min, 0.0);
    }
    const double nan = std::numeric_limits<double>::quiet_NaN();
    out.mean.push_back(cells ? gene.sum / double(cells) : nan);
    out.max.push_back(cells ? gene.max : nan);
    out.min.push_back(cells ? gene.min : nan);
    out.nonzero_cells.push_back(gene.nonzero);
  }
  return out;
}

/// All genes in a few numbers.
struct GeneSummary {
  double mean_of_means = 0, mean_of_maxima = 0, mean_of_minima = 0;
  size_t never_expressed = 0;           ///< genes that are 0 in every cell
  double fraction_never_expressed = 0;  ///< their share of all genes
};

/// NaN without genes.
template <class = void>
GeneSummary summarize_genes(const GeneStatistics& s) {
  const double genes = double(s.genes());
  const auto mean = [&](const std::vector<double>& x) {
    return std::accumulate(x.begin(), x.end(), 0.0) / genes;
  };
  const auto never = size_t(std::count(s.nonzero_cells.begin(), s.nonzero_cells.end(), size_t(0)));
  return {mean(s.mean), mean(s.max), mean(s.min), never, double(never) / genes};
}

/// How a gene's mean differs between perturbed cells, all of them together, and controls.
struct GeneDelta {
  size_t gene = 0;
  double control_mean = 0, perturbed_mean = 0, delta = 0;  ///< delta = perturbed - control
  double control_nonzero_fraction = 0;
  size_t control_nonzero_cells = 0;
  bool never_expressed = false;  ///< in neither

  double size() const { return delta < 0 ? -delta : delta; }
};

/// Every gene, that with the largest difference first, ties in the order of the genes.
/// @throws ShapeError if the two have other numbers of genes
template <class = void>
std::vector<GeneDelta> gene_deltas(const GeneStatistics& control, const GeneStatistics& perturbed) {
  check_size_match("gene_deltas", "genes of controls", control.genes(), "genes of perturbed cells",
                   perturbed.genes());
  std::vector<GeneDelta> out;
  for (size_t g = 0; g < control.genes(); ++g)
    out.push_back({g, control.mean[g], perturbed.mean[g], perturbed.mean[g] - control.mean[g],
                   control.nonzero_fraction(g), control.nonzero_cells[g],
                   control.nonzero_cells[g] + perturbed.nonzero_cells[g] == 0});
  std::stable_sort(out.begin(), out.end(),
                   [](const GeneDelta& a, const GeneDelta& b) { return a.size() > b.size(); });
  return out;
}

VCELL_END_NAMESPACE
