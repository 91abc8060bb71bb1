// The CUDA kernel of rank sums against that of the CPU, and both against eval's sweep.
#include "vcell/kernels/rank_sum.cuh"

#include "support/catch.hpp"
//
#include "cuda/support/device.hpp"
#include "cuda/support/difference.hpp"
#include "vcell/core/rng.hpp"
#include "vcell/eval/rank_sweep.hpp"
#include "vcell/kernels/launch.hpp"
#include "vcell/tensor/copy.hpp"
#include "vcell/tensor/memory_cuda.hpp"

namespace {

using namespace vcell;
using vcell_test::same_bytes;

struct Panel {
  std::vector<uint64_t> keys;
  std::vector<int64_t> offsets{0};
  std::vector<uint32_t> sizes;
  size_t reference = 0;

  size_t genes() const { return offsets.size() - 1; }
  void add(float value, uint32_t group) {
    keys.push_back(uint64_t(ordered_key(value)) << 32 | group);
  }
  void end_gene() { offsets.push_back(int64_t(keys.size())); }
};

/// Each cell of a gene has a value other than 0 with probability `share`, made by value(rng).
template <class F>
Panel random_panel(std::vector<uint32_t> sizes, size_t genes, double share, F value) {
  Panel panel;
  panel.sizes = std::move(sizes);
  Rng rng(7);
  for (size_t k = 0; k < genes; ++k) {
    for (uint32_t g = 0; g < panel.sizes.size(); ++g)
      for (uint32_t i = 0; i < panel.sizes[g]; ++i)
        if (rng.uniform() < share) panel.add(value(rng), g);
    panel.end_gene();
  }
  for (size_t k = 0; k < genes; ++k)  // shuffled within each gene
    for (auto i = panel.offsets[k]; i + 1 < panel.offsets[k + 1]; ++i) {
      const auto left = uint64_t(panel.offsets[k + 1] - i);
      std::swap(panel.keys[size_t(i)], panel.keys[size_t(i) + size_t(rng.below(left))]);
    }
  return panel;
}

struct Result {
  Tensor<uint64_t, 2> twice_u;
  Tensor<double, 2> ties;
};

template <class Device>
Result run(const Panel& panel) {
  const auto vector = []<class T>(const std::vector<T>& v) {
    return to_device<Device>(Tensor<T, 1>({v.size()}, v));
  };
  const auto keys = vector(panel.keys);
  const auto offsets = vector(panel.offsets);
  const auto sizes = vector(panel.sizes);
  const Shape<2> shape{panel.genes(), panel.sizes.size()};
  auto twice_u = to_device<Device>(Tensor<uint64_t, 2>(shape));
  auto ties = to_device<Device>(Tensor<double, 2>(shape));
  kernel::run<kernel::RankSum, Device>("test", keys.view(), offsets.view(), sizes.view(),
                                       panel.reference, twice_u.view(), ties.view());
  return {to_host(std::as_const(twice_u).view()), to_host(std::as_const(ties).view())};
}

void check(const Panel& panel) {
  const auto expected = run<Cpu>(panel);
  RankSweep sweep(panel.sizes, panel.reference);
  for (size_t k = 0; k < panel.genes(); ++k) {
    std::vector<uint64_t> sorted(panel.keys.begin() + panel.offsets[k],
                                 panel.keys.begin() + panel.offsets[k + 1]);
    std::sort(sorted.begin(), sorted.end());
    sweep.run(sorted);
    for (size_t g = 0; g < panel.sizes.size(); ++g) {
      REQUIRE(expected.twice_u(k, g) == sweep.twice_u(g));
      REQUIRE(expected.ties(k, g) == sweep.ties(g));
    }
  }
  vcell_test::in_several_orders([&] {
    const auto found = run<Cuda>(panel);
    CHECK(same_bytes(found.twice_u, expected.twice_u));
    CHECK(same_bytes(found.ties, expected.ties));
  });
}

const auto counts = [](Rng& rng) { return float(1 + rng.below(4)); };
const auto normal = [](Rng& rng) { return float(rng.normal()); };
const auto signed_counts = [](Rng& rng) { return rng.below(2) ? 1.5f : -float(1 + rng.below(3)); };

}  // namespace

TEST_CASE("cuda rank_sum: whole numbers equal to those of the Cpu and of the sweep", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  check(random_panel({40, 9, 1, 30, 0}, 5, 0.5, counts));
  check(random_panel({40, 9, 1, 30}, 3, 0.8, normal));
  check(random_panel({17, 20, 5}, 4, 0.7, signed_counts));
  check(random_panel({3, 4}, 2, 1, counts));  // no zeros
  check(random_panel({3, 4}, 2, 0, counts));  // nothing else
  check(random_panel({6}, 2, 0.5, counts));   // the reference alone
  check(random_panel({3, 4}, 0, 1, counts));  // no genes
  for (const size_t reference : {size_t(1), size_t(3)}) {
    auto panel = random_panel({12, 25, 8, 30}, 3, 0.6, signed_counts);
    panel.reference = reference;
    check(panel);
  }
}

TEST_CASE("cuda rank_sum: runs and blocks of values across what a block reads at a time",
          "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  check(random_panel({700, 600, 3}, 2, 0.9, counts));
  auto panel = random_panel({500, 300, 300}, 1, 0.9, signed_counts);
  panel.reference = 1;
  check(panel);
}

TEST_CASE("cuda rank_sum: known values", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  // Reference 0, 0, 1, 2; group 1, 3: U = 2.5 + 4; ties of two zeros and two ones.
  Panel panel;
  panel.sizes = {4, 2};
  panel.add(2, 0);
  panel.add(3, 1);
  panel.add(1, 0);
  panel.add(1, 1);
  panel.end_gene();
  const auto found = run<Cuda>(panel);
  CHECK(found.twice_u(0, 0) == 0);
  CHECK(found.twice_u(0, 1) == 13);
  CHECK(found.ties(0, 0) == 6);
  CHECK(found.ties(0, 1) == 12);
}

TEST_CASE("cuda rank_sum: genes beyond the grid", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const auto panel = random_panel({20, 15}, 7, 0.6, counts);
  // What the kernel sorts first is sorted here.
  auto sorted = panel.keys;
  for (size_t k = 0; k < 7; ++k)
    std::sort(sorted.begin() + panel.offsets[k], sorted.begin() + panel.offsets[k + 1]);
  const auto keys = to_device<Cuda>(Tensor<uint64_t, 1>({sorted.size()}, sorted));
  const auto offsets = to_device<Cuda>(Tensor<int64_t, 1>({8}, panel.offsets));
  const auto sizes = to_device<Cuda>(Tensor<uint32_t, 1>({2}, panel.sizes));
  using Sum = unsigned long long;
  const auto sums = [](size_t n) { return to_device<Cuda>(Tensor<Sum, 1>({n})); };
  auto twice_u = sums(14), added = sums(14), cells = sums(14), own = sums(7);
  auto ties = to_device<Cuda>(Tensor<double, 1>({14}));
  const auto start = [&](auto function, unsigned threads, auto... arguments) {
    check_status("test", device::launch(current_context<Cuda>(), function, dim3{2}, dim3{threads},
                                        arguments...));
  };
  start(kernel::detail::rank_sum_clear<>, 4, 14, twice_u.data(), added.data(), cells.data());
  start(kernel::detail::rank_sum_runs<>, kernel::detail::rank_sum_threads, keys.data(),
        offsets.data(), twice_u.data(), added.data(), cells.data(), own.data(), 7, 2, 0);
  start(kernel::detail::rank_sum_zeros<>, 4, sizes.data(), added.data(), cells.data(), own.data(),
        twice_u.data(), ties.data(), 7, 2, 0);
  const auto expected = run<Cpu>(panel);
  const auto found_u = to_host(std::as_const(twice_u).view());
  const auto found_ties = to_host(std::as_const(ties).view());
  for (size_t i = 0; i < 14; ++i) {
    CHECK(found_u[i] == expected.twice_u.data()[i]);
    CHECK(found_ties[i] == expected.ties.data()[i]);
  }
}
