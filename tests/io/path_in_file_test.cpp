#include "vcell/io/path_in_file.hpp"

#include "support/catch.hpp"

using vcell::path_in_file;
namespace fs = std::filesystem;

TEST_CASE("path_in_file: relative paths begin at the file's folder", "[io]") {
  CHECK(path_in_file("/runs/one/run.toml", "cells.h5ad") == "/runs/one/cells.h5ad");
  CHECK(path_in_file("/runs/one/run.toml", "../data/./cells.h5ad") == "/runs/data/cells.h5ad");
  CHECK(path_in_file("/runs/one/run.toml", "/data/../cells.h5ad") == "/data/../cells.h5ad");
  CHECK(path_in_file("/runs/one/run.toml", "").empty());
  CHECK(path_in_file("run.toml", "cells.h5ad") == (fs::current_path() / "cells.h5ad").string());
}
