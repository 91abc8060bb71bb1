#pragma once

#include <utility>
#include <variant>

#include "vcell/data/matrix.hpp"

VCELL_BEGIN_NAMESPACE

/// Calls `f.operator()<T>()` with the type in which a matrix holds its values, float or double, so
/// that what is computed from them is rounded no sooner than they are. A matrix that is read from
/// its file in row blocks has an overload of its own.
template <class F>
decltype(auto) with_value_type(const Matrix& m, F&& f) {
  return std::visit(
      [&]<class M>(const M&) -> decltype(auto) {
        return std::forward<F>(f).template operator()<typename decltype(M::values)::value_type>();
      },
      m);
}

VCELL_END_NAMESPACE
