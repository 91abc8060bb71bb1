#pragma once

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/rounded.hpp"
#include "vcell/preprocess/hvg/cell_ranger.hpp"
#include "vcell/preprocess/hvg/cells.hpp"
#include "vcell/preprocess/hvg/moments.hpp"
#include "vcell/preprocess/loess.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Mean and squared deviations of a gene's stored values, one after the other (Welford 1962). Genes
/// with equal counts get equal bits so, as they do where others compute this, and those decide
/// where loess cuts its cells.
struct RunningMoments {
  double cells = 0, mean = 0, squares = 0;

  void add(double x) {
    const double before = x - mean;
    cells += 1;
    mean += before / cells;
    squares += rounded(before * (x - mean));
  }
};

/// The same with the cells that store nothing.
template <class = void>
VCELL_NOT_INLINE GeneMoments moments_of(std::span<const RunningMoments> genes, size_t cells) {
  GeneMoments out;
  const double n = double(cells);
  for (const RunningMoments& of_gene : genes) {
    const double stored = of_gene.cells, zeros = n - stored;
    out.means.push_back(of_gene.mean * stored / n);
    const double squares = of_gene.squares + of_gene.mean * of_gene.mean * stored * zeros / n;
    out.variances.push_back(squares / n * (n / (n - 1)));
  }
  return out;
}

/// The sd that genes of such a mean have: 10^(curve / 2), the curve loess of log10 variance on
/// log10 mean; 1 where the variance is 0.
/// @param prefix  of messages: the batch
template <class = void>
VCELL_NOT_INLINE std::vector<double> expected_sd(const GeneMoments& moments,
                                                 const std::string& prefix) {
  std::vector<double> x, y, out(moments.means.size(), 1.0);
  std::vector<size_t> places;
  for (size_t gene = 0; gene < out.size(); ++gene) {
    if (!(moments.variances[gene] > 0)) continue;
    places.push_back(gene);
    x.push_back(std::log10(moments.means[gene]));
    y.push_back(std::log10(moments.variances[gene]));
  }
  std::vector<double> curve;
  try {
    curve = loess(x, y);
  } catch (const ConfigError& e) {
    throw ConfigError(message(
        "highly_variable_genes: ", prefix, "flavor seurat_v3 draws a curve through variance on ",
        "mean of the ", x.size(), " of ", out.size(), " genes that vary, and cannot: ", e.what(),
        ". Means of few cells are mostly equal: drop genes of few cells (filter_genes, ",
        "--min-cells)", prefix.empty() ? "" : ", give small batches one name",
        ", or take another flavor"));
  }
  for (size_t i = 0; i < places.size(); ++i) out[places[i]] = std::sqrt(std::pow(10.0, curve[i]));
  return out;
}

/// Sums of a gene's values, none taken greater than `clip`.
struct ClippedSums {
  double clip = 0, sum = 0, squares = 0;

  void add(double x) {
    x = std::min(x, clip);
    sum += x;
    squares += rounded(x * x);
  }
};

/// The variance of clipped values by that which is expected.
template <class = void>
VCELL_NOT_INLINE double normalized_variance(const ClippedSums& sums, double n, double mean,
                                            double sd) {
  return (n * mean * mean + sums.squares - 2 * mean * sums.sum) / ((n - 1) * sd * sd);
}

/// Where values of a gene are clipped.
template <class = void>
VCELL_NOT_INLINE double clip_at(double mean, double sd, double n) {
  return mean + sd * std::sqrt(n);
}

/// Places by score, the highest first, of equal ones in the genes' order; NaN from n on.
template <class = void>
std::vector<float> ranks_of(const std::vector<double>& scores, size_t n) {
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t(0));
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  std::vector<float> out(scores.size(), std::numeric_limits<float>::quiet_NaN());
  for (size_t i = 0; i < std::min(n, order.size()); ++i) out[order[i]] = float(i);
  return out;
}

/// highly_variable_genes of flavor seurat_v3, which reads X twice (Stuart et al. 2019,
/// doi:10.1016/j.cell.2019.05.031). Of each batch, with n cells:
///
///   sd   = that which genes of such a mean have (expected_sd)
///   c    = min(x, mean + sd sqrt(n))
///   variances_norm = sum_c (c - mean)^2 / ((n - 1) sd^2)
///
/// The genes of the least rank are taken: of batches the median rank, then those that rank in most
/// batches, then the first.
template <class T, class S>
HighlyVariableGenes seurat_v3_genes(const S& X, const HvgCells& cells,
                                    const HighlyVariableGenesOptions& options) {
  const char* wrong = "below 0 or not finite, expected counts";
  const size_t genes = X.columns();
  GenePowers powers(genes, AddPowers{}, cells.all());
  auto running = per_gene<RunningMoments>(
      genes, each_value([](RunningMoments& of_gene, T x) { of_gene.add(double(x)); }),
      cells.by_batch());
  if (cells.has_batches())
    accumulate<T>(X, powers, running);
  else
    accumulate<T>(X, powers);
  GeneMoments all = moments_of(powers, 0, wrong);

  auto clipped = per_gene<ClippedSums>(
      genes, each_value([](ClippedSums& of_gene, T x) { of_gene.add(double(x)); }),
      cells.by_batch());
  const size_t batches = clipped.groups();
  std::vector<GeneMoments> moments;
  std::vector<std::vector<double>> sds;
  for (size_t batch = 0; batch < batches; ++batch) {
    const size_t n = cells.has_batches() ? running.cells_in(batch) : powers.cells_in(0);
    moments.push_back(cells.has_batches() ? moments_of(running.of_group(batch), n) : all);
    sds.push_back(expected_sd(moments[batch], cells.prefix(batch)));
    for (size_t gene = 0; gene < genes; ++gene)
      clipped.of_group(batch)[gene].clip =
          clip_at(moments[batch].means[gene], sds[batch][gene], double(n));
  }
  accumulate<T>(X, clipped);

  HighlyVariableGenes out;
  out.flavor = HvgFlavor::seurat_v3;
  out.variances_norm.assign(genes, 0);
  std::vector<std::vector<float>> ranks;
  for (size_t batch = 0; batch < batches; ++batch) {
    const double n = double(clipped.cells_in(batch));
    std::vector<double> scores;
    for (size_t gene = 0; gene < genes; ++gene) {
      scores.push_back(normalized_variance(clipped.of_group(batch)[gene], n,
                                           moments[batch].means[gene], sds[batch][gene]));
      out.variances_norm[gene] += scores[gene] / double(batches);
    }
    ranks.push_back(ranks_of(scores, options.n_top_genes));
  }
  std::vector<int64_t> nbatches(genes);
  std::vector<size_t> order;
  for (size_t gene = 0; gene < genes; ++gene) {
    std::vector<double> of_gene;
    for (const auto& of_batch : ranks)
      if (!std::isnan(of_batch[gene])) of_gene.push_back(of_batch[gene]);
    nbatches[gene] = int64_t(of_gene.size());
    out.rank.push_back(float(middle_of(std::move(of_gene))));
    if (nbatches[gene]) order.push_back(gene);
  }
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return out.rank[a] != out.rank[b] ? out.rank[a] < out.rank[b] : nbatches[a] > nbatches[b];
  });
  out.highly_variable.assign(genes, 0);
  for (size_t i = 0; i < std::min(options.n_top_genes, order.size()); ++i)
    out.highly_variable[order[i]] = 1;
  if (cells.has_batches()) out.nbatches = std::move(nbatches);
  out.scored = genes;
  if (options.n_top_genes > genes)
    out.remarks.push_back(message("n_top_genes is ", options.n_top_genes, ", and there are ", genes,
                                  " genes: all are taken"));
  out.means = std::move(all.means);
  out.variances = std::move(all.variances);
  return out;
}

}  // namespace detail
VCELL_END_NAMESPACE
