#include "vcell/sets/dataset_name.hpp"

#include "sets/small_screen.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"

using namespace vcell;
using vcell_test::check_error;

TEST_CASE("dataset_name: by path, by folder or pattern, else by the stem", "[sets]") {
  SplitSpec spec;
  spec.datasets = {{"mine", "./data/../data/screen.h5ad"},
                   {"folder", "/big/folder/"},
                   {"glob", "/big/{k562,rpe1}/part_*.h5"}};
  CHECK(dataset_name(spec, "data/screen.h5ad") == "mine");
  CHECK(dataset_name(spec, std::filesystem::absolute("data/screen.h5ad")) == "mine");
  CHECK(dataset_name(spec, "/big/folder/deep/x.h5ad") == "folder");
  CHECK(dataset_name(spec, "/big/k562/part_1.h5") == "glob");
  CHECK(dataset_name(spec, "/big/hepg2/part_1.h5") == "part_1");
  CHECK(dataset_name(spec, "elsewhere/my.screen.h5ad") == "my.screen");
  spec.datasets["twin"] = "data/screen.h5ad";
  check_error<ConfigError>([&] { dataset_name(spec, "data/screen.h5ad"); }, {"'mine', 'twin'"});
}

TEST_CASE("path_pattern: stars, question marks and braces", "[sets]") {
  CHECK(expand_braces("{a,b}{1,{2,3}}.h5") ==
        std::vector<std::string>{"a1.h5", "a2.h5", "a3.h5", "b1.h5", "b2.h5", "b3.h5"});
  CHECK(expand_braces("a{b") == std::vector<std::string>{"a{b"});
  CHECK(expand_braces("a{b{c,d}") == std::vector<std::string>{"a{bc", "a{bd"});
  CHECK(expand_braces("a}{}") == std::vector<std::string>{"a}"});
  CHECK(matches_pattern("x/ab.h5", "x/*.h5"));
  CHECK(matches_pattern("x/ab.h5", "x/a?.*"));
  CHECK(matches_pattern("aXbXc", "*X*c"));
  CHECK(matches_pattern("", "*"));
  CHECK_FALSE(matches_pattern("x/y/ab.h5", "x/*.h5"));
  CHECK_FALSE(matches_pattern("x/y", "x?y"));
  CHECK_FALSE(matches_pattern("ab.h5ad", "*.h5"));
  CHECK_FALSE(matches_pattern("", "?"));
  CHECK_FALSE(matches_pattern(std::string(3000, 'a'), "*a*a*a*a*a*a*a*a*b"));
}
