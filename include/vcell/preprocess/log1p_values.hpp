#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <type_traits>

#include "vcell/core/abi.hpp"
#include "vcell/core/cmath.hpp"
#include "vcell/core/instantiate.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// log(1 + x) for x > -1 below 2^127, to a relative error of 2e-7, without branches or calls, so
/// that compilers take several values at once. With 1 + x = 2^e (1 + m), where m lies in -0.25 ..
/// 0.5:
///
///   log(1 + x) = e log(2) + log(1 + m),   log(1 + m) = m + m^2 P(m)
///
/// For small x, e is 0 and m is x itself, so that no digit is lost; -0 stays -0. P has the least
/// greatest relative error of its degree on that interval (found by reweighted least squares).
inline float finite_log1p(float x) {
  // 2^e moved into the place of the exponent: 1 + x is compared with 0.75, the least of 1 + m.
  const uint32_t exponent = (std::bit_cast<uint32_t>(1.f + x) - 0x3f400000u) & 0xff800000u;
  const float shrink = std::bit_cast<float>(0x3f800000u - exponent);  // 2^-e
  // x 2^-e + (2^-e - 1), in this form because 0 - (-0) would be 0
  const float m = std::bit_cast<float>(std::bit_cast<uint32_t>(x) - exponent) - (1.f - shrink);
  float p = 0.0541324727f;
  p = p * m - 0.120673671f;
  p = p * m + 0.149839163f;
  p = p * m - 0.16822812f;
  p = p * m + 0.199770778f;
  p = p * m - 0.24993442f;
  p = p * m + 0.333335489f;
  p = p * m - 0.500000596f;
  constexpr float log_2 = 0.69314718f * 0x1p-23f;  // of a unit in the place of the exponent
  return p * (m * m) + m - float(int32_t(0u - exponent)) * log_2;
}

/// Sets every value x to log(1 + x / by) by the standard library, to its last digit.
template <class T>
void library_log1p_values(std::span<T> values, T by) {
  for (T& x : values) x = std::log1p(x / by);
}

/// Sets every value x to log(1 + x / by), natural: the quotient is rounded to T first. The bytes
/// depend on x and `by` alone, not on the place of x.
///
/// In double this is the standard library's function. In float it is finite_log1p, at 20 times
/// the pace of the standard library's with AVX-512 and 10 times with AVX2; values that it does not
/// take, such as infinity and not-a-number, are left to that one.
template <class T>
void log1p_values(std::span<T> values, T by = T(1)) {
  if constexpr (std::is_same_v<T, float>) {
    // Loops of a fixed length, which compilers vectorise at -O2. A rest is padded: it takes the
    // same instructions as all else.
    constexpr size_t step = 64;
    float padded[step], quotients[step];
    for (size_t k = 0; k < values.size(); k += step) {
      const size_t size = std::min(step, values.size() - k);
      float* at = values.data() + k;
      if (size < step) {
        std::fill(std::copy_n(at, size, padded), padded + step, 0.f);
        at = padded;
      }
      uint32_t any = 0;
      for (size_t i = 0; i < step; ++i) {
        const float x = at[i] / by;
        quotients[i] = x;
        at[i] = finite_log1p(x);
        any |= uint32_t(std::bit_cast<uint32_t>(x) >= 0x7f000000u);  // below 0, or 2^127 and more
      }
      if (any) [[unlikely]]
        for (size_t i = 0; i < size; ++i)
          if (const float x = quotients[i]; !(x > -1 && x < 0x1p127f)) at[i] = std::log1p(x);
      if (size < step) std::copy_n(padded, size, values.data() + k);
    }
  } else {
    library_log1p_values(values, by);
  }
}

}  // namespace detail

VCELL_INSTANTIATE(data, void detail::log1p_values<float>(std::span<float>, float));

VCELL_END_NAMESPACE
