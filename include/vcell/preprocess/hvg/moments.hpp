#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/rounded.hpp"
#include "vcell/kernels/exponential.hpp"
#include "vcell/preprocess/per_gene.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// exp(x) - 1 in plain arithmetic, so that a loop over it vectorises; a relative error of 1.4e-7 at
/// most, also near 0, and none in the mean. As kernel::exponential, x = n ln 2 + r, and then
/// 2^n (e^r - 1) + (2^n - 1), where nothing cancels for x from 0.
VCELL_IN_LOOPS float count_of_log1p(float x) {
  using N = kernel::detail::ExponentialNumbers<float>;
  constexpr float to_integer = 0x1.8p23F,
                  log2_e = 0x1.715476p0F;  // to_integer rounds what it meets
  x = N::highest < x ? N::highest : x;     // in this order not-a-number passes
  x = N::lowest > x ? N::lowest : x;
  const float shifted = x * log2_e + to_integer, n = shifted - to_integer;
  const float r = (x - n * N::high) - n * N::low;
  float q = 1.0F / 5040;  // (e^r - 1) / r, a Taylor polynomial
  for (const float c : {1.0F / 720, 1.0F / 120, 1.0F / 24, 1.0F / 6, 1.0F / 2, 1.0F}) q = q * r + c;
  const uint32_t whole = std::bit_cast<uint32_t>(shifted) - std::bit_cast<uint32_t>(to_integer);
  const uint32_t half = ((whole + 4096) >> 1) - 2048;
  const auto power = [](uint32_t exponent) { return std::bit_cast<float>((exponent + 127) << 23); };
  const float scale = power(half) * power(whole - half);
  return scale * (r * q) + (scale - 1);
}
inline double count_of_log1p(double x) { return std::expm1(x); }

struct SumsOfPowers {
  double sum = 0, squares = 0;
};

/// Adds x and x^2 to a gene's sums, each rounded to the type of x; or so exp(x) - 1.
struct AddPowers {
  bool of_log1p = false;

  template <class T>
  void operator()(std::span<const int32_t> genes, std::span<const T> values,
                  SumsOfPowers* sums) const {
    constexpr size_t step = 256;
    std::array<T, step> counts;
    for (size_t start = 0; start < genes.size(); start += step) {
      const size_t n = std::min(step, genes.size() - start);
      const T* xs = values.data() + start;
      if (of_log1p) {
        for (size_t k = 0; k < n; ++k) counts[k] = count_of_log1p(xs[k]);
        xs = counts.data();
      }
      for (size_t k = 0; k < n; ++k) {
        SumsOfPowers& of_gene = sums[size_t(genes[start + k])];
        const T square = xs[k] * xs[k];
        of_gene.sum += double(xs[k]);
        of_gene.squares += rounded(double(square));
      }
    }
  }
};

/// Sums of all genes, apart for each group of cells; it shares a pass with other accumulators.
using GenePowers = PerGene<SumsOfPowers, AddPowers>;

/// Of all genes over the cells of a group.
struct GeneMoments {
  std::vector<double> means, variances;  ///< variances with n - 1
};

/// @param what  that is wrong with a gene's values if these are no finite moments of numbers from 0
/// @throws ConfigError if they are not
template <class = void>
VCELL_NOT_INLINE GeneMoments moments_of(const GenePowers& powers, size_t group, const char* what) {
  GeneMoments out;
  const double cells = double(powers.cells_in(group));
  for (const SumsOfPowers& of_gene : powers.of_group(group)) {
    const double mean = of_gene.sum / cells;
    const double variance = (of_gene.squares / cells - mean * mean) * (cells / (cells - 1));
    if (!std::isfinite(variance) || mean < 0)
      throw ConfigError(message("highly_variable_genes: gene number ", out.means.size(),
                                " (from 0) has values ", what));
    out.means.push_back(mean);
    out.variances.push_back(variance);
  }
  return out;
}

}  // namespace detail
VCELL_END_NAMESPACE
