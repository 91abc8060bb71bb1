#include "vcell/sets/split_toml.hpp"

#include <cstdlib>
#include <fstream>

#include "sets/small_screen.hpp"
#include "support/catch.hpp"
#include "vcell/sets/split.hpp"

using namespace vcell;
using Catch::Matchers::Contains;
using vcell_test::message_of;

namespace {

struct Folder {
  std::filesystem::path path;
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "vcell-split-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()));
    path = name;
  }
  ~Folder() { std::filesystem::remove_all(path); }
};

std::string error_of(const std::string& text) {
  return message_of<FormatError>([&] { parse_split(text, "split.toml"); });
}

}  // namespace

TEST_CASE("split_toml: the tables that State uses", "[sets]") {
  const SplitSpec spec = parse_split(R"(
# a comment
[datasets]
screen = "data/screen.h5ad"
"rep.logle" = "data/{a,b}/*.h5"

[training]
screen = "train"

[zeroshot]
"rep.logle.k562" = "val"
"rep.logle.jurkat" = "test"

[fewshot]
[fewshot."screen.rep_3"]
test = ["STAT1"]
[fewshot."screen.rep_2"]
val = [
  "JAK2",
  'IRF1',
]
test = []
)");
  CHECK(spec.datasets.at("rep.logle") == "data/{a,b}/*.h5");
  CHECK(spec.training == std::set<std::string>{"screen"});
  CHECK(spec.zeroshot.at("rep.logle.k562") == Part::validation);
  CHECK(spec.zeroshot.at("rep.logle.jurkat") == Part::test);
  CHECK(spec.fewshot.at("screen.rep_3") == HeldOutPerturbations{{}, {"STAT1"}});
  CHECK(spec.fewshot.at("screen.rep_2") == HeldOutPerturbations{{"JAK2", "IRF1"}, {}});
  CHECK_FALSE(spec.cells);
}

TEST_CASE("split_toml: the text is what State reads", "[sets]") {
  SplitSpec spec;
  spec.datasets = {{"screen", "screen.h5ad"}};
  spec.training = {"screen"};
  spec.fewshot["screen.rep_3"].test = {"STAT1", "JAK2"};
  CHECK(format_split(spec) ==
        "[datasets]\nscreen = \"screen.h5ad\"\n\n[training]\nscreen = \"train\"\n\n"
        "[fewshot.\"screen.rep_3\"]\ntest = [\"STAT1\", \"JAK2\"]\n");
}

TEST_CASE("split_toml: writing and reading gives the same split", "[sets]") {
  const Folder folder;
  SplitSpec spec;
  spec.datasets = {{"a", "C:\\data\\x.h5ad"}, {"a.b", "\"quoted\".h5ad"}, {"", "empty name"}};
  spec.training = {"a", "a.b"};
  spec.zeroshot = {{"a.T cell|d 3", Part::validation}, {"a.b.\u00e9\u4e2d", Part::test}};
  spec.fewshot["a.x\ny\t\x01\x7f"] = {{"A+B", "HLA-A", "#", "it's"}, {"\\", "\"", "A"}};
  spec.fewshot["a.none"] = {};
  spec.cells = HeldOutCells{.validation = 0.1, .test = 1.0 / 3, .seed = 9007199254740993};
  const auto path = folder.path / "split.toml";
  write_split(path, spec);
  CHECK(read_split(path) == spec);
  CHECK(format_split(read_split(path)) == format_split(spec));
  spec.cells->seed = ~uint64_t(0);
  CHECK_THROWS_AS(write_split(path, spec), ConfigError);
  CHECK_FALSE(read_split(path) == spec);  // the old file is still there
}

TEST_CASE("split_toml: errors name file, line and what was expected", "[sets]") {
  CHECK_THAT(error_of("[datasets]\na = \n"), Contains("split.toml, line 2"));
  CHECK_THAT(error_of(""), Contains("[datasets] is absent"));
  CHECK_THAT(error_of("[training]\na = \"train\""), Contains("[datasets] is absent"));
  CHECK_THAT(error_of("[datasets]\na = 3"), Contains("line 2") && Contains("a path in quotes"));
  CHECK_THAT(error_of("[datasets]\na = \"x\"\n[training]\na = \"test\""),
             Contains("line 4") && Contains("expected \"train\""));
  CHECK_THAT(error_of("datasets = 3"), Contains("[datasets] must be a table"));
  CHECK_THAT(error_of("[datasets]\na = \"x\"\n[zeroshots]\n"),
             Contains("[zeroshots] is not known"));
  CHECK_THAT(error_of("[datasets]\na = \"x\"\n[zeroshot]\n\"a.b\" = \"train\""),
             Contains("'a.b' is 'train', expected val or test"));
  CHECK_THAT(error_of("[datasets]\na = \"x\"\n[zeroshot]\na.b = \"test\""),
             Contains("write the key in quotes"));
  CHECK_THAT(error_of("[datasets]\na = \"x\"\n[fewshot.a.b]\ntest = [\"A\"]"),
             Contains("in quotes, as [fewshot.\"dataset.context\"]"));
  CHECK_THAT(error_of("[datasets]\na = \"x\"\n[fewshot.\"a.b\"]\ntest = \"A\""),
             Contains("expected a list of names"));
  CHECK_THAT(error_of("[datasets]\na = \"x\"\n[fewshot.\"a.b\"]\ntest = [1]"),
             Contains("a list of names in quotes"));
  CHECK_THAT(error_of("[datasets]\na = \"x\"\n[cells]\nseed = -1"), Contains("seed"));
  CHECK_THAT(error_of("[datasets]\na = \"x\"\n[cells]\ntest = \"A\""), Contains("fraction"));
  CHECK_THAT(error_of("[datasets]\na = \"x\"\n[cells]\ntrain = 0.2"), Contains("'train'"));
  CHECK_THAT(error_of("[datasets]\na = \"\xff\"\n"), Contains("line 2"));
}

TEST_CASE("split_toml: a file that cannot be read", "[sets]") {
  const Folder folder;
  CHECK_THAT(message_of<IoError>([&] { read_split(folder.path / "none.toml"); }),
             Contains("none.toml"));
  CHECK_THAT(message_of<IoError>([&] { read_split(folder.path); }),
             Contains(folder.path.filename().string()));
  std::ofstream(folder.path / "empty.toml");
  CHECK_THAT(message_of<FormatError>([&] { read_split(folder.path / "empty.toml"); }),
             Contains("empty.toml"));
}
