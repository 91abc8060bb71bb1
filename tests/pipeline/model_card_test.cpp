#include "vcell/pipeline/model_card.hpp"

#include "support/errors.hpp"
#include "support/temporary_folder.hpp"

using namespace vcell;
using namespace vcell_test;
namespace fs = std::filesystem;

namespace {

ModelCard example() {
  ModelCard card{.title = "A model",
                 .facts = {{"Data", {{"File", "a|b.h5ad"}, {"Note", "two\nlines"}}}},
                 .scores = {},
                 .settings = "seed = 42\n",
                 .remarks = {"Measures fit."}};
  ScoredContext one{"x|y", {{"P", "Q"}, {{"mae", {0.25, 0.5}}, {"edistance", {{}, {}}}}}};
  ScoredContext two{"z", {{"P"}, {{"mae", {1.0 / 3}}}}};
  card.scores = {one, two};
  return card;
}

}  // namespace

TEST_CASE("model_card: facts, scores, sums and settings, in this order", "[pipeline]") {
  const TemporaryFolder folder;
  fs::create_directories(folder.path() / "member_1");
  write_text(folder.path() / "member_1/weights.safetensors", "abc");
  write_text(folder.path() / "anchors.safetensors", "");
  write_text(folder.path() / "genes.txt", "a\n");
  write_model_card(folder.path(), example());
  CHECK(read_text(folder.path() / "README.md") ==
        "# A model\n\n"
        "> Measures fit.\n\n"
        "## Data\n\n| | |\n|---|---|\n"
        "| File | a\\|b.h5ad |\n"
        "| Note | two lines |\n\n"
        "## Scores\n\nOf the held-out pairs, means over the perturbations of a context.\n\n"
        "| score | x\\|y | z |\n|---|---|---|\n"
        "| mae | 0.375 | 0.3333 |\n"
        "| edistance |  |  |\n\n"
        "## Files\n\n| file | SHA-256 |\n|---|---|\n"
        "| anchors.safetensors | "
        "`e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855` |\n"
        "| member_1/weights.safetensors | "
        "`ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad` |\n\n"
        "## Settings\n\n```toml\nseed = 42\n```\n");
}

TEST_CASE("model_card: what is not known is left out", "[pipeline]") {
  const TemporaryFolder folder;
  ModelCard card = example();
  card.scores.clear();
  card.settings.clear();
  card.remarks.clear();
  const std::string text = format_model_card(folder.path(), card);
  CHECK(text.find("Scores") == text.npos);
  CHECK(text.find("Settings") == text.npos);
  CHECK(text.find("> ") == text.npos);
  check_error<WriteError>([&] { write_model_card(folder.path() / "none", card); }, {"README.md"});
}
