#include "vcell/io/json.hpp"

#include <limits>
#include <nlohmann/json.hpp>

#include "support/catch.hpp"
#include "support/errors.hpp"

using namespace vcell;
using vcell_test::check_error;

namespace {

Json parsed(const std::string& text) { return parse_json_object(text, "test: the text"); }

/// What is under the key "x" of an object.
Json parsed_x(const std::string& text) { return *parsed("{\"x\":" + text + "}").find("x"); }

std::string repeated(const std::string& text, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += text;
  return out;
}

}  // namespace

TEST_CASE("json: values read as another reader reads them", "[io]") {
  const Json all = parsed(
      "\xEF\xBB\xBF { \"\\u00fc\": \"a\\\\\\n\\ud83d\\ude00\" , \"n\":null,\"t\":true,\"f\":false,"
      "\"o\":{},\"a\":[1, -2.50e+2,[\"\\u0000\"]]}\n");
  CHECK(all.keys == std::vector<std::string>{"\xC3\xBC", "n", "t", "f", "o", "a"});
  CHECK(all.items[0].text == "a\\\n\xF0\x9F\x98\x80");
  CHECK(all.items[1].kind == Json::Kind::null);
  CHECK(all.items[2].text == "true");
  CHECK(all.items[3].text == "false");
  CHECK(all.items[4].kind == Json::Kind::object);
  const Json& list = *all.find("a");
  REQUIRE(list.items.size() == 3);
  CHECK(list.items[0].whole() == 1u);
  CHECK(list.items[1].text == "-2.50e+2");
  CHECK(list.items[2].items[0].text == std::string(1, '\0'));
  CHECK(all.find("z") == nullptr);
  std::string text = json_text(all);
  text.replace(text.find("-2.50e+2"), 8, "-250.0");
  CHECK(nlohmann::ordered_json::parse(json_text(all)).dump() == text);
  CHECK(nlohmann::ordered_json::parse(text).dump(2) == json_text(parsed(text), 2));
}

TEST_CASE("json: numbers are exact and spelt as other writers spell them", "[io]") {
  for (const double x : {0.0, -0.0, 1.0, 0.1, -1e-4, 9.9e-5, 1e-6, 1e14, 999999999999999.0, 1e15,
                         1e300, 5e-324, 1.7976931348623157e308, 0.1 + 0.2, 100000.0, 4321.0625}) {
    const std::string text = json_text(json_of(x));
    CHECK(text == nlohmann::json(x).dump());
    CHECK(parse_number(parsed_x(text).text) == x);
  }
  CHECK(json_text(json_of(std::numeric_limits<uint64_t>::max())) == "18446744073709551615");
  CHECK(parsed_x("18446744073709551615").whole() == std::numeric_limits<uint64_t>::max());
  for (const char* text : {"18446744073709551616", "-1", "1.0", "1e3", "\"1\"", "null", "-0"})
    CHECK_FALSE(parsed_x(text).whole());
  const double infinity = std::numeric_limits<double>::infinity();
  check_error<FormatError>([&] { json_of(std::vector{1.0, infinity}); }, {"json_of: inf"});
}

TEST_CASE("json: what is no JSON object is refused", "[io]") {
  const auto fails = [](const std::string& text, const std::string& part) {
    check_error<FormatError>([&] { parsed(text); }, {"test: the text is no JSON object", part});
  };
  for (const std::string text :
       {"", " ", "{", "{]", "{\"x\"}", "{\"x\":1,}", "{'x':1}", "{\"x\":01}", "{\"x\":+1}",
        "{\"x\":NaN}", "{\"x\":1} {}", "{\"x\":tru}", "{\"x\":\"\n\"}", "{\"x\":\"\\q\"}",
        "{\"x\":1/*y*/}"})
    fails(text, "at byte");
  for (const std::string text : {"1", "[]", "\"x\"", "null"}) fails(text, "something else");
  for (const std::string text : {"\xff", "\xC0\x80", "\xED\xA0\x80", "\\ud800", "\\udc00"}) {
    fails("{\"x\":\"" + text + "\"}", "at byte");
    fails("{\"" + text + "\":1}", "at byte");
  }
  fails("{\"x\":1e999}", "at byte");
  fails("{\"x\":-1.9e308}", "too large a number");
  fails("{\"x\":1,\"y\":2,\"x\":1}", "the key 'x' twice at byte");
  fails("{\"x\":[{\"y\":2,\"\\u0079\":1}]}", "the key 'y' twice");
}

TEST_CASE("json: hostile texts take neither stack nor tables that are not there", "[io]") {
  for (const char* part : {"[", "{\"x\":", "[{\"x\":"}) {
    INFO(part);
    check_error<FormatError>([&] { parsed("{\"x\":" + repeated(part, 1000000)); },
                             {"nested more than 64 deep"});
  }
  CHECK(parsed_x(repeated("[", 63) + repeated("]", 63)).kind == Json::Kind::array);
  check_error<FormatError>([&] { parsed_x(repeated("[", 64) + repeated("]", 64)); }, {"64 deep"});
  const std::string zeros(5000, '0');
  for (const std::string& text : {"0." + zeros + "1234567890123456789", "1e-" + zeros + "999999999",
                                  "1" + zeros.substr(0, 300) + ".5e-99999999999", "0." + zeros})
    CHECK(std::isfinite(*parse_number(parsed_x(text).text)));
  check_error<FormatError>([&] { parsed_x("1" + zeros); }, {"at byte"});
  check_error<FormatError>([&] { parsed(std::string(100000001, ' ')); }, {"100000001 bytes"});
}

TEST_CASE("json: a text that is not UTF-8 is not written", "[io]") {
  check_error<FormatError>([] { json_text(json_of("caf\xE9")); }, {"'caf\xE9' is not UTF-8"});
  Json object;
  object.add("\xff", json_of(1));
  check_error<FormatError>([&] { json_text(object, 2); }, {"'\xff' is not UTF-8"});
}
