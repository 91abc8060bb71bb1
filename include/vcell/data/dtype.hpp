#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "vcell/core/bfloat16.hpp"
#include "vcell/core/error.hpp"
#include "vcell/data/half.hpp"

VCELL_BEGIN_NAMESPACE

/// The kinds of numbers that files hold.
enum class DType : uint8_t { boolean, u8, i8, u16, i16, u32, i32, u64, i64, f16, bf16, f32, f64 };

/// The DType of a C++ type.
template <class T>
constexpr DType dtype_of() {
  if constexpr (std::is_same_v<T, bool>)
    return DType::boolean;
  else if constexpr (std::is_same_v<T, half>)
    return DType::f16;
  else if constexpr (std::is_same_v<T, bfloat16>)
    return DType::bf16;
  else if constexpr (std::is_same_v<T, float>)
    return DType::f32;
  else if constexpr (std::is_same_v<T, double>)
    return DType::f64;
  else {
    static_assert(std::is_integral_v<T>, "no DType for this type");
    constexpr bool is_signed = std::is_signed_v<T>;
    if constexpr (sizeof(T) == 1)
      return is_signed ? DType::i8 : DType::u8;
    else if constexpr (sizeof(T) == 2)
      return is_signed ? DType::i16 : DType::u16;
    else if constexpr (sizeof(T) == 4)
      return is_signed ? DType::i32 : DType::u32;
    else
      return is_signed ? DType::i64 : DType::u64;
  }
}

/// Calls `f.operator()<T>()` with the C++ type in which numbers of a DType are kept, and returns
/// what it returns, an R: uint8_t for truth values. (R is said, since to deduce it the bodies of
/// all types would have to be compiled wherever a call is only read.)
template <class R = void, class F>
R visit_storage(DType dtype, F&& f) {
  switch (dtype) {
    case DType::boolean:
    case DType::u8:
      return f.template operator()<uint8_t>();
    case DType::i8:
      return f.template operator()<int8_t>();
    case DType::u16:
      return f.template operator()<uint16_t>();
    case DType::i16:
      return f.template operator()<int16_t>();
    case DType::u32:
      return f.template operator()<uint32_t>();
    case DType::i32:
      return f.template operator()<int32_t>();
    case DType::u64:
      return f.template operator()<uint64_t>();
    case DType::i64:
      return f.template operator()<int64_t>();
    case DType::f16:
      return f.template operator()<half>();
    case DType::bf16:
      return f.template operator()<bfloat16>();
    case DType::f32:
      return f.template operator()<float>();
    case DType::f64:
      break;
  }
  return f.template operator()<double>();
}

/// Bytes of one element.
template <class = void>
size_t size_of(DType dtype) {
  // [&]: of [] nvcc would make a pointer to a function, and warn that nothing tells what T is.
  return visit_storage<size_t>(dtype, [&]<class T>() { return sizeof(T); });
}

/// numpy's name, e.g. "float32".
template <class = void>
std::string_view name_of(DType dtype) {
  constexpr std::string_view names[] = {"bool",     "uint8",   "int8",   "uint16", "int16",
                                        "uint32",   "int32",   "uint64", "int64",  "float16",
                                        "bfloat16", "float32", "float64"};
  return names[size_t(dtype)];
}

namespace detail {
template <class T, class... Of>
constexpr bool is_one_of_v = (std::is_same_v<T, Of> || ...);
}  // namespace detail

/// Whether numbers of some DType are kept as T.
template <class T>
constexpr bool is_storage_v =
    detail::is_one_of_v<T, uint8_t, int8_t, uint16_t, int16_t, uint32_t, int32_t, uint64_t, int64_t,
                        half, bfloat16, float, double>;

VCELL_END_NAMESPACE
