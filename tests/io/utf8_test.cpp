#include "vcell/io/utf8.hpp"

#include <string>

#include "support/catch.hpp"

using namespace vcell;

namespace {

/// What RFC 3629 says a code point is written as.
std::string encoded(uint32_t point) {
  if (point < 0x80) return {char(point)};
  if (point < 0x800) return {char(0xC0 | point >> 6), char(0x80 | (point & 63))};
  if (point < 0x10000)
    return {char(0xE0 | point >> 12), char(0x80 | (point >> 6 & 63)), char(0x80 | (point & 63))};
  return {char(0xF0 | point >> 18), char(0x80 | (point >> 12 & 63)), char(0x80 | (point >> 6 & 63)),
          char(0x80 | (point & 63))};
}

}  // namespace

TEST_CASE("utf8: every code point but surrogates, and nothing shorter", "[io]") {
  for (uint32_t point = 0; point < 0x111000; point += point < 0x3000 ? 1 : 37) {
    const std::string text = encoded(point);
    const bool valid = (point < 0xD800 || point > 0xDFFF) && point <= 0x10FFFF;
    REQUIRE(utf8_length(text, 0) == (valid ? text.size() : 0));
    REQUIRE(is_utf8("a" + text + "b") == valid);
    for (size_t n = 1; n < text.size(); ++n) REQUIRE_FALSE(is_utf8(text.substr(0, n)));
  }
}

TEST_CASE("utf8: what is no sequence", "[io]") {
  CHECK(is_utf8(""));
  CHECK(utf8_length("", 0) == 0);
  CHECK(utf8_length("a\xC3\xA9", 1) == 2);
  CHECK(utf8_length("a\xC3\xA9", 2) == 0);
  for (const char* text :
       {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xF0\x80\x80\x80",
        "\xF5\x80\x80\x80", "\xFF", "\xC3(", "\xE2\x82(", "caf\xE9"})
    CHECK_FALSE(is_utf8(text));
}
