// The readers of dense tables and of metadata, and the choice of a format, on whatever libFuzzer
// comes up with: they read or refuse, in bounded time and memory.
//
//   vcell_fuzz_read_table CORPUS [-max_total_time=60]
#include "vcell/io/read_table.hpp"

#include "fuzz/memory_file.hpp"
#include "io/cell_files.hpp"
#include "vcell/data/check_anndata.hpp"
#include "vcell/io/metadata.hpp"

extern "C" int LLVMFuzzerInitialize(int* count, char*** words) {
  using namespace vcell_test;
  const std::string table = "x,g1,\"g\"\"2\",g1\r\na,5,0,-7\r\nb,0,2.5e-1,inf\r\n";
  const std::vector<std::string> seeds = {
      table,
      gzipped(table),
      "g1\tg2\na\t1\t2\nb\t0\t0\n\n",
      "\xef\xbb\xbfx,g\na,1\n",
      "cell,n,x,ok,label\na,1,0.5,TRUE,\"x,y\"\nb,NA,nan,False,\n",
      gzipped("a,b\n1,2\n") + gzipped("3,4\n") + std::string(3, '\0')};
  put_seeds(*count, *words, [&](const std::filesystem::path&) { return seeds; });
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vcell;
  const vcell_test::MemoryFile file(data, size);
  for (const bool genes_in_rows : {false, true}) try {
      const AnnData a = read_table(file.path(), {.genes_in_rows = genes_in_rows});
      check_anndata(a);
      for (const int32_t gene : a.X->indices())
        if (gene < 0 || size_t(gene) >= a.genes()) std::abort();
    } catch (const FormatError&) {
    }
  try {
    const DataFrame t = read_metadata(file.path());
    for (const auto& name : t.names())
      if (t.column(name).text().size() != t.rows()) std::abort();
  } catch (const FormatError&) {
  }
  return 0;
}
