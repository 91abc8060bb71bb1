#include "vcell/kernels/gemm_tiles.hpp"

#include <algorithm>

#include "support/catch.hpp"

using namespace vcell;
using kernel::detail::Tiles;

namespace {

struct TileSizes {
  size_t m, n, k;
};

void check_tiles(const TileSizes& s, size_t batch, size_t width, bool copies_b) {
  const Tiles t(s.m, s.n, s.k, batch, width, copies_b);
  INFO(s.m << " x " << s.n << " x " << s.k << " batch " << batch << " width " << width << ": "
           << t.down << " x " << t.across << " tiles of " << t.rows << " x " << t.columns);
  // They cover C, and none is empty.
  CHECK(t.down * t.rows >= s.m);
  CHECK((t.down - 1) * t.rows < s.m);
  CHECK(t.across * t.columns >= s.n);
  CHECK((t.across - 1) * t.columns < s.n);
  const double flops = 2 * double(s.m) * double(s.n) * double(s.k) * double(width);
  const size_t tiles = t.down * t.across, narrowest = (s.m + 15) / 16 * ((s.n + 47) / 48);
  const size_t worth = std::min((64 + batch - 1) / batch, size_t(flops / 4e6));
  CHECK(tiles >= std::min(worth, narrowest));
  // Neither too large for a thread nor for its cache, nor cut for nothing.
  if (s.m >= 16 && s.n >= 48 && tiles < narrowest) {
    CHECK(flops / double(tiles) <= 512e6);
    CHECK(s.m * s.n * width / tiles <= size_t(1) << 17);
  }
  const double elements = double(s.m) * double(s.n) * double(width);
  CHECK(double(tiles) <= 1 + 2.1 * std::max({double(worth), flops / 512e6, elements / 131072}));
}

}  // namespace

TEST_CASE("gemm tiles: enough for many threads, none below what is worth a thread's while",
          "[kernels]") {
  for (const TileSizes& s : {TileSizes{1, 1, 1},
                             {1, 1, 1000000},
                             {16, 1000000, 3},
                             {2048, 672, 672},
                             {2048, 2688, 672},
                             {672, 672, 2048},
                             {2048, 2000, 672},
                             {256, 128, 128},
                             {256, 512, 128},
                             {17, 19, 23},
                             {5000, 3, 7000},
                             {4096, 4096, 4096},
                             {100000, 48, 1}})
    for (const size_t batch : {1, 3, 200})
      for (const size_t width : {1, 2})
        for (const bool copies_b : {false, true}) check_tiles(s, batch, width, copies_b);
}

TEST_CASE("gemm tiles: what is small stays whole", "[kernels]") {
  for (const TileSizes& s : {TileSizes{64, 64, 64}, {100, 100, 200}, {1, 1, 1}}) {
    const Tiles t(s.m, s.n, s.k);
    CHECK(t.down * t.across == 1);
  }
  const Tiles batch(256, 256, 256, 64);  // a product is a tile already
  CHECK(batch.down * batch.across == 1);
}

TEST_CASE("gemm tiles: a panel serves all rows of its columns where that can be", "[kernels]") {
  for (const size_t width : {1, 2})
    for (const size_t k : {672, 2688}) {
      const Tiles t(2048, 672, k, 1, width, true);
      CHECK(t.columns * width * k <= Tiles::most_panel);
    }
}

TEST_CASE("gemm tiles: products of State Transition are cut into 64 or more", "[kernels]") {
  for (const TileSizes& s : {TileSizes{2048, 672, 672}, {2048, 2688, 672}, {672, 2688, 2048}}) {
    const Tiles t(s.m, s.n, s.k);
    CHECK(t.down * t.across >= 64);
    CHECK(t.down * t.across < 128);
  }
}
