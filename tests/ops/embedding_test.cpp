#include "vcell/ops/embedding.hpp"

#include "support/check_op.hpp"
#include "support/threads.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {

template <int rank>
Tensor<int32_t, rank> indices(const Shape<rank>& shape, std::vector<int32_t> values) {
  return Tensor<int32_t, rank>(shape, values);
}

}  // namespace

TEST_CASE("embedding: value, gradient, errors", "[ops]") {
  const auto table = parameter<2>({4, 3}, 1);
  const auto index = indices<2>({2, 3}, {0, 3, 3, 1, 0, 3});  // repeated rows add up
  std::vector<double> expected;
  for (const int32_t i : index.values())
    for (size_t j = 0; j < 3; ++j) expected.push_back(table.value()(i, j));
  check_op([&](const auto& t) { return embedding(index, t); }, Shape<3>{2, 3, 3}, expected,
           {fails<ShapeError>(
                [&] {
                  embedding(indices<1>({2}, {0, 4}), table);
                },
                {"embedding: index is 4", "< 4"}),
            fails<ShapeError>([&] { embedding(indices<1>({1}, {-1}), table); },
                              {"embedding: index is -1"})},
           table);
  check_op([&](const auto& t) { return embedding(indices<1>({0}, {}), t); }, Shape<2>{0, 3}, {}, {},
           table);
  const auto one = parameter<2>({1, 1}, 2);
  check_op([&](const auto& t) { return embedding(indices<0>({}, {0}), t); }, Shape<1>{1},
           {one.value()(0, 0)}, {}, one);
}

TEST_CASE("embedding: the same bytes on any number of threads", "[ops]") {
  const auto table = parameter<2, float>({10, 301}, 1);
  Rng rng(2);
  Tensor<int32_t, 1> index({2000});
  for (int32_t& i : index.values()) i = int32_t(rng.below(10));
  check_same_on_any_threads([&] {
    return value_and_gradients([&](const auto& t) { return embedding(index, t); }, table);
  });
}
