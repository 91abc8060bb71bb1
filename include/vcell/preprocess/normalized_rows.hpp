#pragma once

#include <utility>
#include <vector>

#include "vcell/preprocess/normalize_total.hpp"
#include "vcell/preprocess/transformed_rows.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// What normalize_total makes of a row.
struct DivideByFactor {
  std::vector<double> factors;

  template <class T>
  void operator()(size_t row, std::span<const int32_t>, std::span<T> values) const {
    divide_row(values, factors[row]);
  }
};

}  // namespace detail

/// A source of counts (see RowSource), read as what normalize_total makes of it, to the same bits;
/// what is stored stays as it is. See Log1pRows for the logarithm of it.
template <class S>
class NormalizedRows : public TransformedRows<S, detail::DivideByFactor> {
 public:
  /// @param factors  (cells) what each cell's values are divided by (total_factors); 0: nothing
  /// @param type     that is computed in and read: float32 or float64 (see with_value_type)
  /// @throws ShapeError if there is not one factor per row
  NormalizedRows(S counts, std::vector<double> factors, DType type)
      : TransformedRows<S, detail::DivideByFactor>(std::move(counts), {std::move(factors)}, type) {
    check_size_match("NormalizedRows", "factors", this->f().factors.size(), "rows", this->rows());
  }
};

/// What normalize_total makes of X that is apart from adata, with the factors stored in
/// obs[key_added] if that is given.
/// @param found  gets what was done
/// @throws ConfigError, ShapeError as normalize_total of an AnnData
template <class S>
requires RowSource<S, float> NormalizedRows<S> normalized_rows(AnnData& adata, S X,
                                                               const NormalizeTotalOptions& options,
                                                               NormalizedTotal& found) {
  detail::check_not_log1p("normalize_total", adata);
  found = total_factors(X, options, &adata);
  const DType type = value_type(X);
  detail::store_factors(adata, found, type, options);
  return {std::move(X), found.factors, type};
}

VCELL_END_NAMESPACE
