#include "vcell/sets/dataset_name.hpp"

#include "sets/small_screen.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/sets/split_toml.hpp"

using namespace vcell;
using vcell_test::check_error;

TEST_CASE("dataset_name: by path, by folder or pattern, else by the stem", "[sets]") {
  SplitSpec spec;
  spec.datasets = {{"mine", "./data/../data/screen.h5ad"},
                   {"folder", "/big/folder/"},
                   {"glob", "/big/{k562,rpe1}/part_*.h5"}};
  CHECK(dataset_name(spec, "data/screen.h5ad") == "mine");
  CHECK(dataset_name(spec, std::filesystem::absolute("data/screen.h5ad")) == "mine");
  CHECK(stem_of("data/mtx/") == "mtx");
  CHECK(dataset_name(spec, "/big/folder/deep/x.h5ad") == "folder");
  CHECK(dataset_name(spec, "/big/k562/part_1.h5") == "glob");
  CHECK(dataset_name(spec, "/big/hepg2/part_1.h5") == "part_1");
  CHECK(dataset_name(spec, "elsewhere/my.screen.h5ad") == "my.screen");
  spec.datasets["twin"] = "data/screen.h5ad";
  check_error<ConfigError>([&] { dataset_name(spec, "data/screen.h5ad"); }, {"'mine', 'twin'"});
}

TEST_CASE("dataset_name: folders and patterns as a TOML file names them", "[sets]") {
  const vcell_test::TemporaryFolder folder;
  const auto root = folder.path();
  std::filesystem::create_directories(root / "splits");
  const auto name_of_file = [&](const std::string& declared, const std::filesystem::path& file) {
    write_text(root / "splits" / "split.toml", "[datasets]\nscreen = " + toml_string(declared) +
                                                   "\n[training]\nscreen = \"train\"\n");
    return dataset_name(read_split(root / "splits" / "split.toml"), file);
  };
  const auto file = root / "data" / "k562" / "part_7.h5ad";
  for (const std::string relative :
       {"../data/", "../data", "../data/k562/", "../data/*/*.h5ad", "../data/k562/part_?.h5ad",
        "../data/k562/part_[0-9].h5ad", "../data/{hepg2,k562}/part_7.h5ad", "../data/{hepg2,k562}",
        "../data/{hepg2,k562}/", "../data/k*", "../data/{hepg2/x,k562/part_7}.h5ad",
        "../data/{,../data/k562/}part_7.h5ad"}) {
    CAPTURE(relative);
    CHECK(name_of_file(relative, file) == "screen");
    CHECK(name_of_file((root / "splits" / relative).string(), file) == "screen");
    // Also where the file is named from the working directory.
    CHECK(name_of_file(relative, std::filesystem::relative(file)) == "screen");
  }
  for (const std::string other : {"", "../dat", "../data/k56", "../data/*.h5ad", "../data/hepg2/",
                                  "../data/[!k]*", "../data/{hepg2,rpe1}"}) {
    CAPTURE(other);
    CHECK(name_of_file(other, file) == "part_7");
  }
  CHECK(name_of_file("../data{1}/", root / "data{1}" / "x.h5ad") == "screen");
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
  CHECK(matches_pattern("x/a7.h5", "x/[a-c][!x].h5"));
  CHECK(matches_pattern("]-", "[]][a-]"));
  CHECK(matches_pattern("a[b", "a[b"));
  CHECK(matches_pattern("abcb1", "*b[0-9]"));
  CHECK_FALSE(matches_pattern("x/d7.h5", "x/[a-c]7.h5"));
  CHECK_FALSE(matches_pattern("x/y", "x[!a]y"));
  CHECK_FALSE(matches_pattern("x/y", "x[.-0]y"));
  CHECK_FALSE(matches_pattern("x/y/ab.h5", "x/*.h5"));
  CHECK_FALSE(matches_pattern("x/y", "x?y"));
  CHECK_FALSE(matches_pattern("ab.h5ad", "*.h5"));
  CHECK_FALSE(matches_pattern("", "?"));
  CHECK_FALSE(matches_pattern(std::string(3000, 'a'), "*a*a*a*a*a*a*a*a*b"));
}
