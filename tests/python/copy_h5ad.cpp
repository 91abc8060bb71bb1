// copy_h5ad FROM TO: reads an h5ad file and writes what it read, for Python to compare.
#include <cstdio>

#include "vcell/io/h5ad/read_h5ad.hpp"
#include "vcell/io/h5ad/write_h5ad.hpp"

int main(int count, char** words) try {
  if (count != 3) return 1;
  std::vector<std::string> warnings;
  vcell::H5adReadOptions options;
  options.warnings = &warnings;
  vcell::write_h5ad(words[2], vcell::read_h5ad(words[1], options));
  for (const std::string& warning : warnings) std::printf("%s\n", warning.c_str());
} catch (const std::exception& e) {
  std::fprintf(stderr, "%s\n", e.what());
  return 1;
}
