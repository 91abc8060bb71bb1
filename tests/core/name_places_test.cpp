#include "vcell/core/name_places.hpp"

#include "support/catch.hpp"

using namespace vcell;

TEST_CASE("name_places: the first of equal names, and nothing for others", "[core]") {
  const std::vector<std::string> names = {"JAK2", "", "STAT1", "ATF2", "STAT1", "STAT10", "ATF2"};
  const NamePlaces places(names);
  for (size_t i = 0; i < names.size(); ++i) {
    INFO(names[i]);
    const auto first = size_t(std::find(names.begin(), names.end(), names[i]) - names.begin());
    CHECK(places.find(names[i]) == first);
    CHECK(places.contains(names[i]));
    CHECK(places.repeats(names[i]) == (std::count(names.begin(), names.end(), names[i]) > 1));
  }
  for (const char* absent : {"A", "ATF", "ATF20", "STAT", "Z", "jak2"}) {
    INFO(absent);
    CHECK_FALSE(places.find(absent));
    CHECK_FALSE(places.contains(absent));
    CHECK_FALSE(places.repeats(absent));
  }
}

TEST_CASE("name_places: one name and none", "[core]") {
  const std::vector<std::string> one = {"STAT1"}, none;
  CHECK(NamePlaces(one).find("STAT1") == size_t(0));
  CHECK_FALSE(NamePlaces(one).contains("STAT"));
  CHECK_FALSE(NamePlaces(none).contains(""));
}
