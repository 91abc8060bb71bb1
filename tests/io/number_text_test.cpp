#include "vcell/io/number_text.hpp"

#include <limits>

#include "support/catch.hpp"

using namespace vcell;

TEST_CASE("number_text: is short and reads back", "[io]") {
  REQUIRE(number_text(0.1) == "0.1");
  REQUIRE(number_text(0.1f) == "0.1");
  REQUIRE(number_text(13.0) == "13");
  REQUIRE(number_text(-std::numeric_limits<double>::quiet_NaN()) == "NaN");
  REQUIRE(number_text(-std::numeric_limits<double>::infinity()) == "-inf");
  for (double x : {1 / 3., 5e-324, 1.7976931348623157e308, -0.0, 1e22}) {
    const auto read = parse_number(number_text(x));
    REQUIRE(read == x);
    REQUIRE(std::signbit(*read) == std::signbit(x));
  }
}

TEST_CASE("number_text: reads the forms of other tools and nothing else", "[io]") {
  const double inf = std::numeric_limits<double>::infinity();
  REQUIRE(parse_number("13.0") == 13);
  REQUIRE(parse_number("1e-05") == 1e-5);
  REQUIRE(parse_number("inf") == inf);
  REQUIRE(parse_number("-inf") == -inf);
  REQUIRE(parse_number("1e999") == inf);
  REQUIRE(parse_number("1e-999") == 0);
  for (const char* nan_text : {"NaN", "nan"}) REQUIRE(std::isnan(parse_number(nan_text).value()));
  for (const char* none : {"", " 1", "1 ", "1,5", "x", "1e", "0.5%"})
    REQUIRE_FALSE(parse_number(none));
}
