#include "vcell/data/dataframe.hpp"

#include <cmath>

#include "support/errors.hpp"
#include "vcell/data/factor.hpp"

using namespace vcell;
using vcell_test::check_error;
using Text = std::vector<std::string>;

namespace {

DataFrame some_table() {
  DataFrame t({"a", "b", "c"});
  t.set("text", Column{Text{"x", "y", "x"}});
  t.set("label", Categorical{{1, -1, 0}, Text{"u", "v", "unused"}, false});
  t.set("plate", Categorical{{1, 1, 0}, std::vector<int64_t>{10, 9}, false});
  t.set("count", Column{std::vector<int64_t>{3, 2, 1}, {0, 1, 0}});
  t.set("score", std::vector<double>{0.1, NAN, -2});
  t.set("good", Column{Numbers::truths({1, 0, 0}), {0, 0, 1}});
  return t;
}

}  // namespace

TEST_CASE("column: text, numbers and what is missing", "[data]") {
  const DataFrame t = some_table();
  CHECK(t.column("text").text() == Text{"x", "y", "x"});
  CHECK(t.column("label").text() == Text{"v", "", "u"});
  CHECK(t.column("plate").text() == Text{"9", "9", "10"});
  CHECK(t.column("count").text() == Text{"3", "", "1"});
  CHECK(t.column("score").text() == Text{"0.1", "", "-2"});
  CHECK(t.column("good").text() == Text{"True", "False", ""});
  const auto numbers = [&](const char* name) {
    auto x = t.column(name).numbers();
    for (double& v : x)
      if (std::isnan(v)) v = 1e9;
    return x;
  };
  CHECK(numbers("plate") == std::vector<double>{9, 9, 10});
  CHECK(numbers("count") == std::vector<double>{3, 1e9, 1});
  CHECK(numbers("score") == std::vector<double>{0.1, 1e9, -2});
  CHECK(numbers("good") == std::vector<double>{1, 0, 1e9});
  check_error<ConfigError>([&] { t.column("text").numbers(); }, {"Column::numbers", "text"});
  check_error<ConfigError>([&] { t.column("label").numbers(); }, {"Column::numbers", "text"});
  for (const char* name : {"label", "count", "score"}) CHECK(t.column(name).is_missing()[1]);
  CHECK_FALSE(t.column("text").is_missing()[1]);
  check_error<ShapeError>([] { Column(Text{"a"}, {0, 1}); }, {"Column", "(2)", "(1)"});
}

TEST_CASE("column: numbers keep their dtype and are named in the shortest form", "[data]") {
  const auto text = [](Numbers numbers) { return Column(std::move(numbers)).text(); };
  CHECK(text(std::vector<float>{0.1f, -2}) == Text{"0.1", "-2"});
  CHECK(text(std::vector<int8_t>{-5}) == Text{"-5"});
  CHECK(text(std::vector<uint64_t>{~uint64_t(0)}) == Text{"18446744073709551615"});
  CHECK(text(std::vector<half>{half::from_bits(0x3c00)}) == Text{"1"});
  DataFrame t({"a", "b"});
  t.set("x", std::vector<float>{1, 2});
  const std::vector<size_t> picked = {1};
  CHECK(t.select_rows(picked).column("x").values().numbers() == Numbers(std::vector<float>{2}));
}

TEST_CASE("column: rows of which nothing is known", "[data]") {
  const DataFrame t = some_table();
  const std::vector<uint8_t> flags = {1, 0, 0}, two = {1, 0};
  for (const std::string& name : t.names()) {
    auto expected = t.column(name).text();
    expected[0] = "";
    CHECK(t.column(name).with_missing(flags).text() == expected);
  }
  CHECK(t.column("text").with_missing(flags).missing() == flags);
  check_error<ShapeError>([&] { t.column("text").with_missing(two); }, {"(2)", "(3)"});
}

TEST_CASE("dataframe: columns keep their order and are found by name", "[data]") {
  DataFrame t = some_table();
  const Text names = {"text", "label", "plate", "count", "score", "good"};
  CHECK(t.names() == names);
  t.set("label", std::vector<double>{1, 2, 3});
  CHECK(t.names() == names);
  CHECK(t.column("label").numbers()[2] == 3);
  t.erase("plate");
  t.erase("plate");
  CHECK_FALSE(t.has("plate"));
  CHECK(t.names().size() == 5);
  check_error<ConfigError>([&] { t.column("plat"); }, {"'plat'", "'text', 'label', 'count'"});
  check_error<ShapeError>([&] { t.set("new", Text{"1"}); }, {"'new'", "(1)", "(3)"});
  CHECK_FALSE(t.has("new"));
}

TEST_CASE("dataframe: rows are picked in any order, more than once", "[data]") {
  const DataFrame t = some_table();
  const std::vector<size_t> picked = {2, 0, 2}, none, beyond = {3};
  const DataFrame p = t.select_rows(picked);
  CHECK(p.index == Text{"c", "a", "c"});
  CHECK(p.names() == t.names());
  for (const std::string& name : t.names()) {
    const auto all = t.column(name).text(), some = p.column(name).text();
    CHECK(some == Text{all[2], all[0], all[2]});
  }
  CHECK(t.select_rows(none).rows() == 0);
  CHECK(t.select_rows(none).names() == t.names());
  check_error<ShapeError>([&] { t.select_rows(beyond); }, {"3"});
}

TEST_CASE("factor: names are sorted by code point and each is somebody's", "[data]") {
  const Column column(Text{"b", "é", "B", "b", "z"});
  const Factor f = factor(column);
  CHECK(f.names == Text{"B", "b", "z", "é"});
  CHECK(f.codes == std::vector<int32_t>{1, 3, 0, 1, 2});
  CHECK(f.code("z") == 2);
  CHECK(f.code("a") == -1);
  CHECK(f.code("zz") == -1);
  const DataFrame t = some_table();
  CHECK(factor(t.column("label")) == Factor{{"u", "v"}, {1, -1, 0}});
  CHECK(factor(t.column("plate")) == Factor{{"10", "9"}, {1, 1, 0}});
  CHECK(factor(t.column("count")) == Factor{{"1", "3"}, {1, -1, 0}});
  CHECK(factor(Column(Text{})) == Factor{});
}

TEST_CASE("factor: several columns are joined, none make one name", "[data]") {
  const DataFrame t = some_table();
  CHECK(joined_factor(t, {"text", "plate"}) == Factor{{"x|10", "x|9", "y|9"}, {1, 2, 0}});
  CHECK(joined_factor(t, {"text", "label"}) == Factor{{"x|u", "x|v"}, {1, -1, 0}});
  CHECK(joined_factor(t, {}) == Factor{{"all"}, {0, 0, 0}});
  CHECK(joined_factor(t, {}, "HepG2") == Factor{{"HepG2"}, {0, 0, 0}});
  CHECK(joined_factor(DataFrame{}, {}) == Factor{});
  check_error<ConfigError>([&] { joined_factor(t, {"text", "no"}); }, {"'no'"});
  DataFrame bars;
  bars.index = {"c0", "c1"};
  bars.set("a", std::vector<std::string>{"x|y", "x"});
  bars.set("b", std::vector<std::string>{"z", "y|z"});
  CHECK(joined_factor(bars, {"a"}) == Factor{{"x", "x|y"}, {1, 0}});
  check_error<ConfigError>([&] { joined_factor(bars, {"a", "b"}); }, {"'x|y'", "'a'", "rename"});
}
