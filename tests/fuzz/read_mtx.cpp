// The reader of triplets and their tables on whatever libFuzzer comes up with: it reads or refuses,
// in bounded time and memory, and what it reads is a whole AnnData.
//
//   vcell_fuzz_read_mtx CORPUS [-max_total_time=60]
#include "vcell/io/read_mtx.hpp"

#include "fuzz/memory_file.hpp"
#include "io/cell_files.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/data/check_anndata.hpp"

extern "C" int LLVMFuzzerInitialize(int* count, char*** words) {
  using namespace vcell_test;
  const std::string real =
      "%%MatrixMarket matrix coordinate real general\n%\n3 2 4\n2 1 1e-3\n1 2 -0.5\n\n3 1 7\n"
      "2 1 nan\n";
  const std::vector<std::string> seeds = {
      small_mtx,
      gzipped(small_mtx),
      real,
      gzipped(real),
      small_features,
      gzipped(small_features),
      "a\nb\nc\n",
      "%%MatrixMarket matrix coordinate pattern general\n2 3 2\n1 1\r\n2 3\r\n",
      "%%MatrixMarket matrix coordinate integer general\n3 2 2\n1 1 3000000000\n1 1 1\n"};
  put_seeds(*count, *words, [&](const std::filesystem::path&) { return seeds; });
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vcell;
  namespace fs = std::filesystem;
  const vcell_test::MemoryFile file(data, size);
  static const vcell_test::TemporaryFolder folder("fuzz");
  // One folder has it as its matrix, one as its features.
  std::vector<fs::path> folders;
  for (const char* name : {"matrix.mtx", "features.tsv"}) {
    const auto& at = folders.emplace_back(folder.path() / name);
    if (!fs::exists(at)) {
      vcell_test::write_file(at / "matrix.mtx", vcell_test::small_mtx);
      vcell_test::write_file(at / "features.tsv", vcell_test::small_features);
      vcell_test::write_file(at / "barcodes.tsv", vcell_test::small_barcodes);
    }
    fs::remove(at / name);
    fs::create_symlink(file.path(), at / name);
  }
  for (const auto& path : folders) try {
      const AnnData a = read_mtx(path);
      check_anndata(a);
      for (const int32_t gene : a.X->indices())
        if (gene < 0 || size_t(gene) >= a.genes()) std::abort();
    } catch (const FormatError&) {
    } catch (const ConfigError&) {
    }
  return 0;
}
