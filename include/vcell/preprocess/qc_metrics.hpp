#pragma once

#include <algorithm>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/preprocess/gene_set.hpp"
#include "vcell/preprocess/matrix_of.hpp"
#include "vcell/preprocess/over_cells.hpp"

VCELL_BEGIN_NAMESPACE

struct QcMetricsOptions {
  /// Sets whose share of every cell's total is found; see gene_set_with_prefix.
  std::vector<GeneSet> sets = {};
  /// For each of these numbers n: the share of its n greatest values in every cell's total. None
  /// may be 0 or more than there are genes.
  std::vector<size_t> percent_top = {50, 100, 200, 500};
  /// Of an AnnData: write columns of log(1 + x) too.
  bool log1p = true;
  /// Of an AnnData: look at layers[layer] in place of X.
  std::optional<std::string> layer = {};
  /// Of an AnnData: what the values are called in the names of columns.
  std::string expr_type = "counts";
  /// Of an AnnData: what the columns of X are called in the names of columns.
  std::string var_type = "genes";
};

/// What is known of the quality of cells and genes. Of X in single (or half) precision totals,
/// means and shares of sets are rounded to float, as `scanpy.pp.calculate_qc_metrics` has them.
struct QcMetrics {
  /// A set's total and its share in percent, of every cell; NaN in a cell without values.
  struct Set {
    std::string name;
    std::vector<double> total, percent;
  };
  /// (cells) The share in percent of the n greatest values; NaN in a cell without values.
  struct Top {
    size_t n = 0;
    std::vector<double> percent;
  };
  DType dtype = DType::f32;  ///< of X

  std::vector<int64_t> genes_of_cell;  ///< (cells) genes with a value other than 0
  std::vector<double> total_of_cell;   ///< (cells)
  std::vector<Top> top;                ///< as percent_top
  std::vector<Set> sets;               ///< as in the options

  std::vector<int64_t> cells_of_gene;  ///< (genes) cells with a value other than 0
  std::vector<double> total_of_gene;   ///< (genes)
  std::vector<double> mean_of_gene;    ///< (genes) over all cells
  std::vector<double> dropout;         ///< (genes) percent of the cells that have 0
};

namespace detail {

/// In which precision totals of a matrix are kept.
inline double rounded_as(DType dtype, double x) {
  return dtype == DType::f32 || dtype == DType::f16 ? double(float(x)) : x;
}

template <class = void>
void check_qc_options(const QcMetricsOptions& options, size_t genes) {
  for (const size_t n : options.percent_top)
    if (n == 0 || n > genes)
      throw ConfigError(message("qc_metrics: percent_top has ", n, ", expected 1 .. ", genes,
                                ", the number of genes; leave it out"));
  for (const GeneSet& set : options.sets)
    check_size_match("qc_metrics", message("entries of gene set ", quoted(set.name)).c_str(),
                     set.genes.size(), "genes", genes);
}

}  // namespace detail

/// The part of QcMetrics that is of cells, from blocks of rows of T: an accumulator (see
/// accumulate).
template <class T>
class QcOfCells {
 public:
  /// @param dtype  of the matrix
  /// @throws ConfigError if percent_top has 0 or more than there are genes, ShapeError if a set has
  ///         not one entry per gene
  QcOfCells(size_t cells, size_t genes, DType dtype, const QcMetricsOptions& options)
      : sets_(options.sets) {
    detail::check_qc_options(options, genes);
    found_.dtype = dtype;
    found_.genes_of_cell.resize(cells);
    found_.total_of_cell.resize(cells);
    for (const GeneSet& set : sets_)
      found_.sets.push_back({set.name, std::vector<double>(cells), std::vector<double>(cells)});
    for (const size_t n : options.percent_top) {
      found_.top.push_back({n, std::vector<double>(cells)});
      most_ = std::max(most_, n);
    }
  }

  void add(size_t first_cell, const CsrView<T>& block) {
    parallel_for(block.rows, 64, [&](size_t first, size_t last) {
      std::vector<T> sorted;
      for (size_t i = first; i < last; ++i)
        look_at(first_cell + i, block.row_indices(i), block.row_values(i), sorted);
    });
  }

  /// What was found; nothing of genes.
  QcMetrics take() && { return std::move(found_); }

 private:
  void look_at(size_t cell, std::span<const int32_t> genes, std::span<const T> values,
               std::vector<T>& sorted);

  std::vector<GeneSet> sets_;
  size_t most_ = 0;  // of percent_top
  QcMetrics found_;
};

template <class T>
void QcOfCells<T>::look_at(size_t cell, std::span<const int32_t> genes, std::span<const T> values,
                           std::vector<T>& sorted) {
  double total = 0;
  int64_t number = 0;
  for (const T x : values) total += double(x), number += x != T(0);
  const auto rounded = [&](double x) { return detail::rounded_as(found_.dtype, x); };
  found_.genes_of_cell[cell] = number;
  found_.total_of_cell[cell] = rounded(total);
  for (size_t s = 0; s < sets_.size(); ++s) {
    double sum = 0;
    for (size_t k = 0; k < values.size(); ++k)
      if (sets_[s].genes[size_t(genes[k])]) sum += double(values[k]);
    found_.sets[s].total[cell] = rounded(sum);
    found_.sets[s].percent[cell] = rounded(rounded(sum) / rounded(total) * 100);
  }
  if (!most_) return;
  sorted.assign(values.begin(), values.end());
  const auto end = sorted.begin() + std::ptrdiff_t(std::min(most_, sorted.size()));
  std::nth_element(sorted.begin(), end, sorted.end(), std::greater<>());
  std::sort(sorted.begin(), end, std::greater<>());
  for (auto& top : found_.top) {
    double sum = 0;
    for (size_t k = 0; k < std::min(top.n, sorted.size()); ++k) sum += double(sorted[k]);
    top.percent[cell] = sum / total * 100;
  }
}

/// All of QcMetrics, from blocks of rows of T: an accumulator (see accumulate).
template <class T>
class QcOfAll {
 public:
  /// @throws as QcOfCells
  QcOfAll(size_t cells, size_t genes, DType dtype, const QcMetricsOptions& options)
      : of_cells_(cells, genes, dtype, options), of_genes_(genes, See{}) {}

  void add(size_t first_cell, const CsrView<T>& block) {
    of_cells_.add(first_cell, block);
    of_genes_.add(first_cell, block);
  }

  QcMetrics take() && {
    QcMetrics out = std::move(of_cells_).take();
    const double cells = double(out.total_of_cell.size());
    for (const Gene& g : of_genes_.of_group(0)) {
      out.cells_of_gene.push_back(g.cells);
      out.total_of_gene.push_back(detail::rounded_as(out.dtype, g.total));
      out.mean_of_gene.push_back(detail::rounded_as(out.dtype, g.total / cells));
      out.dropout.push_back((1 - double(g.cells) / cells) * 100);
    }
    return out;
  }

 private:
  struct Gene {
    double total = 0;
    int64_t cells = 0;
  };
  struct See {
    void operator()(std::span<const int32_t> genes, std::span<const T> values, Gene* of) const {
      for (size_t k = 0; k < genes.size(); ++k) {
        Gene& g = of[size_t(genes[k])];
        g.total += double(values[k]);
        g.cells += values[k] != T(0);
      }
    }
  };

  QcOfCells<T> of_cells_;
  PerGene<Gene, See> of_genes_;
};

/// Numbers by which people judge cells and genes, as `scanpy.pp.calculate_qc_metrics` finds them,
/// in one pass: totals, how many values are not 0, the share of a cell's greatest values and that
/// of sets of genes in its total.
///
/// @param X  (cells, genes), a Matrix or anything that is read in row blocks
/// @throws ConfigError if percent_top has 0 or more than there are genes, ShapeError if a set has
///         not one entry per gene
template <class S>
requires RowSource<S, float> QcMetrics qc_metrics(const S& X,
                                                  const QcMetricsOptions& options = {}) {
  return with_value_type<QcMetrics>(X, [&]<class T>() {
    QcOfAll<T> all(X.rows(), X.columns(), X.dtype(), options);
    accumulate<T>(X, all);
    return std::move(all).take();
  });
}

VCELL_END_NAMESPACE
