// Reading and writing AnnData files.
//
//   build/release/examples/read_h5ad screen.h5ad
//
// Prints what the file holds: cells, genes, the columns of obs and how many cells each perturbation
// has. Without a file it writes a small one first and reads that.

#include <cstdio>
#include <filesystem>
#include <vcell/files.hpp>
#include <vcell/vcell.hpp>

using namespace vcell;

int main(int count, char** words) try {
  std::filesystem::path path;
  if (count > 1) {
    path = words[1];
  } else {
    AnnData small;
    small.obs = DataFrame({"cell_1", "cell_2", "cell_3"});
    small.obs.set("perturbation", std::vector<std::string>{"STAT1", "control", "control"});
    small.var = DataFrame({"GAPDH", "STAT1"});
    small.X = DenseMatrix<float>{3, 2, {5, 0, 4, 2, 6, 3}};
    path = std::filesystem::temp_directory_path() / "vcell_read_h5ad_example.h5ad";
    write_h5ad(path, small);
  }

  const AnnData screen = read_h5ad(path);
  std::printf("%zu cells x %zu genes\n", screen.cells(), screen.genes());
  for (const auto& name : screen.obs.names()) std::printf("obs: %s\n", name.c_str());
  if (screen.obs.has("perturbation")) {
    const Factor perturbation = factor(screen.obs.column("perturbation"));
    std::vector<size_t> cells(perturbation.names.size());
    for (const auto code : perturbation.codes)
      if (code >= 0) ++cells[size_t(code)];
    for (size_t p = 0; p < cells.size(); ++p)
      std::printf("%6zu cells  %s\n", cells[p], perturbation.names[p].c_str());
  }
  if (count <= 1) std::filesystem::remove(path);
} catch (const vcell::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
