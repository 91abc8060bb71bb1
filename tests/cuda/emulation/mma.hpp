// What vcell/kernels/device/mma.cuh calls: products of a warp's fragments.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "cuda/emulation/block.hpp"

namespace vcell_emulation {

/// What a lane gives to a product: registers of A and B, elements of C, which come back changed.
struct Fragments {
  const uint32_t *a, *b;
  float* c;
};

/// The nearest float to a sum that is not further from zero: tensor cores do not round to nearest.
inline float towards_zero(double x) {
  const float nearest = float(x);
  return std::abs(double(nearest)) > std::abs(x) ? std::nextafter(nearest, 0.0f) : nearest;
}

/// C += A B of a warp. PTX ISA, "Matrix fragments for mma.m16n8k8" and "m16n8k16".
/// @param width   numbers in a register
/// @param number  (register, which one of it) -> its value
template <unsigned width, class Number>
void multiply(const std::array<void*, 32>& lanes, Number number) {
  constexpr unsigned k = 8 * width;
  double a[16][k], b[k][8];
  const auto fragments = [&](unsigned lane) { return *static_cast<Fragments*>(lanes[lane]); };
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned i = 0; i < 4 * width; ++i) {
      const unsigned group = lane / 4, member = lane % 4, r = i / width, part = i % width;
      // Registers 0 and 2 have the upper eight rows, 1 and 3 the lower ones; 0 and 1 the first half
      // of k.
      a[group + (r == 1 || r == 3 ? 8 : 0)][member * width + part + (r >= 2 ? k / 2 : 0)] =
          number(fragments(lane).a[r], part);
      if (r < 2)
        b[member * width + part + (r == 1 ? k / 2 : 0)][group] = number(fragments(lane).b[r], part);
    }
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned i = 0; i < 4; ++i) {
      const unsigned row = lane / 4 + (i >= 2 ? 8 : 0), column = lane % 4 * 2 + (i & 1);
      float& c = fragments(lane).c[i];
      double sum = double(c);
      for (unsigned j = 0; j < k; ++j) sum += a[row][j] * b[j][column];
      c = towards_zero(sum);
    }
}

}  // namespace vcell_emulation

inline float __uint_as_float(uint32_t bits) { return std::bit_cast<float>(bits); }

VCELL_BEGIN_NAMESPACE
namespace device {

/// cvt.rna.tf32.f32.
inline uint32_t to_tf32(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  if (std::isnan(x)) return 0x7fffffff;
  return std::isinf(x) ? bits : (bits + 0x1000) & ~uint32_t(0x1fff);
}

/// cvt.rn.bf16x2.f32.
inline uint32_t to_bfloat16(float first, float second) {
  const auto half = [](float x) {
    const uint32_t bits = std::bit_cast<uint32_t>(x);
    return std::isnan(x) ? uint32_t(0x7fff) : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  };
  return half(second) << 16 | half(first);
}

/// mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32.
inline void mma_tf32(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  auto& block = vcell_emulation::Block::current();
  vcell_emulation::Fragments mine{a, b, c};
  block.check_operands("mma_tf32", a, b, [](uint32_t bits) {
    return std::isnan(std::bit_cast<float>(bits)) || (bits & 0x1fff) == 0;
  });
  block.together("mma_tf32", &mine, [](const std::array<void*, 32>& lanes) {
    vcell_emulation::multiply<1>(
        lanes, [](uint32_t bits, unsigned) { return double(std::bit_cast<float>(bits)); });
  });
}

/// mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32.
inline void mma_bfloat16(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  vcell_emulation::Fragments mine{a, b, c};
  vcell_emulation::Block::current().together(
      "mma_bfloat16", &mine, [](const std::array<void*, 32>& lanes) {
        vcell_emulation::multiply<2>(lanes, [](uint32_t bits, unsigned part) {
          return double(std::bit_cast<float>(part ? bits & 0xffff0000u : bits << 16));
        });
      });
}

}  // namespace device
VCELL_END_NAMESPACE
