#include "vcell/pipeline/data_set_files.hpp"

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/io/atomic_file.hpp"

using namespace vcell;
using namespace vcell_test;
namespace fs = std::filesystem;

TEST_CASE("data_set_files: a file, a folder, a pattern", "[pipeline]") {
  const TemporaryFolder folder;
  fs::create_directories(folder.path() / "a/deep");
  for (const char* name : {"a/x.h5ad", "a/y.h5", "a/z.txt", "a/deep/x.h5ad", "b.h5"})
    write_text(folder.path() / name, "");
  const auto files = [&](const std::vector<std::string>& datasets) {
    SplitSpec split;
    for (const auto& text : datasets)
      split.datasets[message(split.datasets.size())] = (folder.path() / text).string();
    std::vector<std::string> out;
    for (const fs::path path : data_set_files(split))
      out.push_back(path.lexically_relative(folder.path()).string());
    return out;
  };
  using Names = std::vector<std::string>;
  CHECK(files({"b.h5"}) == Names{"b.h5"});
  CHECK(files({"absent.h5"}).empty());
  CHECK(files({"a"}) == Names{"a/x.h5ad", "a/y.h5"});
  CHECK(files({"a/*.h5ad"}) == Names{"a/x.h5ad"});
  CHECK(files({"a/*/x.h5ad"}) == Names{"a/deep/x.h5ad"});
  CHECK(files({"*/x.h5ad"}) == Names{"a/x.h5ad"});
  CHECK(files({"{a/y,b,c}.h5"}) == Names{"a/y.h5", "b.h5"});
  CHECK(files({"a/[xy].h5*", "b.h5", "b.h5"}) == Names{"a/x.h5ad", "a/y.h5", "b.h5"});
  CHECK(files({"no/*/folder"}).empty());

  const auto before = fs::current_path();
  fs::current_path(folder.path());
  SplitSpec here;
  here.datasets = {{"a", "a/?.h5"}, {"b", "?.h5"}, {"c", ""}};
  const auto relative = data_set_files(here);
  fs::current_path(before);
  CHECK(relative == Names{"a/y.h5", "b.h5"});
}
