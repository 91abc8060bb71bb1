#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "vcell/core/device.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {
namespace detail {

template <class T>
struct ExponentialNumbers;

template <>
struct ExponentialNumbers<float> {
  using Bits = uint32_t;
  static constexpr float lowest = -110, highest = 89;                 // 0 and infinity from here on
  static constexpr float high = 0x1.62e4p-1f, low = 0x1.7f7d1cp-20f;  // ln 2
  static constexpr int mantissa_bits = 23, exponent_bias = 127;
  static constexpr size_t degree = 7;  // of the polynomial
};

template <>
struct ExponentialNumbers<double> {
  using Bits = uint64_t;
  static constexpr double lowest = -760, highest = 710;
  static constexpr double high = 0x1.62e42fefa0000p-1, low = 0x1.cf79abc9e3b3ap-40;
  static constexpr int mantissa_bits = 52, exponent_bias = 1023;
  static constexpr size_t degree = 13;
};

template <class T>
constexpr T factorial(size_t n) {
  return n ? T(n) * factorial<T>(n - 1) : T(1);
}

template <class T, size_t k>
constexpr T inverse_factorial = T(1) / factorial<T>(k);

/// sum_k r^k / k! for k = 0 .. degree, the highest first (Horner).
template <class T, size_t... k>
VCELL_IN_LOOPS T exponential_polynomial(T r, std::index_sequence<k...>) {
  constexpr size_t degree = sizeof...(k);
  T p = inverse_factorial<T, degree>;
  ((p = p * r + inverse_factorial<T, degree - 1 - k>), ...);
  return p;
}

}  // namespace detail

/// e^x in plain arithmetic, without a call or a branch, so that a loop over it vectorises on every
/// processor (the C library's does not). At most 2 units in the last place from the true value; 0
/// for -infinity, infinity where e^x overflows, and not-a-number stays so. Float and double.
///
/// x = n ln 2 + r with |r| <= ln 2 / 2: e^x = 2^n e^r, where e^r is a Taylor polynomial whose
/// remainder is far below the rounding, and 2^n is applied in two halves so that results below the
/// normal range are rounded and not lost. ln 2 is cut in two (Cody & Waite, 1980) to keep r exact.
template <class T>
VCELL_IN_LOOPS T exponential(T x) {
#if defined(__clang__)
#pragma clang fp reassociate(off)  // clang++ does not tell of -fassociative-math: strict_math.hpp
#endif
  using N = detail::ExponentialNumbers<T>;
  using Bits = typename N::Bits;
  constexpr T to_integer =
      T(Bits(3) << (N::mantissa_bits - 1));     // adding it rounds to a whole number
  constexpr T log2_e = T(0x1.71547652b82fep0);  // 1 / ln 2
  x = N::highest < x ? N::highest : x;          // in this order not-a-number passes
  x = N::lowest > x ? N::lowest : x;
  const T shifted = x * log2_e + to_integer, n = shifted - to_integer;
  const T r = (x - n * N::high) - n * N::low;
  const T p = detail::exponential_polynomial(r, std::make_index_sequence<N::degree>());
  // Unsigned: not-a-number leaves nonsense in the bits, which must wrap quietly.
  const Bits whole = std::bit_cast<Bits>(shifted) - std::bit_cast<Bits>(to_integer);
  const Bits half = ((whole + 4096) >> 1) - 2048;  // a shift without sign: every vector unit has it
  const auto power = [](Bits exponent) {
    return std::bit_cast<T>((exponent + N::exponent_bias) << N::mantissa_bits);
  };
  return p * power(half) * power(whole - half);
}

}  // namespace kernel
VCELL_END_NAMESPACE
