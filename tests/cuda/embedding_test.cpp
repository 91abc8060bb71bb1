// The CUDA kernels of embeddings, and the order of keys that they need, against those of the CPU.
#include "vcell/kernels/embedding.cuh"

#include <numeric>

#include "support/catch.hpp"
#include "vcell/kernels/device/stable_order.cuh"
//
#include "cuda/support/in_every_order.hpp"
#include "support/largest_error.hpp"
#include "support/random_tensor.hpp"
#include "vcell/kernels/launch.hpp"
#include "vcell/tensor/copy.hpp"
#include "vcell/tensor/memory_cuda.hpp"

namespace {

using namespace vcell;
using kernel::Target;
using vcell_test::in_every_order;
using vcell_test::random_tensor;

/// Keys below a limit. Every second one, or so, is the same.
Tensor<int32_t, 1> keys(size_t n, size_t limit, bool one_is_frequent) {
  Rng rng(n + limit);
  Tensor<int32_t, 1> out({n});
  for (int32_t& key : out.values())
    key = int32_t(one_is_frequent && rng.below(2) ? limit / 2 : rng.below(limit));
  return out;
}

void check_order(const Tensor<int32_t, 1>& of, size_t limit) {
  const size_t n = of.count();
  std::vector<size_t> expected(n);
  std::iota(expected.begin(), expected.end(), size_t(0));
  std::stable_sort(expected.begin(), expected.end(),
                   [&](size_t a, size_t b) { return of[a] < of[b]; });
  const auto device_of = to_device<Cuda>(of);
  const auto found = in_every_order([&] {
    Buffer<std::byte, Cuda> memory(device::StableOrder::bytes(n, limit));
    const size_t* order = nullptr;
    kernel::check_status(
        "test", device::StableOrder::run(current_context<Cuda>(), device_of.data(), n, limit,
                                         {memory.data(), {memory.count()}}, order));
    REQUIRE((order != nullptr) == (limit > 1));
    Tensor<size_t, 1> out({n});
    if (order)
      out = to_host(View<const size_t, 1, Cuda>{order, {n}});
    else
      std::iota(out.data(), out.data() + n, size_t(0));
    return out;
  });
  CHECK(std::equal(expected.begin(), expected.end(), found.values().begin()));
}

template <class T>
void check_embedding(const Tensor<int32_t, 1>& index, size_t entries, size_t columns) {
  INFO(index.count() << " of " << entries << " x " << columns);
  const size_t n = index.count();
  const auto table = random_tensor<T, 2>({entries, columns}, 1);
  const auto dy = random_tensor<T, 2>({n, columns}, 2);
  const auto device_index = to_device<Cuda>(index);
  const auto device_table = to_device<Cuda>(table);
  const auto device_dy = to_device<Cuda>(dy);
  Tensor<T, 2> y({n, columns});
  auto device_y = Tensor<T, 2, Cuda>::uninitialized({n, columns});
  kernel::forward<kernel::Embedding, Cpu>("test", index.view(), table.view(), y.view());
  kernel::forward<kernel::Embedding, Cuda>("test", device_index.view(), device_table.view(),
                                           device_y.view());
  CHECK(vcell_test::largest_difference(to_host(device_y.view()).values(), y.values()) == 0);
  for (const bool accumulate : {false, true}) {
    auto expected = table;
    kernel::backward<kernel::Embedding, Cpu>("test", dy.view(), index.view(),
                                             Target<T, 2>{expected.view(), accumulate});
    const auto found = in_every_order([&] {
      auto dtable = to_device<Cuda>(table);
      kernel::backward<kernel::Embedding, Cuda>("test", device_dy.view(), device_index.view(),
                                                Target<T, 2, Cuda>{dtable.view(), accumulate});
      return to_host(dtable.view());
    });
    const double tolerance = (4 + std::sqrt(double(n))) * std::numeric_limits<T>::epsilon();
    CHECK(vcell_test::largest_error(found.values(), expected.values()) <= tolerance);
  }
}

}  // namespace

TEST_CASE("cuda stable order: as std::stable_sort has it", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  for (const size_t limit : {1, 7, 257}) check_order(keys(300, limit, limit == 7), limit);
  check_order(keys(1, 257, false), 257);
  check_order(keys(2049, 257, true), 257);  // two tiles
  check_order(keys(70, 19790, false), 19790);
  check_order(keys(70, size_t(1) << 31, false), size_t(1) << 31);
  Tensor<int32_t, 1> same({2100});  // all in one digit of one tile
  std::fill_n(same.data(), same.count(), 6);
  check_order(same, 7);
}

TEST_CASE("cuda stable order: more tiles than lanes of a warp", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const size_t tiles = 70;
  Tensor<size_t, 2> counts({2, tiles});
  for (size_t i = 0; i < counts.count(); ++i) counts.data()[i] = i * i % 17;
  auto at = to_device<Cuda>(counts);
  auto totals = Tensor<size_t, 1, Cuda>::uninitialized({2});
  kernel::check_status("test", device::launch(current_context<Cuda>(), device::detail::order_scan<>,
                                              dim3{1}, dim3{device::detail::order_threads},
                                              at.data(), totals.data(), tiles, 2u));
  const auto found = to_host(std::as_const(at).view());
  const auto sums = to_host(std::as_const(totals).view());
  for (size_t digit = 0; digit < 2; ++digit) {
    size_t sum = 0, wrong = 0;
    for (size_t i = 0; i < tiles; ++i) {
      wrong += found(digit, i) != sum;
      sum += counts(digit, i);
    }
    CHECK(wrong == 0);
    CHECK(sums[digit] == sum);
  }
}

TEMPLATE_TEST_CASE("cuda embedding: value and gradient", "[cuda]", float, double) {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  check_embedding<TestType>(keys(1, 1, false), 1, 1);
  check_embedding<TestType>(keys(40, 1, false), 1, 3);
  check_embedding<TestType>(keys(7, 5, false), 5, 33);
  check_embedding<TestType>(keys(260, 3, false), 3, 5);
  check_embedding<TestType>(keys(200, 70, true), 70, 8);
  check_embedding<TestType>(keys(20, 300, false), 300, 130);
  check_embedding<TestType>(keys(0, 4, false), 4, 3);
  check_embedding<TestType>(keys(3, 4, false), 4, 0);
  const auto dy = to_device<Cuda>(random_tensor<TestType, 2>({3, 4}, 1));
  const auto index = to_device<Cuda>(keys(3, 4, false));
  kernel::backward<kernel::Embedding, Cuda>("test", dy.view(), index.view(),
                                            Target<TestType, 2, Cuda>{});
}

TEST_CASE("cuda embedding: pieces of more rows than are looked up at once", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  // Three entries, the second across pieces 0 to 2, the third across 2 and 3.
  const size_t n = 700, piece = 200, columns = 2;
  Tensor<int32_t, 1> index({n});
  Tensor<float, 2> dy({n, columns}), expected({3, columns});
  for (size_t i = 0; i < n; ++i) {
    index[i] = i < 50 ? 0 : i < 450 ? 1 : 2;
    for (size_t j = 0; j < columns; ++j) {
      dy(i, j) = float((i + j) % 5);  // sums of small whole numbers: exact in any order
      expected(size_t(index[i]), j) += dy(i, j);
    }
  }
  const auto device_dy = to_device<Cuda>(dy);
  const auto device_index = to_device<Cuda>(index);
  const auto found = in_every_order([&] {
    auto dtable = Tensor<float, 2, Cuda>::uninitialized({3, columns});
    auto started = Tensor<float, 2, Cuda>::uninitialized({4, columns}), carried = started;
    auto first_of = Tensor<int32_t, 1, Cuda>::uninitialized({4}), goes_on = first_of;
    const auto& context = current_context<Cuda>();
    kernel::check_status(
        "test", device::launch(context, kernel::detail::embedding_pieces<false, float>, dim3{3},
                               dim3{kernel::detail::embedding_threads}, device_dy.data(),
                               device_index.data(), nullptr, dtable.data(), started.data(),
                               carried.data(), first_of.data(), goes_on.data(), n, columns, piece));
    kernel::check_status(
        "test",
        device::launch(context, kernel::detail::embedding_across_pieces<false, float>, dim3{3},
                       dim3{kernel::detail::embedding_columns, kernel::detail::embedding_height},
                       started.data(), carried.data(), first_of.data(), goes_on.data(),
                       dtable.data(), 4, columns));
    return to_host(std::as_const(dtable).view());
  });
  CHECK(vcell_test::largest_difference(found.values(), expected.values()) == 0);
}
