#pragma once

#include <cstddef>
#include <cstdint>
#include <numbers>
#include <numeric>
#include <string_view>
#include <utility>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/philox.hpp"
#include "vcell/core/wide_product.hpp"

VCELL_BEGIN_NAMESPACE

/// A stream number from the name of a purpose ("dropout", "split"), so that purposes never share
/// random numbers by accident (FNV-1a, 64 bit).
constexpr uint64_t stream_of(std::string_view purpose) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : purpose) hash = (hash ^ uint8_t(c)) * 0x100000001b3u;
  return hash;
}

/// Random numbers as a function of (seed, stream, counter): the state is one counter that can be
/// saved and sought, and the same bits come out on every platform. Draws are our own and not the
/// standard library's distributions, whose results differ between implementations.
class Rng {
 public:
  explicit Rng(uint64_t seed, uint64_t stream = 0) : seed_(seed), stream_(stream) {}

  /// 64 random bits.
  uint64_t next() {
    const auto bits = philox(seed_, {counter_++, stream_});
    return uint64_t(bits[1]) << 32 | bits[0];
  }
  /// In [0, 1), a multiple of 2^-53.
  double uniform() { return double(next() >> 11) * 0x1p-53; }
  /// Standard normal (Box & Muller 1958). One draw a number: no second value is kept, so the
  /// counter is the whole state. The last digit is the platform's, whose log and cos it takes.
  double normal() {
    const auto bits = philox(seed_, {counter_++, stream_});
    const double u = (double(uint64_t(bits[1]) << 32 | bits[0]) + 1) * 0x1p-64;  // (0, 1]
    const double v = double(uint64_t(bits[3]) << 32 | bits[2]) * 0x1p-64;
    return std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v);
  }
  /// A whole number in 0 .. n - 1, without bias (Lemire 2019, arXiv:1805.10941). n must be above 0.
  uint64_t below(uint64_t n) {
    for (;;) {
      const auto [high, low] = wide_product(next(), n);
      if (low >= n || low >= (0 - n) % n) return high;
    }
  }

  /// Draws so far: the whole state beside seed and stream.
  uint64_t counter() const { return counter_; }
  void seek(uint64_t counter) { counter_ = counter; }

 private:
  uint64_t seed_, stream_, counter_ = 0;
};

/// Puts a random-access range into random order (Fisher-Yates from the end).
template <class It>
void shuffle(It first, It last, Rng& rng) {
  for (auto n = last - first; n > 1; --n) {
    using std::swap;
    swap(first[n - 1], first[std::ptrdiff_t(rng.below(uint64_t(n)))]);
  }
}

/// 0 .. n - 1 in random order.
inline std::vector<size_t> permutation(size_t n, Rng& rng) {
  std::vector<size_t> order(n);
  std::iota(order.begin(), order.end(), size_t(0));
  shuffle(order.begin(), order.end(), rng);
  return order;
}

VCELL_END_NAMESPACE
