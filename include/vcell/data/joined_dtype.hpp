#pragma once

#include <algorithm>

#include "vcell/data/dtype.hpp"

VCELL_BEGIN_NAMESPACE

/// The dtype that numbers of two dtypes are kept in together, as numpy promotes them: the wider one
/// of a kind; of signed and unsigned whole numbers a signed one that holds both (with uint64:
/// float64); of whole and floating numbers one whose digits hold the whole ones up to 32 bits, so
/// int32 and float32 are float64. bfloat16 beside another floating type is float32.
inline DType joined_dtype(DType a, DType b) {
  const auto rank = [](DType d) -> size_t {  // log2 of the bytes of a whole number
    switch (d) {
      case DType::u8:
      case DType::i8:
        return 0;
      case DType::u16:
      case DType::i16:
        return 1;
      case DType::u32:
      case DType::i32:
        return 2;
      default:
        return 3;
    }
  };
  const auto is_signed = [](DType d) {
    return d == DType::i8 || d == DType::i16 || d == DType::i32 || d == DType::i64;
  };
  if (a == b) return a;
  if (a > b) std::swap(a, b);
  if (a == DType::boolean) return b;
  if (a >= DType::f16) {
    if (b == DType::f64) return b;
    return DType::f32;  // halves of two kinds, or one beside float
  }
  if (b >= DType::f16) {
    constexpr DType least[] = {DType::f16, DType::f32, DType::f64, DType::f64};
    const DType needed = least[rank(a)];
    if (b == DType::bf16) return needed == DType::f64 ? DType::f64 : DType::f32;
    return std::max(needed, b);
  }
  constexpr DType whole[] = {DType::i8, DType::i16, DType::i32, DType::i64};
  if (is_signed(a) == is_signed(b)) return rank(a) > rank(b) ? a : b;
  const DType with_sign = is_signed(a) ? a : b, without = is_signed(a) ? b : a;
  const size_t needed = std::max(rank(with_sign), rank(without) + 1);
  return needed > 3 ? DType::f64 : whole[needed];
}

VCELL_END_NAMESPACE
