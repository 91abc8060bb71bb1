#include "vcell/core/bfloat16.hpp"

#include <cmath>
#include <limits>

#include "support/catch.hpp"

using namespace vcell;

TEST_CASE("bfloat16: exact values stay", "[core]") {
  for (const float x : {0.f, -0.f, 1.f, -1.5f, 0x1p-126f, 0x1p-133f, 0x1.fep127f, INFINITY}) {
    CHECK(float(bfloat16(x)) == x);
    CHECK(std::signbit(float(bfloat16(x))) == std::signbit(x));
  }
  CHECK(float(bfloat16()) == 0);
  CHECK(sizeof(bfloat16) == 2);
}

TEST_CASE("bfloat16: rounds to nearest, ties to even", "[core]") {
  CHECK(float(bfloat16(1 + 0x1p-8f)) == 1);                // half way: down to even
  CHECK(float(bfloat16(1 + 3 * 0x1p-8f)) == 1 + 0x1p-6f);  // half way: up to even
  CHECK(float(bfloat16(1 + 0x1.02p-8f)) == 1 + 0x1p-7f);
  CHECK(float(bfloat16(1 + 0x1.fep-9f)) == 1);
  CHECK(float(bfloat16(-1 - 0x1.02p-8f)) == -1 - 0x1p-7f);
  CHECK(float(bfloat16(std::numeric_limits<float>::max())) == INFINITY);
  CHECK(float(bfloat16(-std::numeric_limits<float>::max())) == -INFINITY);
}

TEST_CASE("bfloat16: not-a-number stays so", "[core]") {
  CHECK(std::isnan(float(bfloat16(NAN))));
  // One whose upper half alone would read as infinity.
  CHECK(std::isnan(float(bfloat16(std::bit_cast<float>(0x7f800001u)))));
}

TEST_CASE("bfloat16: every pattern survives a round trip", "[core]") {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float x = bfloat16::from_bits(uint16_t(bits));
    if (!std::isnan(x)) REQUIRE(bfloat16(x).bits() == bits);
  }
}
