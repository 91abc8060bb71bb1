#include "vcell/autograd/grad_mode.hpp"

#include <thread>

#include "support/errors.hpp"
#include "support/random_tensor.hpp"
#include "vcell/autograd/backward.hpp"
#include "vcell/ops/mean.hpp"

using namespace vcell;

TEST_CASE("grad_mode: NoGrad records nothing, and may be nested", "[autograd]") {
  const auto x = vcell_test::parameter<1>({2}, 1);
  {
    const NoGrad outer;
    { const NoGrad inner; }
    const auto y = mean(x);
    CHECK_FALSE(y.requires_gradient());
    CHECK_FALSE(records(x));
    vcell_test::check_error<Error>([&] { backward(y); }, {"backward", "NoGrad"});
  }
  CHECK(records(x));
  CHECK(mean(x).requires_gradient());
}

TEST_CASE("grad_mode: NoGrad ends with an exception, and is one thread's own", "[autograd]") {
  const auto x = vcell_test::parameter<1>({2}, 1);
  try {
    const NoGrad no_grad;
    throw Error("on the way");
  } catch (const Error&) {
  }
  CHECK(records(x));
  const NoGrad no_grad;
  bool elsewhere = false;
  std::thread([&] { elsewhere = records(x); }).join();
  CHECK(elsewhere);
  CHECK_FALSE(records(x));
}
