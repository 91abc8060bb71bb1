#include "vcell/io/toml_text.hpp"

#include <toml++/toml.h>

#include "support/errors.hpp"

using namespace vcell;

TEST_CASE("toml_text: text and keys read back the same", "[io]") {
  for (const std::string text :
       {"", "plain", "a \"b\" \\ c", "two\nlines\ttab", "caf\u00e9 \U0001F9EC", "\x01\x1f\x7f",
        "a.b", "[x]", "# no comment", "'"}) {
    INFO(text);
    const toml::table table = toml::parse(toml_key(text) + " = " + toml_string(text) +
                                          "\nlist = " + toml_list({text, "b"}) + '\n');
    CHECK(table[text].value_exact<std::string>() == text);
    CHECK(table["list"].as_array()->size() == 2);
    CHECK(table["list"][0].value_exact<std::string>() == text);
  }
  CHECK(toml_key("STAT-1_a") == "STAT-1_a");
  CHECK(toml_list({}) == "[]");
}

TEST_CASE("toml_text: what TOML cannot hold", "[io]") {
  vcell_test::check_error<ConfigError>([] { toml_string("caf\xE9"); }, {"UTF-8", "toml_string"});
}
