// Values that come to lie where others lay.
#include "vcell/autograd/send.hpp"

#include "support/catch.hpp"
//
#include "support/errors.hpp"

using namespace vcell;

TEST_CASE("send: into the same memory, or into new where the shape is another", "[autograd]") {
  Variable<float, 2> leaf;
  const float six[] = {1, 2, 3, 4, 5, 6};
  send(std::span<const float>(six), Shape<2>{2, 3}, leaf);
  REQUIRE(leaf.shape() == Shape<2>{2, 3});
  const float* const place = leaf.value().data;
  Tensor<float, 2> other({2, 3});
  other(1, 2) = 9;
  send(other, leaf);
  CHECK(leaf.value().data == place);
  CHECK(leaf.value()(1, 2) == 9);
  CHECK(leaf.value()(0, 0) == 0);
  const Variable<float, 2> kept = leaf;
  send(Tensor<float, 2>({3, 2}), leaf);
  CHECK(leaf.shape() == Shape<2>{3, 2});
  CHECK(kept.value()(1, 2) == 9);
  vcell_test::check_error<ShapeError>(
      [&] {
        send(std::span<const float>(six).first(5), Shape<2>{3, 2}, leaf);
      },
      {"send: number of values (5)"});
}
