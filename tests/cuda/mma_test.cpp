// Products of the tensor cores against plain ones.
#include "vcell/kernels/device/mma.cuh"

#include <array>
#include <cmath>
#include <cstring>

#include "support/catch.hpp"
//
#include "cuda/support/device.hpp"
#include "support/largest_error.hpp"
#include "support/random_tensor.hpp"
#include "vcell/kernels/launch.hpp"
#include "vcell/tensor/copy.hpp"
#include "vcell/tensor/memory_cuda.hpp"

namespace {

using namespace vcell;
using vcell_test::contains;
using vcell_test::random_tensor;

enum class Kind { tf32, three_tf32, bfloat16 };
enum class Fault { none, a_index, b_index, c_index, mask, raw };

/// C += A B of matrices in memory, the warps of a block one product each.
template <Kind kind, Fault fault>
__global__ void multiply(const float* a_all, const float* b_all, float* c_all) {
  constexpr unsigned width = kind == Kind::bfloat16 ? 2 : 1, k = 8 * width;
  const unsigned warp = blockIdx.x * blockDim.x / 32 + threadIdx.x / 32;
  const float *a = a_all + warp * 16 * k, *b = b_all + warp * k * 8;
  float* c = c_all + warp * 16 * 8;
  const unsigned lane = threadIdx.x % 32;
  const device::FragmentPlaces<width> at(lane);
  const device::FragmentPlaces<width> wrong(lane ^ 1);
  const auto& a_at = fault == Fault::a_index ? wrong : at;
  const auto& b_at = fault == Fault::b_index ? wrong : at;
  const auto& c_at = fault == Fault::c_index ? wrong : at;
  float sums[4];
  for (unsigned i = 0; i < 4; ++i) sums[i] = c[at.c_row(i) * 8 + at.c_column(i)];
  if (fault == Fault::mask && lane == 5) return;
  if constexpr (kind == Kind::bfloat16) {
    uint32_t as[4], bs[2];
    for (unsigned i = 0; i < 4; ++i) {
      const float* from = a + a_at.a_row(i) * k + a_at.a_k(i);
      as[i] = device::to_bfloat16(from[0], from[1]);
    }
    for (unsigned i = 0; i < 2; ++i) {
      const float* from = b + b_at.b_k(i) * 8 + b_at.b_column();
      bs[i] = device::to_bfloat16(from[0], from[8]);
    }
    device::mma_bfloat16(sums, as, bs);
  } else {
    device::SplitFragment<4> as;
    device::SplitFragment<2> bs;
    for (unsigned i = 0; i < 4; ++i) as.set(i, a[a_at.a_row(i) * k + a_at.a_k(i)]);
    for (unsigned i = 0; i < 2; ++i) bs.set(i, b[b_at.b_k(i) * 8 + b_at.b_column()]);
    if constexpr (fault == Fault::raw) std::memcpy(&bs.big[1], b, 4);
    if constexpr (kind == Kind::three_tf32)
      device::mma_3xtf32(sums, as, bs);
    else
      device::mma_tf32(sums, as.big, bs.big);
  }
  for (unsigned i = 0; i < 4; ++i) c[c_at.c_row(i) * 8 + c_at.c_column(i)] = sums[i];
}

constexpr unsigned warps = 4;

template <Kind kind>
constexpr size_t depth = kind == Kind::bfloat16 ? 16 : 8;

/// The largest error of the products of random matrices, of some in 1.
template <Kind kind, Fault fault = Fault::none>
double error() {
  constexpr size_t k = depth<kind>;
  auto a = random_tensor<float, 3>({warps, 16, k}, 1),
       b = random_tensor<float, 3>({warps, k, 8}, 2);
  auto c = random_tensor<float, 3>({warps, 16, 8}, 3);
  const auto device_a = to_device<Cuda>(a), device_b = to_device<Cuda>(b);
  auto found = to_device<Cuda>(c);
  check_status("test", device::launch(current_context<Cuda>(), multiply<kind, fault>, dim3{2},
                                      dim3{64}, device_a.data(), device_b.data(), found.data()));
  for (size_t w = 0; w < warps; ++w)
    for (size_t i = 0; i < 16; ++i)
      for (size_t j = 0; j < 8; ++j) {
        double sum = double(c(w, i, j));
        for (size_t l = 0; l < k; ++l) sum += double(a(w, i, l)) * double(b(w, l, j));
        c(w, i, j) = float(sum);
      }
  return vcell_test::largest_difference(to_host(found.view()).values(), c.values());
}

/// What to_tf32 and to_bfloat16 make of numbers, the latter one beside 1.
__global__ void convert(const float* x, uint32_t* tf32, uint32_t* bfloat16) {
  tf32[threadIdx.x] = device::to_tf32(x[threadIdx.x]);
  bfloat16[threadIdx.x] = device::to_bfloat16(x[threadIdx.x], 1);
}

}  // namespace

TEST_CASE("cuda mma: products of fragments", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  vcell_test::in_several_orders([] {
    CHECK(error<Kind::tf32>() < 2e-2);
    CHECK(error<Kind::tf32>() > 1e-5);  // else it has digits that TF32 has not
    CHECK(error<Kind::three_tf32>() < 5e-6);
    CHECK(error<Kind::bfloat16>() < 2e-1);
    CHECK(error<Kind::bfloat16>() > 1e-4);
  });
}

TEST_CASE("cuda mma: numbers are rounded to nearest, halves away from zero or to even", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const float inf = std::numeric_limits<float>::infinity();
  const std::array<float, 8> numbers{1, -1, 0x1.002p0f, -0x1.006p0f, 0x1.01p0f, 0x1.03p0f, -inf, 0};
  const auto device_x = to_device<Cuda>(Tensor<float, 1>({8}, numbers));
  auto tf32 = Tensor<uint32_t, 1, Cuda>::uninitialized({8}), bfloat16 = tf32;
  check_status("test", device::launch(current_context<Cuda>(), convert, dim3{1}, dim3{8},
                                      device_x.data(), tf32.data(), bfloat16.data()));
  const auto t = to_host(tf32.view()), h = to_host(bfloat16.view());
  const std::array<uint32_t, 8> wide{0x3f800000, 0xbf800000, 0x3f802000, 0xbf804000,
                                     0x3f808000, 0x3f818000, 0xff800000, 0};
  const std::array<uint32_t, 8> narrow{0x3f80, 0xbf80, 0x3f80, 0xbf80, 0x3f80, 0x3f82, 0xff80, 0};
  for (size_t i = 0; i < 8; ++i) {
    INFO(i);
    CHECK(t[i] == wide[i]);
    CHECK(h[i] == (0x3f800000 | narrow[i]));
  }
}

#if defined(VCELL_EMULATE_CUDA)

TEST_CASE("cuda mma: a wrong place in a fragment shows", "[cuda]") {
  CHECK(error<Kind::three_tf32, Fault::a_index>() > 0.1);
  CHECK(error<Kind::three_tf32, Fault::b_index>() > 0.1);
  CHECK(error<Kind::three_tf32, Fault::c_index>() > 0.1);
  CHECK(error<Kind::bfloat16, Fault::a_index>() > 0.1);
  CHECK(error<Kind::bfloat16, Fault::b_index>() > 0.1);
  CHECK(error<Kind::bfloat16, Fault::c_index>() > 0.1);
}

TEST_CASE("cuda mma: a lane that stays away is reported", "[cuda]") {
  CHECK_THROWS_WITH((error<Kind::three_tf32, Fault::mask>()),
                    contains("mma_tf32: of a warp's lanes 0x20 take no part"));
  CHECK_THROWS_WITH((error<Kind::bfloat16, Fault::mask>()),
                    contains("mma_bfloat16: of a warp's lanes 0x20 take no part"));
}

TEST_CASE("cuda mma: numbers that are not TF32 are reported", "[cuda]") {
  CHECK_THROWS_WITH((error<Kind::tf32, Fault::raw>()),
                    contains("register 1 of B is no number of that type"));
}

#endif
