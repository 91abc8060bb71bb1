#include "vcell/sets/split_toml.hpp"

#include <algorithm>
#include <fstream>

#include "sets/small_screen.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/sets/split.hpp"

using namespace vcell;
using vcell_test::check_error;
using vcell_test::TemporaryFolder;

namespace {

void refuses(const std::string& text, const std::vector<std::string>& texts) {
  check_error<FormatError>([&] { parse_split(text, "split.toml"); }, texts);
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

TEST_CASE("split_toml: what cell-load reads beside the split is a remark", "[sets]") {
  std::vector<std::string> remarks;
  const std::string text =
      "h5ad_csv_path = \"genes.csv\"\nEXPONENTIATED_UMIS_LIMIT = 5000000\n"
      "[datasets]\nscreen = \"screen.h5ad\"\n[training]\nscreen = \"train\"\n"
      "[zeroshot]\n\"screen.x\" = \"train\"\n[notes]\nwho = [\"me\"]\n[[list]]\n";
  const SplitSpec spec = parse_split(text, "split.toml", &remarks);
  CHECK(spec.datasets.size() == 1);
  CHECK(spec.zeroshot.at("screen.x") == Part::train);
  CHECK(parse_split(text) == spec);
  CHECK(remarks.size() == 4);
  for (const std::string start : {"1: 'h5ad_csv_path'", "2: 'EXPONENT", "9: 'notes'", "11: 'list'"})
    CHECK(std::any_of(remarks.begin(), remarks.end(), [&](const std::string& remark) {
      return remark.starts_with("split.toml, line " + start);
    }));
  CHECK(parse_split(format_split(spec)) == spec);
  remarks.clear();
  parse_split(format_split(spec), "split.toml", &remarks);
  CHECK(remarks.empty());
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
  const TemporaryFolder folder;
  SplitSpec spec;
  spec.datasets = {{"a", "/C:\\data\\x.h5ad"}, {"a.b", "/\"quoted\".h5ad"}, {"", "/empty name"}};
  spec.training = {"a", "a.b"};
  spec.zeroshot = {{"a.T cell|d 3", Part::validation},
                   {"a.b.\u00e9\u4e2d", Part::test},
                   {"a.trains", Part::train}};
  spec.fewshot["a.x\ny\t\x01\x7f"] = {{"A+B", "HLA-A", "#", "it's"}, {"\\", "\"", "A"}};
  spec.fewshot["a.none"] = {};
  spec.cells = HeldOutCells{.validation = 0.1, .test = 1.0 / 3, .seed = 9007199254740993};
  const auto path = folder.path() / "split.toml";
  write_split(path, spec);
  CHECK(read_split(path) == spec);
  CHECK(format_split(read_split(path)) == format_split(spec));
  spec.cells->seed = ~uint64_t(0);
  CHECK_THROWS_AS(write_split(path, spec), ConfigError);
  CHECK_FALSE(read_split(path) == spec);  // the old file is still there
  spec.cells.reset();
  spec.zeroshot["a.x"] = Part::unused;
  check_error<ConfigError>([&] { format_split(spec); }, {"'a.x' is unused, expected train"});
}

TEST_CASE("split_toml: relative paths begin at the file's folder", "[sets]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "split.toml";
  write_text(path,
             "[datasets]\na = \"x.h5ad\"\nb = \"/all/*.h5ad\"\nc = \"../y\"\n"
             "[training]\na = \"train\"\n");
  const auto datasets = read_split(path).datasets;
  CHECK(datasets.at("a") == (folder.path() / "x.h5ad").string());
  CHECK(datasets.at("b") == "/all/*.h5ad");
  CHECK(datasets.at("c") == (folder.path().parent_path() / "y").string());
}

TEST_CASE("split_toml: errors name file, line and what was expected", "[sets]") {
  refuses("[datasets]\na = \n", {"split.toml, line 2"});
  refuses("", {"[datasets] is absent"});
  refuses("[training]\na = \"train\"", {"[datasets] is absent"});
  refuses("[datasets]\na = 3", {"line 2", "a path in quotes"});
  refuses("[datasets]\na = \"x\"\n[training]\na = \"test\"", {"line 4", "expected \"train\""});
  refuses("datasets = 3", {"[datasets] must be a table"});
  refuses("[datasets]\na = \"x\"\n[zeroshots]\n",
          {"line 3", "'zeroshots' is not known, did you mean [zeroshot]"});
  refuses("few_shot = 1\n[datasets]\na = \"x\"", {"did you mean [fewshot]"});
  refuses("[datasets]\na = \"x\"\n[zeroshot]\n\"a.b\" = \"trian\"",
          {"'a.b' is 'trian', expected train, val or test"});
  refuses("[datasets]\na = \"x\"\n[zeroshot]\na.b = \"test\"", {"write the key in quotes"});
  refuses("[datasets]\na = \"x\"\n[fewshot.a.b]\ntest = [\"A\"]",
          {"in quotes, as [fewshot.\"dataset.context\"]"});
  refuses("[datasets]\na = \"x\"\n[fewshot.\"a.b\"]\ntest = \"A\"", {"expected a list of names"});
  refuses("[datasets]\na = \"x\"\n[fewshot.\"a.b\"]\ntest = [1]", {"a list of names in quotes"});
  refuses("[datasets]\na = \"x\"\n[cells]\nseed = -1", {"seed"});
  refuses("[datasets]\na = \"x\"\n[cells]\ntest = \"A\"", {"fraction"});
  refuses("[datasets]\na = \"x\"\n[cells]\ntrain = 0.2", {"'train'"});
  refuses("[datasets]\na = \"\xff\"\n", {"line 2"});
}

TEST_CASE("split_toml: a file that cannot be read", "[sets]") {
  const TemporaryFolder folder;
  check_error<IoError>([&] { read_split(folder.path() / "none.toml"); }, {"none.toml"});
  check_error<IoError>([&] { read_split(folder.path()); }, {folder.path().filename().string()});
  std::ofstream(folder.path() / "empty.toml");
  check_error<FormatError>([&] { read_split(folder.path() / "empty.toml"); }, {"empty.toml"});
}
