#pragma once

#include <algorithm>
#include <functional>
#include <iterator>
#include <numeric>
#include <vector>

#include "vcell/preprocess/hvg/cell_ranger.hpp"
#include "vcell/preprocess/hvg/cells.hpp"
#include "vcell/preprocess/hvg/seurat.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Genes within the cut-offs; a score that is NaN counts as 0.
template <class = void>
std::vector<uint8_t> within(const DispersionScores& scores, const HvgCutOffs& cut) {
  std::vector<uint8_t> out;
  for (size_t gene = 0; gene < scores.norm.size(); ++gene) {
    const double mean = scores.means[gene],
                 norm = std::isnan(scores.norm[gene]) ? 0 : scores.norm[gene];
    out.push_back((mean > cut.min_mean) & (mean < cut.max_mean) & (norm > cut.min_disp) &
                  (norm < cut.max_disp));
  }
  return out;
}

/// Genes whose score is at least the n-th highest, NaN never.
template <class = void>
std::vector<uint8_t> highest(const std::vector<double>& norm, size_t n) {
  std::vector<double> ranked;
  std::copy_if(norm.begin(), norm.end(), std::back_inserter(ranked),
               [](double s) { return !std::isnan(s); });
  std::sort(ranked.begin(), ranked.end(), std::greater<>());
  n = std::min(n, ranked.size());
  std::vector<uint8_t> out;
  for (const double score : norm) out.push_back(n > 0 && score >= ranked[n - 1]);
  return out;
}

template <class = void>
std::vector<uint8_t> taken_by(const DispersionScores& scores,
                              const HighlyVariableGenesOptions& options) {
  return options.cut_offs ? within(scores, *options.cut_offs)
                          : highest(scores.norm, options.n_top_genes);
}

/// The scores of one group of cells.
template <class = void>
DispersionScores scores_of(const GeneMoments& moments, const std::string& prefix,
                           const HighlyVariableGenesOptions& options) {
  return options.flavor == HvgFlavor::cell_ranger ? cell_ranger_scores(moments, prefix)
                                                  : seurat_scores(moments, options.n_bins);
}

/// Scores of batches put together, as they are handed in.
class PooledScores {
 public:
  explicit PooledScores(size_t genes) : sums_(genes), nbatches_(genes) {}

  /// @param expressed  places of the genes that are expressed in the batch; the others have 0
  template <class = void>
  void add(const std::vector<size_t>& expressed, const DispersionScores& scores,
           const std::vector<uint8_t>& taken) {
    std::vector<std::array<double, 3>> of_genes(sums_.size());
    for (size_t i = 0; i < expressed.size(); ++i) {
      of_genes[expressed[i]] = {scores.means[i], scores.dispersions[i], scores.norm[i]};
      nbatches_[expressed[i]] += taken[i];
    }
    for (size_t gene = 0; gene < sums_.size(); ++gene)
      for (size_t i = 0; i < 3; ++i)
        if (const double x = of_genes[gene][i]; !std::isnan(x))
          sums_[gene].sum[i] += x, ++sums_[gene].n[i];
  }

  /// Means over the batches, NaN skipped.
  template <class = void>
  DispersionScores scores() const {
    DispersionScores out;
    for (const Sums& of_gene : sums_) {
      out.means.push_back(of_gene.sum[0] / double(of_gene.n[0]));
      out.dispersions.push_back(of_gene.sum[1] / double(of_gene.n[1]));
      out.norm.push_back(of_gene.sum[2] / double(of_gene.n[2]));
    }
    return out;
  }
  const std::vector<int64_t>& nbatches() const { return nbatches_; }

 private:
  struct Sums {
    std::array<double, 3> sum{};
    std::array<size_t, 3> n{};
  };
  std::vector<Sums> sums_;         // (genes)
  std::vector<int64_t> nbatches_;  // (genes) in which it is taken
};

/// The n genes that are taken in most batches, then of the highest score, then first by name.
template <class = void>
std::vector<uint8_t> best_of_batches(const std::vector<int64_t>& nbatches,
                                     const std::vector<double>& norm,
                                     const HighlyVariableGenesOptions& options) {
  std::vector<size_t> order;
  for (size_t gene = 0; gene < norm.size(); ++gene)
    if (!std::isnan(norm[gene])) order.push_back(gene);
  const size_t n = std::min(options.n_top_genes, order.size());
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    if (nbatches[a] != nbatches[b]) return nbatches[a] > nbatches[b];
    if (norm[a] != norm[b]) return norm[a] > norm[b];
    return !options.gene_names.empty() && options.gene_names[a] < options.gene_names[b];
  });
  std::vector<uint8_t> out(norm.size());
  for (size_t i = 0; i < n; ++i) out[order[i]] = 1;
  return out;
}

/// What is summed of a gene's values for flavors seurat and cell_ranger.
template <class = void>
GenePowers gene_powers(size_t genes, const HvgCells& cells,
                       const HighlyVariableGenesOptions& options) {
  return {genes, AddPowers{options.flavor == HvgFlavor::seurat}, cells.by_batch()};
}

/// highly_variable_genes of flavors seurat and cell_ranger, from sums over the cells.
/// @throws ConfigError as it does
template <class = void>
HighlyVariableGenes dispersion_genes(const GenePowers& powers, const HvgCells& cells,
                                     const HighlyVariableGenesOptions& options) {
  const char* wrong =
      "below 0, not finite, or too large to take exp of, expected log1p; give counts to "
      "normalize_total and log1p first";
  HighlyVariableGenes out;
  out.flavor = options.flavor;
  DispersionScores scores;
  if (!cells.has_batches()) {
    scores = scores_of(moments_of(powers, 0, wrong), "", options);
    out.highly_variable = taken_by(scores, options);
  } else {
    PooledScores pooled(powers.genes());
    for (size_t batch = 0; batch < cells.names.size(); ++batch) {
      const GeneMoments all = moments_of(powers, batch, wrong);
      GeneMoments some;
      std::vector<size_t> expressed;
      for (size_t gene = 0; gene < all.means.size(); ++gene) {
        if (!(all.means[gene] > 0)) continue;
        expressed.push_back(gene);
        some.means.push_back(all.means[gene]);
        some.variances.push_back(all.variances[gene]);
      }
      if (expressed.empty())
        throw ConfigError(message("highly_variable_genes: ", cells.prefix(batch),
                                  "no gene is expressed; leave its cells out"));
      const DispersionScores of_batch = scores_of(some, cells.prefix(batch), options);
      pooled.add(expressed, of_batch, taken_by(of_batch, options));
    }
    scores = pooled.scores();
    out.nbatches = pooled.nbatches();
    for (const int64_t n : out.nbatches)
      out.intersection.push_back(size_t(n) == cells.names.size());
    out.highly_variable = options.cut_offs ? within(scores, *options.cut_offs)
                                           : best_of_batches(out.nbatches, scores.norm, options);
  }
  out.scored = size_t(std::count_if(scores.norm.begin(), scores.norm.end(),
                                    [](double s) { return !std::isnan(s); }));
  if (!options.cut_offs && options.n_top_genes > out.scored)
    out.remarks.push_back(message("n_top_genes is ", options.n_top_genes, ", and ", out.scored,
                                  " of the ", scores.norm.size(),
                                  " genes vary and have a score: these are taken"));
  out.means = std::move(scores.means);
  out.dispersions = std::move(scores.dispersions);
  out.dispersions_norm.assign(scores.norm.begin(), scores.norm.end());
  return out;
}

}  // namespace detail
VCELL_END_NAMESPACE
