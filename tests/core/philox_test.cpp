#include "vcell/core/philox.hpp"

#include "support/catch.hpp"

using namespace vcell;

// The published known answers (Random123, tests/kat_vectors, philox4x32 with 10 rounds).
TEST_CASE("philox: known answers", "[core]") {
  using Words = std::array<uint32_t, 4>;
  CHECK(philox(0, {0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  constexpr uint64_t ones = ~uint64_t(0);
  CHECK(philox(ones, {ones, ones}) == Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox(0x299f31d0a4093822, {0x85a308d3243f6a88, 0x0370734413198a2e}) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("philox: unit_float lies in [0, 1)", "[core]") {
  CHECK(unit_float(0) == 0.f);
  CHECK(unit_float(0xffffffff) < 1.f);
  CHECK(unit_float(0xffffffff) == 1.f - 0x1p-24f);
  CHECK(unit_float(0x80000000) == 0.5f);
}
