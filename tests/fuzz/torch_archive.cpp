// The reader of torch's files on whatever libFuzzer comes up with: it reads or refuses, in bounded
// time and memory, and does nothing else.
//
//   vcell_fuzz_torch_archive CORPUS [-max_total_time=60]   CORPUS begins with the tests' own files
#include "fuzz/memory_file.hpp"
#include "io/torch_damage.hpp"

extern "C" int LLVMFuzzerInitialize(int* count, char*** words) {
  vcell_test::put_seeds(*count, *words, vcell_test::torch_seeds);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  vcell_test::is_pickle(std::string(reinterpret_cast<const char*>(data), size));
  const vcell_test::MemoryFile file(data, size);
  vcell_test::is_torch_file(file.path());
  return 0;
}
