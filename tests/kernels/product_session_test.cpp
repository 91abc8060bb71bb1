#include "vcell/kernels/product_session.hpp"

#include <signal.h>

#include <algorithm>

#include "support/catch.hpp"
#include "support/random_tensor.hpp"
#include "vcell/kernels/serial_gemm.hpp"

using namespace vcell;
using kernel::MatrixView, kernel::ProductSession;
using vcell_test::random_tensor;

namespace {

/// Signals that the calling thread puts off, of those that can be.
size_t blocked_signals() {
  sigset_t now;
  pthread_sigmask(SIG_BLOCK, nullptr, &now);
  size_t n = 0;
  for (int s = 1; s < 32; ++s) n += sigismember(&now, s) == 1;
  return n;
}

}  // namespace

TEST_CASE("product session: many products in one are those of one each", "[kernels]") {
  const auto a = random_tensor<float, 2>({40, 50}, 1), b = random_tensor<float, 2>({50, 30}, 2);
  const MatrixView<const float> av(a.view()), bv(b.view());
  Tensor<float, 2> alone({40, 30}), together({40, 30});
  const ProductSession session;
  for (size_t i = 0; i < 40; i += 8) {
    kernel::serial_gemm<float>(false, false, 2, av.block(i, 8, 0, 50), bv, 0,
                               MatrixView<float>(alone.view()).block(i, 8, 0, 30));
    kernel::serial_gemm<float>(session, false, false, 2, av.block(i, 8, 0, 50), bv, 0,
                               MatrixView<float>(together.view()).block(i, 8, 0, 30));
  }
  CHECK(std::equal(alone.values().begin(), alone.values().end(), together.values().begin()));
}

TEST_CASE("product session: the thread is afterwards as it was before", "[kernels]") {
  const size_t before = blocked_signals();
  {
    const ProductSession outer;
    const size_t during = blocked_signals();
#if defined(VCELL_BLAS_DNNL)
    CHECK(during > before);
#endif
    { const ProductSession inner; }
    CHECK(blocked_signals() == during);
  }
  CHECK(blocked_signals() == before);
}
