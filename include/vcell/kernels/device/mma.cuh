#pragma once

#include <cstdint>

#include "vcell/kernels/device/platform.cuh"

// Products of small matrices by the tensor cores: a warp adds A (16, k) B (k, 8) to C (16, 8), of
// which every lane holds a fragment, as the PTX ISA has them for mma.sync (9.7.14). Tensor cores
// round sums towards zero (Fasi et al., 2021, doi:10.7717/peerj-cs.330): long ones keep float32's
// digits where C starts anew every few steps and is added to a sum outside (Ootomo & Yokota, 2022,
// doi:10.1177/10943420221090256).
VCELL_BEGIN_NAMESPACE
namespace device {

/// Which elements a lane's fragments hold.
/// @tparam width  numbers that lie in one register, with k and k + 1: 1 of TF32, 2 of bfloat16
template <unsigned width>
struct FragmentPlaces {
  unsigned group, member;

  /// @param lane  of the warp, 0 .. 31
  __device__ explicit FragmentPlaces(unsigned lane) : group(lane / 4), member(lane % 4) {}

  /// Of register i of A, 0 .. 3.
  __device__ unsigned a_row(unsigned i) const { return group + i % 2 * 8; }
  __device__ unsigned a_k(unsigned i) const { return width * (member + i / 2 * 4); }
  /// Of register i of B, 0 and 1.
  __device__ unsigned b_k(unsigned i) const { return width * (member + i * 4); }
  __device__ unsigned b_column() const { return group; }
  /// Of element i of C, 0 .. 3.
  __device__ unsigned c_row(unsigned i) const { return group + i / 2 * 8; }
  __device__ unsigned c_column(unsigned i) const { return 2 * member + i % 2; }
};

}  // namespace device
VCELL_END_NAMESPACE

#if defined(__CUDACC__)  // the stand-in brings its own

VCELL_BEGIN_NAMESPACE
namespace device {

/// The nearest number with the 10 bits of mantissa that TF32 has; of two the one further from zero.
__device__ inline uint32_t to_tf32(float x) {
  uint32_t bits;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
  return bits;
}

/// Two numbers rounded to bfloat16, the nearest and of two the even one, in a register.
__device__ inline uint32_t to_bfloat16(float first, float second) {
  uint32_t bits;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(second), "f"(first));
  return bits;
}

/// C += A B with k = 8: TF32 numbers, sums in float32. Called by all lanes of a warp.
__device__ inline void mma_tf32(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/// C += A B with k = 16: bfloat16 numbers, sums in float32. Called by all lanes of a warp.
__device__ inline void mma_bfloat16(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

}  // namespace device
VCELL_END_NAMESPACE

#endif

VCELL_BEGIN_NAMESPACE
namespace device {

/// A fragment of float32 numbers, each as the sum of two of TF32, which keep all digits but two or
/// so of them.
template <unsigned n>
struct SplitFragment {
  uint32_t big[n], small[n];

  __device__ void set(unsigned i, float x) {
    big[i] = to_tf32(x);
    small[i] = to_tf32(x - __uint_as_float(big[i]));
  }
};

/// C += A B with k = 8 to nearly the digits of float32: the product of the small parts, which is
/// below them, is left out. The smallest terms come first.
__device__ inline void mma_3xtf32(float (&c)[4], const SplitFragment<4>& a,
                                  const SplitFragment<2>& b) {
  mma_tf32(c, a.small, b.big);
  mma_tf32(c, a.big, b.small);
  mma_tf32(c, a.big, b.big);
}

}  // namespace device
VCELL_END_NAMESPACE
