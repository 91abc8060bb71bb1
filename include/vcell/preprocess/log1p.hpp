#pragma once

#include "vcell/preprocess/log1p_values.hpp"
#include "vcell/preprocess/normalize_total.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

template <class = void>
void log1p(Matrix& X, const AnnData* names, const Progress& progress = {}) {
  check_not_negative("log1p", watched_matrix(X, progress), names);
  with_value_type<void>(X, [&]<class T>() {
    transform_rows<T>(
        X, [](size_t, std::span<T> values) { log1p_values(values); }, progress);
  });
}

}  // namespace detail

/// X = log(1 + X), natural, in float or double (see with_value_type), as `scanpy.pp.log1p`; in
/// float to a relative error of 2e-7.
/// @param X  (cells, genes); changed in place
/// @throws ConfigError if a value is negative or not finite
template <class = void>
void log1p(Matrix& X) {
  detail::log1p(X, nullptr);
}

/// The same for X of adata, and records it in uns['log1p'].
/// @throws ConfigError also if there is no X or uns['log1p'] says that it was done already
template <class = void>
void log1p(AnnData& adata) {
  Matrix& X = detail::matrix_of("log1p", adata);
  detail::check_not_log1p("log1p", adata);
  detail::log1p(X, &adata);
  declare_scale(adata, Scale::log1p);
}

VCELL_END_NAMESPACE
