#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vcell/core/check.hpp"
#include "vcell/core/cmath.hpp"
#include "vcell/core/rng.hpp"

VCELL_BEGIN_NAMESPACE

/// Names that were drawn for two parts, each list sorted.
struct DrawnNames {
  std::vector<std::string> test, validation;
};

namespace detail {

/// So many of `total` for each stratum, as its size is of all, whole numbers by largest remainders;
/// never more than there is room for.
template <class = void>
std::vector<size_t> shares(size_t total, std::span<const size_t> sizes,
                           std::span<const size_t> room) {
  const double n = double(std::accumulate(sizes.begin(), sizes.end(), size_t(0)));
  std::vector<size_t> out(sizes.size()), order(sizes.size());
  std::vector<double> rest(sizes.size());
  size_t given = 0;
  if (total == 0) return out;
  for (size_t s = 0; s < sizes.size(); ++s) {
    const double share = double(total) * double(sizes[s]) / n;
    out[s] = std::min(room[s], size_t(std::floor(share + 1e-9)));
    rest[s] = share - double(out[s]);
    given += out[s];
  }
  std::iota(order.begin(), order.end(), size_t(0));
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return rest[a] > rest[b]; });
  for (size_t i = 0; given < total; i = (i + 1) % order.size())
    if (out[order[i]] < room[order[i]]) ++out[order[i]], ++given;
  return out;
}

}  // namespace detail

/// Draws `test` names and, of the others, `validation` names, each as likely as any other.
///
/// With effects they are drawn evenly from weak to strong: the names are put in the order of their
/// effects (NaN first, ties by name) and cut into at most `strata` strata of like size, of ten
/// names at least, and every stratum gives its share.
///
/// @param names    sorted
/// @param effects  (names) how strong each is; empty: not told apart
/// @param purpose  draws for another one are independent
/// @throws ConfigError if more are wanted than there are names, or strata is 0
/// @throws ShapeError  if there is not one effect for every name
template <class = void>
DrawnNames draw_names(const std::vector<std::string>& names, size_t test, size_t validation,
                      uint64_t seed, std::string_view purpose, std::span<const double> effects = {},
                      size_t strata = 5) {
  if (test > names.size() || validation > names.size() - test)
    throw ConfigError(message("draw_names: ", test, " and ", validation, " of ", names.size(),
                              " names, expected no more than there are"));
  check_positive("draw_names", "strata", strata);
  if (!effects.empty())
    check_size_match("draw_names", "effects", effects.size(), "names", names.size());
  std::vector<size_t> order(names.size());
  std::iota(order.begin(), order.end(), size_t(0));
  if (!effects.empty())
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      if (std::isnan(effects[a]) || std::isnan(effects[b]))
        return std::isnan(effects[a]) && !std::isnan(effects[b]);
      return effects[a] < effects[b];
    });
  const size_t n = effects.empty() ? 1 : std::clamp<size_t>(names.size() / 10, 1, strata);
  std::vector<size_t> begin(n + 1), sizes(n);
  for (size_t s = 0; s <= n; ++s) begin[s] = names.size() * s / n;
  for (size_t s = 0; s < n; ++s) sizes[s] = begin[s + 1] - begin[s];
  const auto tests = detail::shares(test, sizes, sizes);
  std::vector<size_t> room(n);
  for (size_t s = 0; s < n; ++s) room[s] = sizes[s] - tests[s];
  const auto validations = detail::shares(validation, sizes, room);
  DrawnNames out;
  Rng rng(seed, stream_of(purpose));
  for (size_t s = 0; s < n; ++s) {
    const auto first = order.begin() + std::ptrdiff_t(begin[s]);
    shuffle(first, order.begin() + std::ptrdiff_t(begin[s + 1]), rng);
    for (size_t i = 0; i < tests[s] + validations[s]; ++i)
      (i < tests[s] ? out.test : out.validation).push_back(names[first[std::ptrdiff_t(i)]]);
  }
  std::sort(out.test.begin(), out.test.end());
  std::sort(out.validation.begin(), out.validation.end());
  return out;
}

VCELL_END_NAMESPACE
