#pragma once

#include <utility>
#include <vector>

#include "vcell/data/numbers.hpp"

VCELL_BEGIN_NAMESPACE

/// Calls `f.operator()<T>()` with the widest type of a dtype's kind (double for float64, float for
/// shorter ones, uint64_t for uint64, else int64_t) and returns what it returns, an R: four bodies
/// instead of one for each dtype.
template <class R = void, class F>
R visit_wide(DType dtype, F&& f) {
  if (dtype == DType::f64) return f.template operator()<double>();
  if (dtype >= DType::f16) return f.template operator()<float>();
  if (dtype == DType::u64) return f.template operator()<uint64_t>();
  return f.template operator()<int64_t>();
}

/// Numbers of visit_wide's type as ones of the dtype; halves become float32.
/// @throws FormatError if the dtype cannot hold one of them
template <class T>
Numbers narrowed(std::vector<T> values, DType dtype) {
  if (dtype == DType::f16 || dtype == DType::bf16) dtype = DType::f32;
  if (dtype == dtype_of<T>()) return values;
  if constexpr (std::is_integral_v<T>) {
    const Numbers wide(std::move(values));
    if (dtype == DType::boolean) return Numbers::truths(wide.as<uint8_t>());
    if (dtype == DType::u8) return wide.as<uint8_t>();
    if (dtype == DType::i8) return wide.as<int8_t>();
    if (dtype == DType::u16) return wide.as<uint16_t>();
    if (dtype == DType::i16) return wide.as<int16_t>();
    if (dtype == DType::u32) return wide.as<uint32_t>();
    if (dtype == DType::i32) return wide.as<int32_t>();
  }
  detail::fail<FormatError>("narrowed: numbers of ", name_of(dtype_of<T>()), " to ",
                            name_of(dtype));
}

VCELL_END_NAMESPACE
