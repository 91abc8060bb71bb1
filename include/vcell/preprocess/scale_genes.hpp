#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/rounded.hpp"
#include "vcell/preprocess/filled_rows.hpp"
#include "vcell/preprocess/matrix_of.hpp"
#include "vcell/preprocess/over_cells.hpp"
#include "vcell/preprocess/transformed_rows.hpp"

VCELL_BEGIN_NAMESPACE

struct ScaleGenesOptions {
  /// Subtract the mean, which makes a sparse matrix dense. Without it zeros stay zeros.
  bool zero_center = true;
  /// Not given: values are not clipped. Else those above it become it and, with zero_center, those
  /// below its negative that.
  std::optional<double> max_value = {};
  /// Of an AnnData: scale layers[layer] in place of X.
  std::optional<std::string> layer = {};
};

struct GeneScales {
  std::vector<double> means;  ///< (genes)
  std::vector<double> sds;    ///< (genes) standard deviations (n - 1); 1 where it is 0
};

/// Mean and standard deviation of every gene, in one pass:
///
///   mean = sum x / n,  sd^2 = (sum x^2 / n - mean^2) n / (n - 1)
///
/// Sums are in double, of squares that are rounded to the type of x, as scanpy's are.
///
/// @param X  (cells, genes), a Matrix or anything that is read in row blocks
/// @throws ConfigError if there are fewer than 2 cells, or a gene has values that are not finite
template <class S>
requires RowSource<S, float> GeneScales gene_scales(const S& X) {
  if (X.rows() < 2)
    throw ConfigError(message("scale_genes: X has ", X.rows(), " cells, expected at least 2"));
  const double n = double(X.rows());
  const auto sums = with_value_type<std::vector<std::array<double, 2>>>(X, [&]<class T>() {
    return sum_over_cells<T, 2>(X, [](T x) {
      const T square = x * x;
      return std::array<double, 2>{double(x), double(square)};
    });
  });
  GeneScales out;
  for (size_t gene = 0; gene < sums.size(); ++gene) {
    const double mean = sums[gene][0] / n;
    const double variance = (sums[gene][1] / n - mean * mean) * (n / (n - 1));
    if (!std::isfinite(variance))
      throw ConfigError(
          message("scale_genes: gene number ", gene,
                  " (from 0) has values that are not finite, or too large to square"));
    out.means.push_back(mean);
    // Round-off can make the variance of a constant gene negative.
    out.sds.push_back(variance > 0 ? std::sqrt(variance) : 1);
  }
  return out;
}

namespace detail {

/// Divides by the standard deviations of the genes, and clips from above.
struct DivideBySd {
  std::vector<double> sds;
  std::optional<double> max_value;

  template <class T>
  void operator()(size_t, std::span<const int32_t> genes, std::span<T> values) const {
    for (size_t k = 0; k < values.size(); ++k)
      values[k] = clipped(T(double(values[k]) / sds[size_t(genes[k])]));
  }
  template <class T>
  T clipped(T x) const {
    return max_value && x > T(*max_value) ? T(*max_value) : x;
  }
};

template <class T>
VCELL_NOT_INLINE void scale_row(std::span<T> values, const GeneScales& scales,
                                const ScaleGenesOptions& options) {
  const bool clips = options.max_value.has_value();
  const T most = T(options.max_value.value_or(0));
  for (size_t gene = 0; gene < values.size(); ++gene) {
    T x = values[gene];
    if (options.zero_center) x = T(double(x) - scales.means[gene]);
    x = T(double(x) / scales.sds[gene]);
    if (clips && x > most) x = most;
    if (clips && options.zero_center && x < -most) x = -most;
    values[gene] = x;
  }
}

/// What scale_genes makes of all values of a row.
struct ScaleRow {
  GeneScales scales;
  ScaleGenesOptions options;

  template <class T>
  void operator()(size_t, std::span<T> values) const {
    scale_row(values, scales, options);
  }
};

template <class = void>
void check_max_value(const ScaleGenesOptions& options) {
  if (options.max_value && !(*options.max_value > 0))
    throw ConfigError(
        message("scale_genes: max_value is ", *options.max_value, ", expected a number above 0"));
}

}  // namespace detail

/// A source of rows (see RowSource), read dense as what scale_genes with zero_center makes of it,
/// to the same bits; what is stored stays as it is.
template <class S>
class CentredRows : public FilledRows<S, detail::ScaleRow> {
 public:
  /// @param scales   (genes), as gene_scales finds them
  /// @param type     that is computed in and read: float32 or float64 (see with_value_type)
  /// @param options  max_value is looked at; zero_center is true whatever they say
  /// @throws ShapeError if there is not one mean and sd per gene
  CentredRows(S source, GeneScales scales, DType type, ScaleGenesOptions options = {})
      : FilledRows<S, detail::ScaleRow>(std::move(source), {std::move(scales), centred(options)},
                                        type) {
    check_size_match("CentredRows", "means", this->f().scales.means.size(), "genes",
                     this->columns());
    check_size_match("CentredRows", "sds", this->f().scales.sds.size(), "genes", this->columns());
  }

 private:
  static ScaleGenesOptions centred(ScaleGenesOptions options) {
    options.zero_center = true;
    return options;
  }
};

/// A source of rows (see RowSource), read as what scale_genes without zero_center makes of it, to
/// the same bits; what is stored stays as it is.
template <class S>
class ScaledRows : public TransformedRows<S, detail::DivideBySd> {
 public:
  /// @param sds        (genes), as gene_scales finds them
  /// @param type       that is computed in and read: float32 or float64 (see with_value_type)
  /// @param max_value  values above become it, if it is given
  /// @throws ShapeError if there is not one sd per gene
  ScaledRows(S source, std::vector<double> sds, DType type, std::optional<double> max_value = {})
      : TransformedRows<S, detail::DivideBySd>(std::move(source), {std::move(sds), max_value},
                                               type) {
    check_size_match("ScaledRows", "sds", this->f().sds.size(), "genes", this->columns());
  }
};

/// Scales every gene to unit variance and, with zero_center, mean 0, as `scanpy.pp.scale` does (the
/// name `Scale` is that of what values are): x = (x - mean) / sd, of which the difference and the
/// quotient are rounded to the type of x, float or double (see with_value_type); then clips.
///
/// @param X  (cells, genes), changed in place; a sparse one is dense afterwards with zero_center
/// @return   means and standard deviations before
/// @throws ConfigError as gene_scales, or if max_value is not above 0
template <class = void>
GeneScales scale_genes(Matrix& X, const ScaleGenesOptions& options = {}) {
  detail::check_max_value(options);
  GeneScales out = gene_scales(X);
  with_value_type<void>(X, [&]<class T>() {
    if (options.zero_center && X.is_sparse()) X = Matrix(to_dense<T>(X));
    const detail::DivideBySd divide{out.sds, options.max_value};
    const auto indices = std::span(X.indices());
    const bool is_sparse = X.is_sparse();
    const auto& rows = X;
    transform_rows<T>(X, [&](size_t row, std::span<T> values) {
      if (!is_sparse) return detail::scale_row(values, out, options);
      divide(row, indices.subspan(rows.row_range(row).first, values.size()), values);
    });
  });
  return out;
}

/// Writes means and standard deviations to var['mean'] and var['std'].
/// @throws ShapeError if there is not one per gene
template <class = void>
void store_scales(AnnData& adata, const GeneScales& scales) {
  adata.var.set("mean", scales.means);
  adata.var.set("std", scales.sds);
}

/// The same for X of adata or a layer; means and standard deviations go to var['mean'] and
/// var['std'].
/// @throws ConfigError also if there is no such matrix
template <class = void>
GeneScales scale_genes(AnnData& adata, const ScaleGenesOptions& options = {}) {
  GeneScales out =
      scale_genes(options.layer ? detail::layer_of("scale_genes", adata, *options.layer)
                                : detail::matrix_of("scale_genes", adata),
                  options);
  store_scales(adata, out);
  return out;
}

VCELL_END_NAMESPACE
