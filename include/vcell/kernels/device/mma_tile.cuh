#pragma once

#include "vcell/kernels/device/mma.cuh"
#include "vcell/kernels/device/pack.cuh"

VCELL_BEGIN_NAMESPACE
namespace device {

/// What FmaTile does, by the tensor cores: numbers are rounded to bfloat16, or else to TF32, and
/// their products are added in float32. The weights go from one product to the other in registers.
///
/// A sum over k may take its terms in any order that A and B share. So a lane reads the four k of a
/// pack at once and takes them for those that its fragments should hold; and it takes the columns
/// of a pack of C for those of four fragments.
template <bool bfloat16, unsigned width_>
struct MmaTile {
  using T = float;
  static constexpr unsigned size = full_width<T>;
  using P = Pack<T, size>;
  static constexpr unsigned warps = 8, threads = warps * warp_size, blocks = 1;
  static constexpr unsigned rows = 16 * warps, columns = 64;
  static constexpr unsigned width = width_;
  static constexpr unsigned packs = 4, pitch = packs;
  static constexpr unsigned c_rows = 16;
  static constexpr unsigned c_packs = width / size, c_pitch = c_packs + 1;
  static constexpr unsigned mine = columns / 4, out_mine = width / 4;
  static constexpr unsigned ab_packs = (rows + columns) * pitch, all_c_packs = c_rows * c_pitch;
  static constexpr unsigned stage_packs = ab_packs > all_c_packs ? ab_packs : all_c_packs;
  static constexpr unsigned weight_packs = 1;  // not used

  using Scores = T[2][mine];
  using Out = T[2][out_mine];

  static __device__ unsigned lane() { return threadIdx.x % warp_size; }
  static __device__ unsigned group() { return lane() / 4; }
  static __device__ unsigned member() { return lane() % 4; }
  static __device__ unsigned first_row() { return threadIdx.x / warp_size * 16; }
  static __device__ unsigned row(unsigned i) { return first_row() + group() + 8 * i; }
  static __device__ unsigned column(unsigned j) { return 8 * (j / 2) + 2 * member() + j % 2; }
  /// Element m = 8 b + 4 e + q of a row of out is column 2 member() + e of a fragment whose columns
  /// are the q-th ones of packs.
  static __device__ unsigned out_column(unsigned m) { return m / 8 * 32 + 8 * member() + m % 8; }

  /// s += A B^T over a piece of the common axis; beyond its end there are zeros.
  template <class Stage>
  static __device__ void scores(Scores& s, const Stage stage, unsigned a, unsigned b, unsigned) {
    const P a0 = stage[a + row(0) * pitch + member()], a1 = stage[a + row(1) * pitch + member()];
    const A fragment(a0.v, a1.v);
    VCELL_UNROLL
    for (unsigned t = 0; t < columns / 8; ++t) {
      const P bt = stage[b + (8 * t + group()) * pitch + member()];
      multiply(s[0][2 * t], s[0][2 * t + 1], s[1][2 * t], s[1][2 * t + 1], fragment, bt.v[0],
               bt.v[1], bt.v[2], bt.v[3]);
    }
  }

  /// The weights stay where they are.
  template <class Weights>
  static __device__ void share(const Scores&, const Weights) {}

  /// out += w C over the c-th piece of C.
  template <class Weights, class Stage>
  static __device__ void accumulate(Out& out, const Scores& w, const Weights, const Stage stage,
                                    unsigned from, unsigned c) {
    // Four of this lane's columns, which are members 2 m, 2 m + 1 of two fragments.
    float w0[4] = {}, w1[4] = {};
    VCELL_UNROLL
    for (unsigned t = 0; t < columns / c_rows; ++t)
      if (t == c) {
        VCELL_UNROLL
        for (unsigned i = 0; i < 4; ++i) {
          w0[i] = w[0][4 * t + i];
          w1[i] = w[1][4 * t + i];
        }
      }
    const A fragment(w0, w1);
    const unsigned first = from + 2 * member() * c_pitch + group();
    VCELL_UNROLL
    for (unsigned m = 0; m < width / 32; ++m) {
      const unsigned at = first + 8 * m;
      const P c0 = stage[at], c1 = stage[at + c_pitch], c2 = stage[at + 8 * c_pitch],
              c3 = stage[at + 9 * c_pitch];
      VCELL_UNROLL
      for (unsigned q = 0; q < 4; ++q)
        multiply(out[0][8 * m + q], out[0][8 * m + 4 + q], out[1][8 * m + q], out[1][8 * m + 4 + q],
                 fragment, c0.v[q], c1.v[q], c2.v[q], c3.v[q]);
    }
  }

 private:
  /// Four k of each of the two rows, as the registers of one product of bfloat16 or two of TF32.
  struct A {
    uint32_t bits[bfloat16 ? 1 : 2][4];

    __device__ A(const float (&r0)[4], const float (&r1)[4]) {
      if constexpr (bfloat16) {
        bits[0][0] = to_bfloat16(r0[0], r0[1]);
        bits[0][1] = to_bfloat16(r1[0], r1[1]);
        bits[0][2] = to_bfloat16(r0[2], r0[3]);
        bits[0][3] = to_bfloat16(r1[2], r1[3]);
      } else {
        VCELL_UNROLL
        for (unsigned t = 0; t < 2; ++t) {
          bits[t][0] = to_tf32(r0[2 * t]);
          bits[t][1] = to_tf32(r1[2 * t]);
          bits[t][2] = to_tf32(r0[2 * t + 1]);
          bits[t][3] = to_tf32(r1[2 * t + 1]);
        }
      }
    }
  };
  /// Adds the products with the same four k of B.
  static __device__ void multiply(float& s00, float& s01, float& s10, float& s11, const A& a,
                                  float b0, float b1, float b2, float b3) {
    float c[4] = {s00, s01, s10, s11};
    if constexpr (bfloat16) {
      const uint32_t b[2] = {to_bfloat16(b0, b1), to_bfloat16(b2, b3)};
      mma_bfloat16(c, a.bits[0], b);
    } else {
      const uint32_t first[2] = {to_tf32(b0), to_tf32(b1)}, second[2] = {to_tf32(b2), to_tf32(b3)};
      mma_tf32(c, a.bits[0], first);
      mma_tf32(c, a.bits[1], second);
    }
    s00 = c[0];
    s01 = c[1];
    s10 = c[2];
    s11 = c[3];
  }
};

}  // namespace device
VCELL_END_NAMESPACE
