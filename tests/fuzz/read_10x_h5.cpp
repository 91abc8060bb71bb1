// The readers of 10x .h5, whole and in blocks, on whatever libFuzzer comes up with: they read or
// refuse, in bounded time and memory, and do nothing else.
//
//   vcell_fuzz_read_10x_h5 CORPUS [-max_total_time=60]
#include "fuzz/hdf5_faults.hpp"
#include "fuzz/memory_file.hpp"
#include "io/write_10x_h5.hpp"
#include "vcell/data/check_anndata.hpp"
#include "vcell/io/cell_rows.hpp"
#include "vcell/io/describe_10x_h5.hpp"

extern "C" int LLVMFuzzerInitialize(int* count, char*** words) {
  vcell_test::leave_faults_of_hdf5(count, words);
  vcell_test::put_seeds(*count, *words, [](const std::filesystem::path& path) {
    std::vector<std::string> seeds;
    const auto add = [&] { seeds.push_back(vcell::read_text(path)); };
    vcell_test::write_10x_v3(path);
    add();
    vcell_test::write_10x_v3(path, {"Gene Expression", "Antibody Capture", "Gene Expression"});
    add();
    for (const auto& genomes : {std::vector<std::string>{"hg"}, {"hg", "mm"}}) {
      vcell_test::write_10x_v2(path, genomes);
      add();
    }
    return seeds;
  });
  return 0;
}

namespace {

/// What may be wrong with a file is an error of these kinds.
template <class F>
void attempt(F&& f) {
  try {
    f();
  } catch (const vcell::FormatError&) {
  } catch (const vcell::ConfigError&) {
  } catch (const vcell::IoError&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vcell;
  const vcell_test::MemoryFile file(data, size);
  ReadCellsOptions options;
  options.h5ad.budget = size_t(64) << 20;
  options.input.genes.genomes = {"hg"};
  attempt([&] { describe_10x_h5(file.path()); });
  attempt([&] { check_anndata(read_10x_h5(file.path(), {.budget = options.h5ad.budget})); });
  attempt([&] {
    const OpenCells open = open_cells(file.path(), options);
    for_each_row_block<float>(open.X,
                              [&](size_t, const CsrView<float>& block) {
                                for (const int32_t gene : block.indices)
                                  if (gene < 0 || size_t(gene) >= open.cells.genes()) std::abort();
                              },
                              {.rows = 1});
  });
  if (H5Fget_obj_count(hid_t(H5F_OBJ_ALL), H5F_OBJ_ALL) != 0) std::abort();  // left open
  return 0;
}
