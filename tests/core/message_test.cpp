#include "vcell/core/message.hpp"

#include <iomanip>

#include "support/catch.hpp"

using namespace vcell;

TEST_CASE("message: parts", "[core]") {
  CHECK(message() == "");
  CHECK(message("a", std::string("b"), std::string_view("c"), 'd') == "abcd");
  CHECK(message(true, ' ', false) == "true false");
  CHECK(message(-3, ' ', size_t(7), ' ', int8_t(-1), ' ', ~uint64_t(0)) ==
        "-3 7 -1 18446744073709551615");
  CHECK(message(0.1, ' ', 1e300, ' ', 0.1f, ' ', 2.0) == "0.1 1e+300 0.1 2");
  CHECK(message(std::array<size_t, 2>{2, 3}) == "(2, 3)");
  CHECK(message(std::array<size_t, 0>{}) == "()");
  CHECK(message(std::vector<int>{1}) == "(1)");
}

TEST_CASE("message: quoted, also beside <iomanip>", "[core]") {
  using namespace std;
  string name = "STAT1";
  CHECK(quoted(name) == "'STAT1'");
  CHECK(quoted("a b") == "'a b'");
  CHECK(quoted(string_view(name).substr(0, 1)) == "'S'");
}

TEST_CASE("message: list_of", "[core]") {
  CHECK(list_of({}) == "none");
  CHECK(list_of({"a"}) == "'a'");
  CHECK(list_of({"a", "b"}) == "'a', 'b'");
  CHECK(list_of({"a", "b", "c"}, 2) == "'a', 'b', ... (3 in all)");
}
