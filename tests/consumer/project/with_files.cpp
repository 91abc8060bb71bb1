// Writes and reads a file, and multiplies matrices by the library that vcell::blas links.
#include <cstdlib>
#include <filesystem>
#include <vcell/files.hpp>
#include <vcell/vcell.hpp>

#if defined(EXPECT_FILES_INSTANTIATIONS) != defined(VCELL_FILES_INSTANTIATIONS)
#error "vcell::files_instantiations did not say that it is linked, or said so unlinked"
#endif

int main() {
  vcell::AnnData adata;
  adata.obs = vcell::DataFrame({"cell_1", "cell_2"});
  adata.var = vcell::DataFrame({"STAT1", "JAK2"});
  adata.X = vcell::DenseMatrix<float>{2, 2, {1, 2, 3, 4}};
  const auto path = std::filesystem::temp_directory_path() / "vcell_consumer.h5ad";
  vcell::write_h5ad(path, adata);
  const vcell::AnnData back = vcell::read_h5ad(path);
  std::filesystem::remove(path);
  if (back.obs.index != adata.obs.index || back.X != adata.X) return EXIT_FAILURE;

  vcell::Tensor<float, 2> identity({2, 2}), x({2, 2});
  identity(0, 0) = identity(1, 1) = 1;
  x(0, 1) = 5;
  const auto y = vcell::linear(vcell::Variable<float, 2>(x), vcell::Variable<float, 2>(identity));
  return y.value()(0, 1) == 5 && y.value()(1, 1) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
