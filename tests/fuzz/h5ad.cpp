// The reader of h5ad files on whatever libFuzzer comes up with: it describes, reads or refuses, in
// bounded time and memory, and does nothing else. The file is in memory and has a path, since
// vcell reads bytes of it beside HDF5.
//
//   vcell_fuzz_h5ad CORPUS [-max_total_time=60]   CORPUS begins with the tests' own files
#include "fuzz/hdf5_faults.hpp"
#include "fuzz/memory_file.hpp"
#include "io/h5ad_seeds.hpp"

extern "C" int LLVMFuzzerInitialize(int* count, char*** words) {
  vcell_test::leave_faults_of_hdf5(count, words);
  vcell_test::put_seeds(*count, *words, vcell_test::h5ad_seeds);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const vcell_test::MemoryFile file(data, size);
  vcell_test::read_in_every_way(file.path(), size_t(64) << 20);
  if (H5Fget_obj_count(hid_t(H5F_OBJ_ALL), H5F_OBJ_ALL) != 0) std::abort();  // left open
  return 0;
}
