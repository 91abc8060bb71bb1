// What the documentation says to type is what the program takes.
#include <cstring>
#include <sstream>

#include "support/catch.hpp"
#include "support/program.hpp"
#include "vcell/sets/split_toml.hpp"

using namespace vcell_test;
namespace fs = std::filesystem;

namespace {

std::vector<fs::path> pages() {
  const fs::path source = VCELL_TEST_SOURCE;
  std::vector<fs::path> all = {source / "README.md", source / "CONTRIBUTING.md"};
  for (const auto& entry : fs::recursive_directory_iterator(source / "docs"))
    if (entry.path().extension() == ".md") all.push_back(entry.path());
  return all;
}

/// The code blocks of a page in one language.
std::vector<std::string> blocks(const fs::path& page, const std::string& language) {
  std::vector<std::string> all;
  std::istringstream lines(vcell::read_text(page));
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line == "```" + language) {
      inside = true;
      all.emplace_back();
    } else if (line == "```") {
      inside = false;
    } else if (inside) {
      all.back() += line + '\n';
    }
  }
  return all;
}

}  // namespace

TEST_CASE("docs: every vcell command is one that the program understands", "[program]") {
  size_t commands = 0;
  for (const auto& page : pages())
    for (auto block : blocks(page, "sh")) {
      for (size_t at; (at = block.find("\\\n")) != block.npos;) block.erase(at, 2);
      std::istringstream lines(block);
      for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with("vcell ")) continue;
        INFO(page.filename().string() << ": " << line);
        ++commands;
        // None of the files is there, which is another error than one of usage. Screens are made,
        // small.
        if (line.starts_with("vcell simulate"))
          for (const char* size :
               {"--genes 40", "--cells-per-perturbation 2", "--control-cells 10"})
            if (const std::string name(size, std::strchr(size, ' ')); line.find(name) == line.npos)
              line.insert(std::strlen("vcell simulate"), vcell::message(' ', size));
        const TemporaryFolder folder("docs");
        const auto ran = run_shell(
            folder, "cd '" + (folder / "") + "' && '" VCELL_TEST_PROGRAM "'" + line.substr(5));
        CHECK((ran.code == 0 || ran.code == 2));
        CHECK_THAT(ran.err, !contains("--help") && !contains("expected a"));
      }
    }
  CHECK(commands > 10);
}

TEST_CASE("docs: every split in TOML can be read", "[program]") {
  size_t splits = 0;
  for (const auto& page : pages())
    for (const auto& block : blocks(page, "toml")) {
      INFO(page.filename().string());
      CHECK_FALSE(vcell::parse_split(block).datasets.empty());
      ++splits;
    }
  CHECK(splits >= 2);
}

TEST_CASE("docs: every header and example that is named is there", "[program]") {
  const fs::path source = VCELL_TEST_SOURCE;
  size_t named = 0;
  for (const auto& page : pages()) {
    const std::string text = vcell::read_text(page);
    for (const auto& [start, folder] :
         {std::pair<std::string, fs::path>("`vcell/", source / "include"), {"`examples/", source}})
      for (size_t at = text.find(start); at != text.npos; at = text.find(start, at + 1)) {
        const std::string path = text.substr(at + 1, text.find_first_of("` ", at + 1) - at - 1);
        if (path.find('<') != path.npos || path.find('*') != path.npos) continue;
        INFO(page.filename().string() << ": " << path);
        CHECK(fs::exists(folder / path));
        ++named;
      }
  }
  CHECK(named > 30);
}
