#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "vcell/kernels/differences.hpp"
#include "vcell/kernels/matrix_view.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// Two points are near where their squared distance is below this share of the sum of those from
/// their centres, which bounds its error: from the Gram matrix it has lost more than a digit.
constexpr double near_share = 0.1;

/// Of a set.
constexpr size_t most_centres = 8;

/// Points in a few tight clusters are near to others and far from their mean, the centre that a set
/// has otherwise. Here some points become centres too, so that nearly all have one close by. They
/// are found by comparing points that are drawn, the same ones always: few, and more once some are
/// near. Where a cluster is missed its near pairs are taken one by one: only time is lost.
///
/// @param first      number of the mean of the set; those of its other centres follow
/// @param centres    by number; in: the mean
/// @param centre_of  (n) number of the closest centre
/// @param memory     (2, n)
/// @return how many centres the set has
/// 240 D flops at most where no points are near; else 3 n D more for the mean and each of at most 7
/// points that are tried, and 480 D for each that is taken.
template <class T>
size_t find_centres(MatrixView<const T> set, size_t first, const T** centres, uint32_t* centre_of,
                    MatrixView<T> memory) {
  const size_t n = set.rows;
  std::fill_n(centre_of, n, uint32_t(first));
  T *own = memory.row(0), *found = memory.row(1);  // squared distances from centres
  const auto squares_from = [&](const T* centre, T* to) {
    for (size_t i = 0; i < n; i += 4) {
      const auto row = [&](size_t a) { return set.row(std::min(i + a, n - 1)); };
      T four[4][1];
      Differences<T, 1>{set.columns, {row(0), row(1), row(2), row(3)}, {centre}}.squares(four);
      for (size_t a = 0; a < 4 && i + a < n; ++a) to[i + a] = four[a][0];
    }
  };
  uint64_t state = 0;  // Knuth's linear congruential generator, MMIX
  const auto draw = [&] {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return size_t((state >> 32) * n >> 32);
  };
  size_t count = 1, offers = 0;
  // With fewer than 48 points near pairs cost less than this does.
  for (size_t blocks = std::min<size_t>(4, n / 48), k = 0; k < blocks; ++k) {
    const size_t i[4] = {draw(), draw(), draw(), draw()}, j[4] = {draw(), draw(), draw(), draw()};
    T squares[4][5];
    Differences<T, 5>{set.columns,
                      {set.row(i[0]), set.row(i[1]), set.row(i[2]), set.row(i[3])},
                      {set.row(j[0]), set.row(j[1]), set.row(j[2]), set.row(j[3]), centres[first]}}
        .squares(squares);
    if (offers == 0)
      for (size_t a = 0; a < 4; ++a) own[i[a]] = squares[a][4];
    for (size_t b = 0; b < 4 && offers + 1 < most_centres; ++b) {
      bool any_near = false;  // where they are, both have about the same distance from their centre
      for (size_t a = 0; a < 4; ++a)
        any_near |= i[a] != j[b] && squares[a][b] < T(2 * near_share) * own[i[a]];
      if (!any_near) continue;
      if (offers++ == 0) squares_from(centres[first], own);
      squares_from(set.row(j[b]), found);
      size_t closer = 0;
      for (size_t r = 0; r < n; ++r) closer += found[r] < own[r];
      if (closer * closer < n) continue;  // few near pairs: they cost less than a centre does
      for (size_t r = 0; r < n; ++r)
        if (found[r] < own[r]) {
          own[r] = found[r];
          centre_of[r] = uint32_t(first + count);
        }
      centres[first + count++] = set.row(j[b]);
      blocks = k + 9;
    }
  }
  return count;
}

}  // namespace kernel
VCELL_END_NAMESPACE
