#include "vcell/tensor/tensor.hpp"

#include <cstdint>
#include <limits>
#include <vector>

#include "support/errors.hpp"
#include "vcell/core/bfloat16.hpp"
#include "vcell/tensor/copy.hpp"

using namespace vcell;
using vcell_test::check_error;

TEST_CASE("tensor: starts as zeros, 64-byte aligned", "[tensor]") {
  // A block that comes back from the cache holds old values.
  { Tensor<double, 1> used({6}, std::vector<double>{1, 2, 3, 4, 5, 6}); }
  const Tensor<double, 2> x({2, 3});
  for (const double v : x.values()) CHECK(v == 0);
  CHECK(reinterpret_cast<uintptr_t>(x.data()) % 64 == 0);
  CHECK(x.count() == 6);
  CHECK(x.shape(1) == 3);
}

TEST_CASE("tensor: empty shapes and rank 0", "[tensor]") {
  const Tensor<float, 2> none;
  CHECK(none.count() == 0);
  CHECK(none.shape() == Shape<2>{0, 0});
  const Tensor<float, 3> flat({4, 0, 5});
  CHECK(flat.count() == 0);
  CHECK(flat.values().empty());
  Tensor<float, 0> number;
  CHECK(number.count() == 1);
  CHECK(number() == 0);
  number() = 3;
  CHECK(*number.data() == 3);
}

TEST_CASE("tensor: given values", "[tensor]") {
  const std::vector<int> values{1, 2, 3, 4, 5, 6};
  Tensor<int, 2> x({2, 3}, values);
  CHECK(x(1, 0) == 4);
  CHECK(x[1][2] == 6);
  x(0, 1) = 7;
  CHECK(x.slice(0, 1)(0, 1) == 7);
  x[0][2] = 8;
  CHECK(x.values()[2] == 8);
  x.zero();
  CHECK(x(1, 2) == 0);
  check_error<ShapeError>([&] { Tensor<int, 2>({2, 2}, values); }, {"Tensor", "6", "4"});
}

TEST_CASE("tensor: copies are independent, moves leave nothing behind", "[tensor]") {
  Tensor<float, 1> a({3}, std::vector<float>{1, 2, 3});
  Tensor<float, 1> b = a;
  b(0) = 9;
  CHECK(a(0) == 1);
  a = b;
  CHECK(a(0) == 9);
  const float* where = b.data();
  Tensor<float, 1> c = std::move(b);
  CHECK(c.data() == where);
  CHECK(b.count() == 0);
  CHECK(b.shape() == Shape<1>{0});
  c = std::move(a);
  CHECK(c(2) == 3);
  CHECK(a.shape() == Shape<1>{0});
  Tensor<float, 1>& same = c;
  c = same;
  CHECK(c(2) == 3);
  b = c;  // a moved-from tensor may be assigned to
  CHECK(b(1) == 2);
}

TEST_CASE("tensor: reshape moves the elements", "[tensor]") {
  Tensor<int, 2> x({2, 3}, std::vector<int>{1, 2, 3, 4, 5, 6});
  check_error<ShapeError>([&] { std::move(x).reshape<1>({5}); }, {"reshape", "(2, 3)", "(5)"});
  CHECK(x(1, 2) == 6);
  const int* where = x.data();
  const auto y = std::move(x).reshape<3>({3, 1, 2});
  CHECK(y.data() == where);
  CHECK(y(2, 0, 1) == 6);
  CHECK(x.shape() == Shape<2>{0, 0});
}

TEST_CASE("tensor: a shape that no memory can hold is an error", "[tensor]") {
  constexpr size_t half = std::numeric_limits<size_t>::max() / 2 + 1;
  using T = Tensor<double, 2>;
  check_error<ShapeError>(
      [] {
        T::uninitialized({half, 2});
      },
      {"Tensor", "(9223372036854775808, 2)"});
  check_error<ShapeError>([] { T::uninitialized({half / 4, 3}); }, {"Tensor"});
  check_error<ShapeError>([] { T::uninitialized({half, 1}); }, {"Tensor"});
  CHECK(T::uninitialized({half, 0}).count() == 0);
}

TEST_CASE("tensor: cast and to_tensor", "[tensor]") {
  const Tensor<float, 1> x({3}, std::vector<float>{1.25f, -2, 1 + 0x1p-10f});
  CHECK(cast<double>(x)(0) == 1.25);
  CHECK(cast<int>(x)(1) == -2);
  CHECK(float(cast<bfloat16>(x)(2)) == 1);
  CHECK(cast<float>(cast<bfloat16>(x))(0) == 1.25f);
  const auto part = to_tensor(x.slice(1, 3));
  CHECK(part.shape() == Shape<1>{2});
  CHECK(part(0) == -2);
  CHECK(part.data() != x.data() + 1);
}
