// Contexts: what is queued where, what waits for what, and when memory is free again.
#include "vcell/tensor/context.hpp"

#include <thread>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/guarded_kernels.hpp"
#include "vcell/autograd/backward.hpp"
#include "vcell/ops/mean.hpp"
#include "vcell/ops/scale.hpp"

using namespace vcell;
using vcell_test::check_error;
using vcell_test::Guarded;
using vcell_test::guarded_waits;
using vcell_test::GuardedHeap;

namespace {

using Place = Context<Guarded>;

const float numbers[] = {1, 2, 3, 4};

Tensor<float, 1, Guarded> four() { return Tensor<float, 1, Guarded>({4}, numbers); }

/// to = factor from, queued in the current context.
void put_scaled(View<const float, 1, Guarded> from, float factor, View<float, 1, Guarded> to) {
  kernel::forward<kernel::Elementwise, Guarded>("put_scaled", kernel::Scale<float>{factor}, to,
                                                from);
}

}  // namespace

TEST_CASE("device: nothing runs before the host waits, and what was uploaded may change",
          "[device]") {
  const Place place;
  const UseContext use(place);
  float changing[] = {1, 2, 3, 4};
  Tensor<float, 1, Guarded> x({4}, changing), y({4});
  changing[0] = 100;
  put_scaled(x.view(), 2, y.view());
  const auto copy = y;
  y.zero();
  CHECK(place.queue().done() == 0);
  const size_t before = guarded_waits;
  CHECK(to_host(copy.view())(0) == 2);
  CHECK(guarded_waits == before + 1);
  CHECK(place.queue().done() == place.queue().queued());
  CHECK(to_host(y.view())(3) == 0);
  place.synchronize();
  CHECK(guarded_waits == before + 3);
}

TEST_CASE("device: a context waits for what another had queued, not for more", "[device]") {
  const Place a, b;
  auto x = [&] {
    const UseContext use(a);
    return four();
  }();
  {
    const UseContext use(a);
    put_scaled(std::as_const(x).view(), 10, x.view());
  }
  const uint64_t first = a.queue().queued();
  const size_t before = guarded_waits;
  {
    const UseContext use(b);
    b.wait_for(a);
    CHECK(a.queue().done() == 0);
    CHECK(guarded_waits == before);  // the host went on
    auto y = Tensor<float, 1, Guarded>({4});
    put_scaled(x.view(), 0.5, y.view());
    {
      const UseContext later(a);
      put_scaled(std::as_const(x).view(), 10, x.view());
    }
    CHECK(to_host(y.view())(1) == 10);
    CHECK(a.queue().done() == first);
  }
  {
    const UseContext use(a);
    CHECK(to_host(x.view())(1) == 200);
  }
  {
    const UseContext use(b);  // without waiting the new value of x is not there yet
    {
      const UseContext later(a);
      put_scaled(std::as_const(x).view(), 0, x.view());
    }
    CHECK(to_host(x.view())(1) == 200);
    b.wait_for(a);
    CHECK(to_host(x.view())(1) == 0);
  }
}

TEST_CASE("device: two contexts may wait for each other in turn, and for ones that are gone",
          "[device]") {
  const Place a, b;
  Tensor<float, 1, Guarded> x;
  {
    const UseContext use(a);
    x = four();
  }
  for (int i = 0; i < 3; ++i)
    for (const auto& [mine, other] : {std::pair(b, a), std::pair(a, b)}) {
      mine.wait_for(other);
      const UseContext use(mine);
      put_scaled(std::as_const(x).view(), 2, x.view());
    }
  a.wait_for(a);
  {
    const Place gone;
    a.wait_for(gone);
  }
  const UseContext use(a);
  CHECK(to_host(x.view())(0) == 64);
}

TEST_CASE("device: UseContext nests and holds for its thread alone", "[device]") {
  const auto* const own = &current_context<Guarded>();
  const Place outer, inner;
  {
    const UseContext use_outer(outer);
    CHECK(&current_context<Guarded>() == &outer);
    {
      const UseContext use_inner(inner);
      CHECK(&current_context<Guarded>() == &inner);
    }
    CHECK(&current_context<Guarded>() == &outer);
    const Place* in_thread = nullptr;
    std::thread([&] { in_thread = &current_context<Guarded>(); }).join();
    CHECK(in_thread != &outer);
    CHECK(in_thread != own);
    try {
      const UseContext use_inner(inner);
      throw Error("on the way out");
    } catch (const Error&) {
    }
    CHECK(&current_context<Guarded>() == &outer);
  }
  CHECK(&current_context<Guarded>() == own);
}

TEST_CASE("device: backward runs in the context that is current at its call", "[device]") {
  const Place forth, back;
  Variable<float, 1, Guarded> x;
  Variable<float, 0, Guarded> y;
  {
    const UseContext use(forth);
    x = Variable<float, 1, Guarded>(four(), true);
    y = mean(scale(x, 8));
  }
  const uint64_t queued = forth.queue().queued();
  const UseContext use(back);
  back.wait_for(forth);
  backward(y);
  // Only the intermediate results that backward releases go to where they came from.
  const uint64_t frees = forth.queue().queued() - queued;
  CHECK(back.queue().queued() > frees);
  const auto gradient = to_host(x.gradient());
  CHECK(gradient(0) == 2);
  CHECK(gradient(3) == 2);
  CHECK(forth.queue().done() <= queued);
}

TEST_CASE("device: memory is free again after the work that was queued before its end",
          "[device]") {
  const Place a, b;
  const UseContext use(a);
  auto y = Tensor<float, 1, Guarded>({4});
  const float* freed = nullptr;
  {
    auto x = four();
    freed = x.data();
    put_scaled(std::as_const(x).view(), 3, y.view());
    const UseContext other(b);  // x goes in the order of a, wherever its end comes
    const auto last = std::move(x);
  }
  b.synchronize();
  const auto live = [&] { return GuardedHeap::instance().is_live(freed, sizeof(float)); };
  std::vector<Tensor<float, 1, Guarded>> more;
  for (int i = 0; i < 4; ++i) {
    more.push_back(four());
    CHECK(more.back().data() != freed);
  }
  CHECK(live());
  CHECK(to_host(y.view())(3) == 12);
  CHECK_FALSE(live());
  bool again = false;
  for (int i = 0; i < 4; ++i) {
    more.push_back(four());
    again |= more.back().data() == freed;
  }
  CHECK(again);
}

TEST_CASE("device: a context lives as long as a buffer of it", "[device]") {
  Tensor<float, 1, Guarded> x, y;
  {
    const Place place;
    const UseContext use(place);
    x = four();
    y = four();
  }
  const float* const freed = y.data();
  y = {};
  {
    const auto moved = std::move(x);
    x = four();
    CHECK(to_host(x.view())(3) == 4);
    CHECK(GuardedHeap::instance().is_live(freed, 4));  // its free is still queued
  }
  CHECK_FALSE(GuardedHeap::instance().is_live(freed, 4));  // with the last buffer all has run
}

TEST_CASE("device: it tells of wrong addresses", "[device]") {
  const Place place;
  const UseContext use(place);
  auto x = four(), y = four();
  float host[] = {1, 2, 3, 4};
  const View<const float, 1, Guarded> on_host{host, {4}};
  CHECK_THROWS_WITH(put_scaled(on_host, 2, x.view()),
                    vcell_test::contains("does not lie in the memory of Guarded"));
  CHECK_THROWS_AS(to_host(on_host), Error);

  const auto stale = std::as_const(y).view();
  y = {};
  put_scaled(stale, 2, x.view());
  check_error<Error>([&] { place.synchronize(); }, {"a kernel touches memory that was freed"});
  CHECK_THROWS_AS(to_host(stale), Error);
  place.synchronize();

  const View<float, 1, Guarded> too_long{x.data(), {5}};
  put_scaled(too_long, 2, too_long);
  check_error<Error>([&] { place.synchronize(); }, {"a kernel touches memory"});
}
