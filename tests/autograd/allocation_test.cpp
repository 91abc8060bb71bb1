// After the first step of a loop nothing is asked of the system any more: neither by the
// allocator's cache nor by anybody else in the process. That replaces malloc, where the C library
// is glibc and no sanitizer has replaced it already.
#include <atomic>
#include <cstdlib>

#include "support/catch.hpp"
#include "support/random_tensor.hpp"
#include "support/sanitized.hpp"
#include "support/threads.hpp"
#include "vcell/autograd/backward.hpp"
#include "vcell/ops/add.hpp"
#include "vcell/ops/add_to_sets.hpp"
#include "vcell/ops/attention.hpp"
#include "vcell/ops/concatenate.hpp"
#include "vcell/ops/dropout.hpp"
#include "vcell/ops/embedding.hpp"
#include "vcell/ops/energy_distance.hpp"
#include "vcell/ops/gelu.hpp"
#include "vcell/ops/layer_norm.hpp"
#include "vcell/ops/linear.hpp"
#include "vcell/ops/mean.hpp"
#include "vcell/ops/mean_squared_error.hpp"
#include "vcell/ops/multiply.hpp"
#include "vcell/ops/rms_norm.hpp"
#include "vcell/ops/scale.hpp"
#include "vcell/ops/silu.hpp"
#include "vcell/ops/slice.hpp"
#include "vcell/ops/softmax.hpp"

namespace {

std::atomic<size_t> allocations{0};

}  // namespace

#if defined(__GLIBC__) && !defined(VCELL_TEST_SANITIZED)
constexpr bool counts_malloc = true;
extern "C" {
void* __libc_malloc(size_t);
void* __libc_memalign(size_t, size_t);
void* malloc(size_t bytes) {
  ++allocations;
  return __libc_malloc(bytes);
}
void* aligned_alloc(size_t alignment, size_t bytes) {
  ++allocations;
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void** to, size_t alignment, size_t bytes) {
  ++allocations;
  *to = __libc_memalign(alignment, bytes);
  return *to ? 0 : 12;
}
}
#else
constexpr bool counts_malloc = false;
#endif

#if defined(VCELL_BLAS_DNNL) || defined(VCELL_BLAS_OPENBLAS)
constexpr bool products_allocate = true;  // these libraries make working memory for every product
#else
constexpr bool products_allocate = false;
#endif

using namespace vcell;
using vcell_test::parameter, vcell_test::random_tensor, vcell_test::Threads;

namespace {

/// One step of something like training, with every operation in it.
struct Step {
  static constexpr size_t sets = 3, cells = 20, width = 24;
  using Matrix = Variable<float, 2>;
  using Sets = Variable<float, 3>;
  Sets x{random_tensor<float, 3>({sets, cells, width}, 1)};
  Sets target{random_tensor<float, 3>({sets, cells + 3, width}, 2)};
  Matrix table = parameter<2, float>({5, width}, 3), wide = parameter<2, float>({40, width}, 4),
         back = parameter<2, float>({width, 40}, 5);
  Variable<float, 1> bias = parameter<1, float>({40}, 6), gain = parameter<1, float>({width}, 7);

  float operator()(uint64_t step) const {
    for (const auto* w : {&table, &wide, &back}) w->clear_gradient();
    bias.clear_gradient();
    gain.clear_gradient();
    const int32_t index[] = {0, 3, 3};
    const auto p = embedding(Tensor<int32_t, 1>({sets}, index), table);
    auto h = add_to_sets(x, p);
    h = add(h, linear(gelu(linear(rms_norm(h, gain), wide, bias)), back));
    h = add(h, attention(h, multiply(h, h), layer_norm(h, gain), 4));
    h = dropout(silu(softmax(h)), {.probability = 0.2, .seed = 1, .stream = step});
    h = concatenate(slice(h, 2, 0, 7), slice(h, 2, 7, width), 2);
    const auto loss = add(mean(energy_distance(h, target)), scale(mean_squared_error(h, x), 0.1));
    backward(loss);
    return loss.value()();
  }
};

}  // namespace

TEST_CASE("allocation: nothing is allocated after the first step", "[autograd]") {
  for (const int threads : {1, 2, 3}) {
    const Threads set(threads);
    const Step step;
    volatile float loss = step(0);
    const size_t asked = Memory<Cpu>::system_allocations(), before = allocations;
    for (uint64_t i = 1; i < 20; ++i) loss = step(i);
    const size_t by_cache = Memory<Cpu>::system_allocations() - asked,
                 by_anyone = allocations - before;
    INFO(threads << " threads");
    CHECK(by_cache == 0);
    if (!products_allocate) CHECK(by_anyone == 0);
    CHECK(loss == loss);
  }
  // The counter itself: else nothing was shown.
  const size_t before = allocations;
  const std::vector<int> something(1000);
  CHECK(something.size() == 1000);
  CHECK((allocations > before) == counts_malloc);
}
