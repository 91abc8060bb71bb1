#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "small_anndata.hpp"
#include "support/forked.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/tensor/tensor.hpp"

using namespace vcell;

TEST_CASE("hdf5: a child reads files, whoever called the library at the fork", "[io]") {
#if defined(VCELL_TEST_NO_FORK)
  VCELL_SKIP("ThreadSanitizer starts no threads in a child");
#else
  { const hdf5::LibraryUse first; }  // before the memory cache, by whose lock it has to be told
  ::alarm(120);                      // of a fork after it: else both wait for each other here
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5ad";
  const AnnData adata = vcell_test::small_anndata();
  write_h5ad(path, adata);
  std::atomic<bool> begun{false}, ended{false};
  std::thread reader([&] {
    while (!ended) {
      {
        const hdf5::LibraryUse use;
        read_h5ad(path);
        for (size_t n = 1; n < 1000; ++n) const Tensor<float, 1> memory({n});
        begun = true;
      }
      std::this_thread::sleep_for(std::chrono::microseconds(100));  // so that a fork gets its turn
    }
  });
  while (!begun) std::this_thread::yield();
  int good = 0;
  for (int round = 0; round < 30 && good == round; ++round)
    good += vcell_test::run_forked([&] { return read_h5ad(path).X == adata.X; }) == 0;
  CHECK(good == 30);
  ended = true;
  reader.join();
  ::alarm(0);
#endif
}
