#pragma once

#include "vcell/kernels/device/pack.cuh"

VCELL_BEGIN_NAMESPACE
namespace device {

/// Products of two tiles in shared memory, one after the other, in the plain arithmetic of T:
///
///   s = A B^T   (rows x columns),      out += w C   (rows x width),   w made of s.
///
/// Every warp has 16 rows and every lane two of them, `row(0)` and `row(1)`, so the four lanes
/// lane, lane ^ 1, lane ^ 2, lane ^ 3 share their rows; of s it holds the columns `column(j)`. A
/// and B come in pieces of some packs along the common axis, C in pieces of some of its rows. Sums
/// run along the common axis in its order, so that s^T = B A^T has the same bytes.
/// @tparam width_  columns of C, a multiple of 32
template <class T_, unsigned width_>
struct FmaTile {
  using T = T_;
  static constexpr unsigned size = full_width<T>;
  using P = Pack<T, size>;
  static constexpr unsigned warps = 4, threads = warps * warp_size;
  static constexpr unsigned blocks = 2;  // on a multiprocessor: so many registers a thread may have
  static constexpr unsigned rows = 16 * warps;    // of A and of s
  static constexpr unsigned columns = 16 * size;  // rows of B, columns of s
  static constexpr unsigned width = width_;
  static constexpr unsigned packs = 4;  // of a row of A or B at a time
  static constexpr unsigned pitch = packs + 1;
  static constexpr unsigned c_rows = 16;  // of C at a time
  static constexpr unsigned c_packs = width / size;
  static constexpr unsigned c_pitch = c_packs;
  static constexpr unsigned mine = columns / 4;   // columns of s of one lane
  static constexpr unsigned stage_packs =         // of shared memory, for A and B
      (rows + columns) * pitch > c_rows* c_packs  // or for C
          ? (rows + columns) * pitch
          : c_rows* c_packs;
  static constexpr unsigned weight_pitch = columns / size + 1;
  static constexpr unsigned weight_packs = rows * weight_pitch;  // of shared memory, for w
  static constexpr unsigned out_packs = width / (4 * size);      // of a row of out, of one lane

  using Scores = T[2][mine];
  static constexpr unsigned out_mine = out_packs * size;
  using Out = T[2][out_mine];

  static __device__ unsigned lane() { return threadIdx.x % warp_size; }
  static __device__ unsigned first_row() { return threadIdx.x / warp_size * 16; }
  static __device__ unsigned row(unsigned i) { return first_row() + lane() / 4 + 8 * i; }
  static __device__ unsigned column(unsigned j) { return lane() % 4 + 4 * j; }
  /// Of out, 0 .. out_mine - 1.
  static __device__ unsigned out_column(unsigned m) {
    return size * (lane() % 4 + 4 * (m / size)) + m % size;
  }

  /// s += A B^T over some packs of the common axis.
  template <class Stage>
  static __device__ void scores(Scores& s, const Stage stage, unsigned a, unsigned b,
                                unsigned there) {
    for (unsigned v = 0; v < there; ++v) {
      const P a0 = stage[a + row(0) * pitch + v], a1 = stage[a + row(1) * pitch + v];
      VCELL_UNROLL
      for (unsigned j = 0; j < mine; ++j) {
        const P bj = stage[b + column(j) * pitch + v];
        VCELL_UNROLL
        for (unsigned i = 0; i < size; ++i) {
          s[0][j] += a0.v[i] * bj.v[i];
          s[1][j] += a1.v[i] * bj.v[i];
        }
      }
    }
  }

  /// Shows w to the warp. Between two calls there is a barrier.
  template <class Weights>
  static __device__ void share(const Scores& w, const Weights weights) {
    VCELL_UNROLL
    for (unsigned i = 0; i < 2; ++i) VCELL_UNROLL
    for (unsigned u = 0; u < mine / size; ++u) {
      P p;
      VCELL_UNROLL
      for (unsigned e = 0; e < size; ++e) p.v[e] = w[i][u * size + e];
      weights[row(i) * weight_pitch + 4 * u + lane() % 4] = p;
    }
    __syncwarp();
  }

  /// out += w C over the c-th piece of C.
  template <class Weights, class Stage>
  static __device__ void accumulate(Out& out, const Scores&, const Weights weights,
                                    const Stage stage, unsigned from, unsigned c) {
    constexpr unsigned each = c_rows / size;  // packs of w that meet this piece
    for (unsigned v = 0; v < each; ++v) {
      const unsigned at = c * each + v;
      const P w0 = weights[row(0) * weight_pitch + at], w1 = weights[row(1) * weight_pitch + at];
      VCELL_UNROLL
      for (unsigned i = 0; i < size; ++i) {
        const unsigned k = v % 4 + 4 * (size * (v / 4) + i);  // as column() has it
        VCELL_UNROLL
        for (unsigned m = 0; m < out_packs; ++m) {
          const P ck = stage[from + k * c_packs + lane() % 4 + 4 * m];
          VCELL_UNROLL
          for (unsigned e = 0; e < size; ++e) {
            out[0][m * size + e] += w0.v[i] * ck.v[e];
            out[1][m * size + e] += w1.v[i] * ck.v[e];
          }
        }
      }
    }
  }
};

}  // namespace device
VCELL_END_NAMESPACE
