#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/preprocess/hvg/seurat.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Of an even number the mean of the two in the middle; NaN of none.
template <class = void>
double middle_of(std::vector<double> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto middle = values.begin() + std::ptrdiff_t(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2) return *middle;
  return (*std::max_element(values.begin(), middle) + *middle) / 2;
}

/// A percentile of ascending numbers, linear between two of them, rounded as numpy rounds it:
/// whether a gene at an edge is below or above it depends on that.
template <class = void>
double percentile(const std::vector<double>& sorted, double percent) {
  const double place = double(sorted.size() - 1) * (percent / 100);
  const size_t below = std::min(size_t(place), sorted.size() - 1),
               above = std::min(below + 1, sorted.size() - 1);
  const double t = place - double(below), difference = sorted[above] - sorted[below];
  return t < 0.5 ? sorted[below] + difference * t : sorted[above] - difference * (1 - t);
}

/// Scores of flavor cell_ranger from moments of x (Zheng et al. 2017, doi:10.1038/ncomms14049):
///
///   dispersion = variance / mean;  mean 0 -> 1e-12
///   score = (dispersion - bin median) / MAD,  MAD = median |dispersion - bin median| / 0.6745
///
/// over the genes of a bin: intervals (a, b] between the percentiles 10, 15, ..., 100 of the mean,
/// and what is below and above them.
///
/// @param prefix  of messages: the batch
/// @throws ConfigError if two percentiles are equal
template <class = void>
DispersionScores cell_ranger_scores(const GeneMoments& moments, const std::string& prefix) {
  constexpr double normal_mad = 0.6744897501960817;  // of the normal distribution: its 3rd quartile
  DispersionScores out;
  out.means = moments.means;
  for (double& mean : out.means)
    if (mean == 0) mean = 1e-12;
  for (size_t gene = 0; gene < out.means.size(); ++gene)
    out.dispersions.push_back(moments.variances[gene] / out.means[gene]);
  std::vector<double> sorted = out.means, edges;
  std::sort(sorted.begin(), sorted.end());
  for (int percent = 10; percent <= 100; percent += 5) {
    edges.push_back(percentile(sorted, percent));
    if (edges.size() < 2 || edges.back() > edges[edges.size() - 2]) continue;
    const auto silent = std::count(moments.means.begin(), moments.means.end(), 0.0);
    throw ConfigError(message(
        "highly_variable_genes: ", prefix, "flavor cell_ranger has bins between percentiles of ",
        "the means, and those of ", percent - 5, " % and ", percent, " % coincide at ",
        edges.back(), " (", silent, " of ", out.means.size(), " genes are not expressed); drop ",
        "genes of few cells first (filter_genes, --min-cells), or take flavor seurat"));
  }
  const size_t n_bins = edges.size() + 1;
  std::vector<size_t> bins;
  std::vector<std::vector<double>> in(n_bins);
  for (size_t gene = 0; gene < out.means.size(); ++gene) {
    bins.push_back(
        size_t(std::lower_bound(edges.begin(), edges.end(), out.means[gene]) - edges.begin()));
    in[bins.back()].push_back(out.dispersions[gene]);
  }
  std::vector<double> medians, mads;
  for (std::vector<double>& dispersions : in) {
    medians.push_back(middle_of(dispersions));
    for (double& d : dispersions) d = std::abs(d - medians.back());
    mads.push_back(middle_of(dispersions) / normal_mad);
  }
  for (size_t gene = 0; gene < bins.size(); ++gene)
    out.norm.push_back((out.dispersions[gene] - medians[bins[gene]]) / mads[bins[gene]]);
  return out;
}

}  // namespace detail
VCELL_END_NAMESPACE
