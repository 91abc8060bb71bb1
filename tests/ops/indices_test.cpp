#include "vcell/ops/indices.hpp"

#include "support/catch.hpp"

using namespace vcell;

TEST_CASE("indices: smallest and largest with their places", "[autograd]") {
  Tensor<int32_t, 2> values({2, 2});
  values(0, 0) = 4;
  values(1, 0) = -2;
  values(1, 1) = 7;
  Indices<2> indices = values;
  std::vector<std::pair<int32_t, size_t>> seen;
  const auto look = [&] {
    seen.clear();
    indices.for_extremes([&](int32_t value, size_t place) { seen.emplace_back(value, place); });
    return seen;
  };
  CHECK(look() == std::vector<std::pair<int32_t, size_t>>{{-2, 2}, {7, 3}});
  const int32_t* const place = indices.values().value().data;
  values(1, 1) = values(1, 0) = 1;
  indices.send(values);
  CHECK(look() == std::vector<std::pair<int32_t, size_t>>{{0, 1}, {4, 0}});
  CHECK(indices.values().value().data == place);
  indices = {};
  CHECK(look().empty());
  CHECK(indices.count() == 0);
  indices.send(Tensor<int32_t, 2>({0, 3}));
  CHECK(look().empty());
}
