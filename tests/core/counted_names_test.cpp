#include "vcell/core/counted_names.hpp"

#include "support/catch.hpp"

using namespace vcell;
using Names = std::vector<std::string>;

TEST_CASE("counted_names: how many there are, and the first of them", "[core]") {
  CHECK(counted_names({"x"}, "cell") == "1 cell: 'x'");
  CHECK(counted_names({"b", "a", "b"}, "gene") == "3 genes: 'b', 'a', 'b'");
  CHECK(counted_names({}, "gene") == "0 genes: none");
  CHECK(counted_names(Names(9, "x"), "cell") ==
        "9 cells: 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', ... (9 in all)");
}

TEST_CASE("names_without: those of one list alone, in its order", "[core]") {
  const Names a{"c", "a", "b", "a", ""}, b{"b", "d"};
  CHECK(names_without(a, b) == Names{"c", "a", "a", ""});
  CHECK(names_without(b, a) == Names{"d"});
  CHECK(names_without(a, {}) == a);
  CHECK(names_without({}, a).empty());
}

TEST_CASE("repeated_names: one for each time after the first", "[core]") {
  CHECK(repeated_names(Names{"a", "b", "a", "c", "b", "a"}) == Names{"a", "b", "a"});
  CHECK(repeated_names(Names{"a", "b"}).empty());
  CHECK(repeated_names({}).empty());
}
