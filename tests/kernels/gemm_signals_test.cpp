// A product that signal handlers interrupt all the time: a product library may compute on a stack
// of its own, on which a handler has no room.
#include <signal.h>
#include <sys/time.h>

#include <algorithm>

#include "support/catch.hpp"
#include "support/random_tensor.hpp"
#include "vcell/kernels/gemm.hpp"

using namespace vcell;
using vcell_test::random_tensor;

namespace {

volatile sig_atomic_t handled = 0;

/// Calls a signal handler every so many microseconds as long as it lives.
class Ticks {
 public:
  explicit Ticks(int microseconds) {
    struct sigaction action = {};
    action.sa_handler = [](int) { handled = handled + 1; };
    action.sa_flags = SA_RESTART;
    sigaction(SIGALRM, &action, &before_);
    set(microseconds);
  }
  ~Ticks() {
    set(0);
    sigaction(SIGALRM, &before_, nullptr);
  }

 private:
  static void set(int microseconds) {
    const itimerval timer = {{0, microseconds}, {0, microseconds}};
    setitimer(ITIMER_REAL, &timer, nullptr);
  }
  struct sigaction before_ = {};
};

}  // namespace

TEST_CASE("gemm: signal handlers change neither a result nor the memory beside", "[kernels]") {
  const Tensor<float, 2> a = random_tensor<float, 2>({256, 256}, 1),
                         b = random_tensor<float, 2>({256, 256}, 2);
  for (const bool transpose_a : {false, true})
    for (const bool transpose_b : {false, true}) {
      Tensor<float, 2> expected({256, 256}), c({256, 256});
      const auto multiply = [&](Tensor<float, 2>& to) {
        const kernel::ProductSession session;
        kernel::serial_gemm<float>(session, transpose_a, transpose_b, 1, a.view(), b.view(), 0,
                                   kernel::MatrixView<float>(to.view()));
      };
      multiply(expected);
      const Ticks ticks(1000);
      const auto before = handled;
      size_t right = 0, products = 0;
      for (; products < 200 || handled < before + 50; ++products) {
        multiply(c);
        right += std::equal(c.values().begin(), c.values().end(), expected.values().begin());
      }
      INFO("transposed " << transpose_a << ' ' << transpose_b << ", " << products << " products");
      CHECK(right == products);
    }
}
