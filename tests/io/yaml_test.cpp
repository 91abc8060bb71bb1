#include "vcell/io/yaml.hpp"

#include "support/errors.hpp"
#include "support/temporary_folder.hpp"

using namespace vcell;
using vcell_test::check_error;

namespace {

Json read(const std::string& text) {
  const vcell_test::TemporaryFolder folder;
  write_text(folder.path() / "config.yaml", text);
  return read_yaml(folder.path() / "config.yaml");
}

}  // namespace

TEST_CASE("yaml: tables, lists and scalars become what JSON has", "[io]") {
  CHECK(json_text(read("a: 1\nb: [x, -2.5, 1.0e-06, null, ~, ]\nc:\n  d: true\n  e: False\n"
                       "  f: 'true'\n  g: \"1\"\n  h:\nl:\n- 1\n- k: v\n")) ==
        R"({"a":1,"b":["x",-2.5,1.0e-06,null,null],"c":{"d":true,"e":false,"f":"true","g":"1",)"
        R"("h":null},"l":[1,{"k":"v"}]})");
  CHECK(json_text(read("text: .inf\nday: 2024-01-01\n1: x\n")) ==
        R"({"text":".inf","day":"2024-01-01","1":"x"})");
  CHECK(json_text(read("a: &x {k: 1}\nb: *x\n")) == R"({"a":{"k":1},"b":{"k":1}})");
  CHECK(read("").kind == Json::Kind::null);
}

TEST_CASE("yaml: what is none, or made to be large, is refused", "[io]") {
  const auto fails_with = [](const std::string& text, const std::string& what) {
    check_error<FormatError>([&] { read(text); }, {"read_yaml", "config.yaml", what});
  };
  fails_with("a: [1", "expected YAML");
  fails_with("a: 1\n b: 2", "line");
  fails_with("a: 1\na: 2", "line 2 has the key 'a' twice");
  fails_with("[1, 2]: x", "a list or a table as a key");
  fails_with("a: &x [*x]", "has not ended");
  fails_with("a: \"\\xff\xff\"", "UTF-8");
  fails_with(std::string(65, '['), "nested more than 64 deep");
  fails_with(std::string(100'000, '['), "nested more than 64 deep");
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string one = message("*a", i - 1, ", ");
    laughs += message("a", i, ": &a", i, " [");
    for (int k = 0; k < 10; ++k) laughs += one;
    laughs += "]\n";
  }
  fails_with(laughs, "beyond 1000000 values");
  fails_with(std::string(10'000'001, ' '), "10000001 bytes");
  check_error<IoError>([] { read_yaml("/nowhere/config.yaml"); }, {"/nowhere/config.yaml"});
}
