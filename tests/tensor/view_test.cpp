#include "vcell/tensor/view.hpp"

#include <array>
#include <numeric>

#include "support/errors.hpp"

using namespace vcell;
using vcell_test::check_error;

namespace {

struct Numbers : std::array<int, 24> {
  Numbers() { std::iota(begin(), end(), 0); }
};

}  // namespace

TEST_CASE("view: elements are row-major", "[tensor]") {
  Numbers x;
  const View<int, 3> v{x.data(), {2, 3, 4}};
  CHECK(v.count() == 24);
  CHECK(v(1, 2, 3) == 23);
  CHECK(v(1, 0, 2) == 14);
  CHECK(v[1].shape == Shape<2>{3, 4});
  CHECK(v[1][2][3] == 23);
  CHECK(std::accumulate(v.begin(), v.end(), 0) == 276);
  v(0, 0, 1) = -1;
  CHECK(x[1] == -1);
  const View<const int, 3> read = v;
  CHECK(read.data == v.data);
  static_assert(!std::is_convertible_v<View<const int, 3>, View<int, 3>>);
}

TEST_CASE("view: slices of the first axis", "[tensor]") {
  Numbers x;
  const View<int, 2> v{x.data(), {6, 4}};
  CHECK(v.slice(2, 5).shape == Shape<2>{3, 4});
  CHECK(v.slice(2, 5)(0, 1) == 9);
  CHECK(v.slice(0, 6).count() == 24);
  CHECK(v.slice(6, 6).count() == 0);
  CHECK((View<int, 2>{nullptr, {0, 4}}.slice(0, 0).count()) == 0);
  check_error<ShapeError>([&] { v.slice(3, 2); }, {"slice", "3 .. 2", "(6, 4)"});
  check_error<ShapeError>([&] { v.slice(0, 7); }, {"slice", "0 .. 7", "(6, 4)"});
}

TEST_CASE("view: other shapes of the same elements", "[tensor]") {
  Numbers x;
  const View<int, 3> v{x.data(), {2, 3, 4}};
  CHECK(v.reshape<1>({24})[23] == 23);
  CHECK(v.reshape<2>({4, 6})(1, 0) == 6);
  CHECK(v.matrix().shape == Shape<2>{6, 4});
  CHECK(v.flat().shape == Shape<1>{24});
  CHECK(v[0][0].matrix().shape == Shape<2>{1, 4});
  check_error<ShapeError>([&] { v.reshape<2>({5, 5}); }, {"reshape", "(2, 3, 4)", "(5, 5)", "25"});
  CHECK((View<int, 0>{x.data(), {}}.count()) == 1);
  CHECK((View<int, 0>{x.data(), {}}()) == 0);
}

TEST_CASE("view: a shape whose size wraps around is not that of nothing", "[tensor]") {
  constexpr size_t half = size_t(1) << 32;
  const View<int, 2> nothing{nullptr, {0, 4}};
  CHECK(nothing.reshape<2>({7, 0}).count() == 0);
  check_error<ShapeError>([&] { nothing.reshape<2>({half, half}); }, {"reshape", "more than"});
  int one = 1;
  check_error<ShapeError>(
      [&] {
        View<int, 1>{&one, {1}}.reshape<2>({half + 1, half - 1});  // 2^64 - 1
      },
      {"reshape"});
}

TEST_CASE("view: a null view is false, whatever its shape", "[tensor]") {
  CHECK_FALSE(View<float, 2>());
  CHECK_FALSE(View<float, 2>{nullptr, {2, 2}});
  float one = 1;
  CHECK(View<float, 1>{&one, {1}});
}
