// What the pages of docs/how-to say to type, typed from the top of each.
#include <sstream>

#include "support/catch.hpp"
#include "support/golden.hpp"
#include "support/program.hpp"

using namespace vcell_test;
namespace fs = std::filesystem;

namespace {

/// The blocks of a page that are for a shell, one below the other.
std::string script_of(const fs::path& page) {
  std::istringstream lines(vcell::read_text(page));
  std::string script;
  bool inside = false;
  for (std::string line; std::getline(lines, line);)
    if (line == "```sh" || line == "```")
      inside = line == "```sh";
    else if (inside)
      script += line + '\n';
  return script;
}

}  // namespace

TEST_CASE("how-to: every page does what it says", "[program][slow]") {
  size_t pages = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(VCELL_TEST_SOURCE) / "docs/how-to")) {
    const TemporaryFolder folder("how_to");
    const fs::path bin = folder.path() / "bin";
    fs::create_directory(bin);
    fs::create_symlink(VCELL_TEST_PROGRAM, bin / "vcell");
    // What the page on State's runs begins with.
    if (const auto golden = golden_folder("state_transition");
        golden && fs::exists(*golden / "run_folder")) {
      fs::create_directory_symlink(*golden / "run_folder/run", folder.path() / "state_run");
      fs::create_symlink(*golden / "run_folder/query.h5ad", folder.path() / "query.h5ad");
    }
    // What the page on the Virtual Cell Challenge begins with.
    if (const auto golden = golden_folder("challenge")) {
      const auto take = [&](const char* from, const char* to) {  // a copy: a page may write
        fs::copy_file(*golden / from, folder.path() / to);
      };
      take("2026/A/real.h5ad", "context_A.h5ad");
      take("2026/A/pred.h5ad", "predicted_A.h5ad");
      take("2026/B/real.h5ad", "context_B.h5ad");
      take("2026/B/pred.h5ad", "predicted_B.h5ad");
      take("2025/real.h5ad", "real_2025.h5ad");
      take("2025/pred.h5ad", "predicted_2025.h5ad");
      take("containers/input2026.h5ad", "cells_2026.h5ad");
      take("containers/genes2026.csv", "genes.csv");
      take("containers/perts2026.csv", "panel.csv");
      take("containers/manifest.json", "manifest.json");
      take("containers/input2025.h5ad", "cells_2025.h5ad");
      take("containers/genes2025.csv", "genes_2025.csv");
    }
    const std::string script = script_of(entry.path());
    INFO(entry.path().filename().string() << "\n" << script);
    REQUIRE_THAT(script, contains("vcell "));
    vcell::write_text(folder / "script.sh", script);
    const auto ran = run_shell(folder, "cd '" + folder.path().string() + "' && PATH='" +
                                           bin.string() + "':\"$PATH\" sh -eu script.sh");
    INFO(ran.err);
    CHECK(ran.code == 0);
    ++pages;
  }
  CHECK(pages >= 2);
}
