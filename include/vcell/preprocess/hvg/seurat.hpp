#pragma once

#include <algorithm>
#include <limits>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/preprocess/hvg/moments.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Of all genes, as HighlyVariableGenes has them.
struct DispersionScores {
  std::vector<double> means, dispersions, norm;
};

/// Which of n equal bins between the least and the greatest mean each gene is in: intervals
/// (a, b], the first edge lowered by a thousandth of the range, as `pandas.cut`.
template <class = void>
std::vector<size_t> equal_bins(const std::vector<double>& means, size_t n) {
  const auto [least, greatest] = std::minmax_element(means.begin(), means.end());
  double low = *least, high = *greatest, lower_by = 0.001 * (high - low);
  if (low == high) {
    const double widen = low != 0 ? 0.001 * std::abs(low) : 0.001;
    low -= widen;
    high += widen;
    lower_by = 0;
  }
  std::vector<double> edges(n + 1);
  const double step = (high - low) / double(n);
  for (size_t i = 0; i < n; ++i) edges[i] = low + double(i) * step;
  edges[0] -= lower_by;
  edges[n] = high;
  std::vector<size_t> bins(means.size());
  // Lowering the first edge is lost when the range is a rounding error: its genes belong to the
  // first bin nevertheless.
  for (size_t gene = 0; gene < bins.size(); ++gene)
    bins[gene] =
        size_t(std::lower_bound(edges.begin() + 1, edges.end(), means[gene]) - (edges.begin() + 1));
  return bins;
}

/// (dispersion - bin mean) / bin sd (n - 1); NaN skipped. A bin with one dispersion scores it 1.
template <class = void>
std::vector<double> normalize_in_bins(const std::vector<double>& dispersions,
                                      const std::vector<size_t>& bins, size_t n_bins) {
  struct Bin {
    size_t n = 0;
    double mean = 0, squares = 0;
  };
  std::vector<Bin> in(n_bins);
  const auto each = [&](auto f) {
    for (size_t gene = 0; gene < bins.size(); ++gene)
      if (!std::isnan(dispersions[gene])) f(in[bins[gene]], dispersions[gene]);
  };
  each([](Bin& bin, double d) { bin.mean += d, ++bin.n; });
  for (Bin& bin : in)
    if (bin.n) bin.mean /= double(bin.n);
  each([](Bin& bin, double d) { bin.squares += (d - bin.mean) * (d - bin.mean); });
  std::vector<double> out(bins.size());
  for (size_t gene = 0; gene < out.size(); ++gene) {
    const Bin& bin = in[bins[gene]];
    out[gene] = bin.n == 1
                    ? dispersions[gene] / bin.mean
                    : (dispersions[gene] - bin.mean) / std::sqrt(bin.squares / (double(bin.n) - 1));
  }
  return out;
}

/// Scores of flavor seurat from moments of exp(x) - 1:
///
///   dispersion = log(variance / mean)   NaN where the variance is 0;  mean 0 -> 1e-12
///   score = (dispersion - bin mean) / bin sd   over the genes of one of n_bins equal bins of
///                                              log(1 + mean); NaN skipped; 1 alone in its bin
///
/// (Satija et al. 2015, doi:10.1038/nbt.3192.)
template <class = void>
DispersionScores seurat_scores(const GeneMoments& moments, size_t n_bins) {
  DispersionScores out;
  for (size_t gene = 0; gene < moments.means.size(); ++gene) {
    const double mean = moments.means[gene] == 0 ? 1e-12 : moments.means[gene];
    const double variance = moments.variances[gene];
    out.means.push_back(std::log1p(mean));
    // Round-off can make the variance of a constant gene negative; its logarithm is NaN too.
    out.dispersions.push_back(variance > 0 ? std::log(variance / mean)
                                           : std::numeric_limits<double>::quiet_NaN());
  }
  out.norm = normalize_in_bins(out.dispersions, equal_bins(out.means, n_bins), n_bins);
  return out;
}

}  // namespace detail
VCELL_END_NAMESPACE
