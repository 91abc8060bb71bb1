#pragma once

#include <algorithm>
#include <limits>

#include "vcell/core/abi.hpp"
#include "vcell/core/cmath.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel::detail {

/// How products are cut into tiles of C: by what is multiplied alone, so that every number of
/// threads does the same arithmetic. There are at least `enough` tiles for many threads as long as
/// each keeps the work that is worth a thread's while, `least`; of the ways to cut, the one that
/// costs a library the least: it packs the rows of A anew for every column of tiles and the columns
/// of B for every row of them.
struct Tiles {
  size_t rows, columns;  ///< of a tile; the last ones may be smaller
  size_t down, across;   ///< tiles of a product

  /// Elements of panels that a thread keeps of a product (gemm_panels.hpp).
  static constexpr size_t most_panel = size_t(1) << 19;

  /// @param width     columns of op(B) behind a column of C: 2 for a gate
  /// @param copies_b  op(B) is copied into panels before the library reads it
  Tiles(size_t m, size_t n, size_t k, size_t batch = 1, size_t width = 1, bool copies_b = false)
      : rows(m), columns(n), down(1), across(1) {
    if (m == 0 || n == 0 || batch == 0) return;
    constexpr double least = 4e6, most = 512e6;  // flops in a tile
    constexpr double enough = 64;
    constexpr double most_elements = 1 << 17;  // what an epilogue still finds in the cache
    const double elements = double(m) * double(n) * double(width), flops = 2 * elements * double(k);
    const double wanted =
        std::max({std::min(std::ceil(enough / double(batch)), std::floor(flops / least)),
                  std::ceil(flops / most), std::ceil(elements / most_elements)});
    // A library works on some rows and columns at a time, and loses what it has to fill up.
    constexpr size_t row_unit = 8, column_unit = 16;
    const size_t most_down = up(m, 2 * row_unit), most_across = up(n, column_unit);
    const size_t want = size_t(std::min(wanted, double(most_down) * double(most_across)));
    // In multiplications that a packed element costs, as measured with oneDNN.
    constexpr double pack_a = 4, pack_b = 2, copy_b = 22;
    double best = std::numeric_limits<double>::infinity();
    for (size_t p = 1, d = 0; p <= most_down && (p == 1 || d < want); ++p) {
      const size_t r = std::min(m, up(up(m, p), row_unit) * row_unit);
      d = up(m, r);
      const size_t q = std::max<size_t>(up(want, d), 1);
      if (q > most_across) continue;
      for (const size_t unit : {column_unit, vectors}) {
        size_t c = up(up(n, q), unit) * unit;
        while (c > unit && up(n, c) < q) c -= unit;
        c = std::min(n, c);
        const size_t a = up(n, c);
        if (a < q) continue;
        // A panel that holds the whole depth serves what a thread does of the rows of its columns.
        constexpr size_t threads = 4;
        const bool serves = double(up(c, 16) * 16 * width) * double(k) <= double(most_panel);
        const size_t copies = !copies_b ? 0 : serves ? std::min(d, threads) : d;
        const double filled = double(a - 1) * fill(c) + fill(n - (a - 1) * c);
        double cost = double(m) * filled + pack_a * double(a) * double(m) +
                      (pack_b * double(d) + copy_b * double(copies)) * double(n);
        // Rather a few tiles too many than tiles too small.
        if (2 * double(r) * double(c) * double(width) * double(k) < 0.75 * least) cost *= 4;
        if (cost >= best) continue;
        best = cost;
        rows = r, columns = c, down = d, across = a;
      }
    }
  }

 private:
  static constexpr size_t vectors = 48;  // columns that a library works on at a time

  /// Columns that take the time of c: some vectors alone take longer than their part.
  static double fill(size_t c) {
    constexpr double rest[] = {0, 24, 36, 48};
    return double(c / vectors * vectors) + rest[up(c % vectors, 16)];
  }
  static size_t up(size_t a, size_t b) { return (a + b - 1) / b; }
};

}  // namespace kernel::detail
VCELL_END_NAMESPACE
