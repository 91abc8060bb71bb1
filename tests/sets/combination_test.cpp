#include "vcell/sets/combination.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"

using namespace vcell;
using vcell_test::check_error;
using Names = std::vector<std::string>;

TEST_CASE("combination: parts by the separator that was declared", "[sets]") {
  ScreenOptions labels;
  labels.control = "ctrl";
  CHECK(parts_of("A+B", labels).empty());  // none was
  labels.combination_separator = "+";
  CHECK(parts_of("A", labels).empty());
  CHECK(parts_of("A+B", labels) == Names{"A", "B"});
  CHECK(parts_of("A+B+A", labels) == Names{"A", "B", "A"});
  CHECK(parts_of("A+ctrl", labels) == Names{"A"});
  CHECK(parts_of("ctrl", labels).empty());
  labels.combination_separator = "::";
  CHECK(parts_of("A:B::C", labels) == Names{"A:B", "C"});
  labels.control = "non::targeting";
  CHECK(parts_of("non::targeting", labels).empty());
}

TEST_CASE("combination: errors", "[sets]") {
  ScreenOptions labels;
  labels.control = "ctrl";
  labels.combination_separator = "+";
  for (const char* name : {"A+", "+A", "A++B", "+"})
    check_error<ConfigError>([&] { parts_of(name, labels); },
                             {quoted(name), "without a name", "[data] combination_separator"});
  check_error<ConfigError>([&] { parts_of("ctrl+ctrl", labels); }, {"controls alone"});
}
