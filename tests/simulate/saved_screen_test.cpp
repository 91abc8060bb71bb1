#include <filesystem>

#include "support/catch.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/simulate/truth_anndata.hpp"

using namespace vcell;

TEST_CASE("saved_screen: the screen and its truth come back from a file as they were",
          "[simulate]") {
  SimulateOptions options;
  options.genes = 60;
  options.perturbations = 5;
  options.cells_per_perturbation = 10;
  options.control_cells = 20;
  const SimulatedScreen s = simulate_screen(options);
  const AnnData cells = cell_truth_anndata(s), effects = effect_truth_anndata(s.truth);
  const auto file = std::filesystem::temp_directory_path() / "vcell_saved_screen_test.h5ad";
  for (const AnnData* written : {&s.screen, &cells, &effects}) {
    write_h5ad(file, *written);
    const AnnData read = read_h5ad(file);
    CHECK(read.X == written->X);
    CHECK(read.obs == written->obs);
    CHECK(read.var == written->var);
    CHECK(read.layers == written->layers);
    CHECK(read.obsm == written->obsm);
    CHECK(read.varm == written->varm);
    CHECK(read.uns == written->uns);
  }
  std::filesystem::remove(file);
}
