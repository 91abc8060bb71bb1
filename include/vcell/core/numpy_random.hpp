#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "vcell/core/check.hpp"
#include "vcell/core/wide_product.hpp"

VCELL_BEGIN_NAMESPACE

/// numpy.random.SeedSequence(seed).generate_state(words): words that are spread evenly whatever the
/// seed is, such as the seeds of several generators (M. E. O'Neill's seed_seq_fe with a pool of
/// four words; numpy NEP 19).
template <class = void>
std::vector<uint32_t> numpy_seed_states(uint64_t seed, size_t words) {
  constexpr size_t n = 4;
  const std::array<uint32_t, n> entropy = {uint32_t(seed), uint32_t(seed >> 32), 0, 0};
  const auto fold = [](uint32_t x) { return x ^ x >> 16; };
  uint32_t constant = 0x43b0d7e5;
  const auto hash = [&](uint32_t x) {
    x ^= constant;
    constant *= 0x931e8875;
    return fold(x * constant);
  };
  std::array<uint32_t, n> pool;
  for (size_t i = 0; i < n; ++i) pool[i] = hash(entropy[i]);
  for (size_t from = 0; from < n; ++from)
    for (size_t to = 0; to < n; ++to)
      if (from != to) pool[to] = fold(0xca01f9dd * pool[to] - 0x4973f715 * hash(pool[from]));

  std::vector<uint32_t> out(words);
  constant = 0x8b51f9dd;
  for (size_t i = 0; i < words; ++i) {
    const uint32_t x = pool[i % n] ^ constant;
    constant *= 0x58f38ded;
    out[i] = fold(x * constant);
  }
  return out;
}

/// The draws of numpy.random.default_rng(seed), for what has to be drawn as a program in Python
/// draws it; everything else takes Rng. The generator is PCG64 (O'Neill 2014, "PCG: A family of
/// simple fast space-efficient statistically good algorithms for random number generation":
/// XSL-RR 128/64), seeded by numpy_seed_states.
class NumpyRandom {
 public:
  template <class = void>
  explicit NumpyRandom(uint64_t seed) {
    const auto words = numpy_seed_states(seed, 8);
    const auto word = [&](size_t i) { return uint64_t(words[2 * i + 1]) << 32 | words[2 * i]; };
    increment_ = {word(2) << 1 | word(3) >> 63, word(3) << 1 | 1};
    step();
    add({word(0), word(1)});
    step();
  }

  /// 64 random bits.
  uint64_t next() {
    step();
    return std::rotr(state_.high ^ state_.low, int(state_.high >> 58));
  }

  /// 32 random bits: the lower half of a draw, and at the next call its upper half.
  uint32_t next32() {
    if (has_half_) {
      has_half_ = false;
      return half_;
    }
    const uint64_t bits = next();
    has_half_ = true;
    half_ = uint32_t(bits >> 32);
    return uint32_t(bits);
  }

  /// Generator.integers(low, high), a whole number in low .. high - 1.
  /// @throws ConfigError if high is not above low
  template <class = void>
  int64_t integer(int64_t low, int64_t high) {
    check_range(low, high);
    return int64_t(uint64_t(low) + up_to(uint64_t(high) - uint64_t(low) - 1));
  }

  /// Generator.integers(low, high, size=n).
  /// @throws ConfigError if high is not above low
  template <class = void>
  std::vector<int64_t> integers(int64_t low, int64_t high, size_t n) {
    check_range(low, high);
    std::vector<int64_t> out(n);
    for (int64_t& x : out) x = integer(low, high);
    return out;
  }

  /// Generator.permutation(n): 0 .. n - 1 in random order.
  template <class = void>
  std::vector<size_t> permutation(size_t n) {
    std::vector<size_t> out(n);
    std::iota(out.begin(), out.end(), size_t(0));
    for (size_t i = n; i-- > 1;) std::swap(out[i], out[size_t(masked(i))]);
    return out;
  }

 private:
  template <class = void>
  static void check_range(int64_t low, int64_t high) {
    if (high <= low)
      detail::fail<ConfigError>("NumpyRandom::integers: high is ", high,
                                ", expected a number above low, ", low);
  }

  /// A number in 0 .. most, without bias (Lemire 2019, arXiv:1805.10941): of one half of a draw
  /// where that is enough.
  template <class = void>
  uint64_t up_to(uint64_t most) {
    if (most == 0) return 0;
    if (most == UINT32_MAX) return next32();
    if (most == UINT64_MAX) return next();
    const uint64_t n = most + 1;
    if (most < UINT32_MAX) {
      const auto bits = uint32_t(0 - n) % uint32_t(n);  // 2^32 mod n
      uint64_t product = next32() * n;
      while (uint32_t(product) < bits) product = next32() * n;
      return product >> 32;
    }
    WideNumber product = wide_product(next(), n);
    while (product.low < (0 - n) % n) product = wide_product(next(), n);
    return product.high;
  }

  /// A number in 0 .. most, without bias, by drawing as many bits as it has until they are no more
  /// than it: what numpy shuffles by.
  template <class = void>
  uint64_t masked(uint64_t most) {
    const uint64_t mask = std::bit_ceil(most + 1) - 1;
    uint64_t x = 0;
    do x = (most <= UINT32_MAX ? next32() : next()) & mask;
    while (x > most);
    return x;
  }

  void add(WideNumber x) {
    state_.low += x.low;
    state_.high += x.high + (state_.low < x.low);
  }
  void step() {
    constexpr uint64_t high = 2549297995355413924u, low = 4865540595714422341u;
    const uint64_t more = state_.high * low + state_.low * high;
    state_ = wide_product(state_.low, low);
    state_.high += more;
    add(increment_);
  }

  WideNumber state_, increment_;
  uint32_t half_ = 0;
  bool has_half_ = false;
};

VCELL_END_NAMESPACE
