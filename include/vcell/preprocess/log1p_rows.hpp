#pragma once

#include <utility>
#include <vector>

#include "vcell/preprocess/log1p.hpp"
#include "vcell/preprocess/transformed_rows.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// What normalize_total and log1p make of a row.
struct DivideAndLog1p {
  std::vector<double> factors;
  bool library = false;

  template <class T>
  void operator()(size_t row, std::span<const int32_t>, std::span<T> values) const {
    const T by = divisor<T>(factors[row]);
    library ? library_log1p_values(values, by) : log1p_values(values, by);
  }
};

struct Log1p {
  template <class T>
  void operator()(size_t, std::span<const int32_t>, std::span<T> values) const {
    log1p_values(values);
  }
};

}  // namespace detail

/// A source of counts (see RowSource), read as what normalize_total and log1p make of it, to the
/// same bits; what is stored stays as it is.
template <class S>
class Log1pRows : public TransformedRows<S, detail::DivideAndLog1p> {
 public:
  /// @param factors  (cells) what each cell's values are divided by (NormalizedTotal); 0: nothing
  /// @param type     that is computed in and read: float32 or float64 (see with_value_type)
  /// @param library_log1p  see NormalizeToLog1pOptions
  /// @throws ShapeError if there is not one factor per row
  Log1pRows(S counts, std::vector<double> factors, DType type, bool library_log1p = false)
      : TransformedRows<S, detail::DivideAndLog1p>(std::move(counts),
                                                   {std::move(factors), library_log1p}, type) {
    check_size_match("Log1pRows", "factors", this->f().factors.size(), "rows", this->rows());
  }
};

/// What log1p makes of X that is apart from adata, to the same bits, and records it in adata.
/// @throws ConfigError as log1p of an AnnData
template <class S>
requires RowSource<S, float> TransformedRows<S, detail::Log1p> log1p_rows(AnnData& adata, S X) {
  detail::check_not_log1p("log1p", adata);
  detail::check_not_negative("log1p", X, &adata);
  declare_scale(adata, Scale::log1p);
  const DType type = value_type(X);
  return {std::move(X), {}, type};
}

VCELL_END_NAMESPACE
