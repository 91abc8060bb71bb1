// A result of kernels that is the same, to the byte, whatever runs first.
#pragma once

#include <cstring>

#include "cuda/support/device.hpp"
#include "support/catch.hpp"
#include "vcell/tensor/tensor.hpp"

namespace vcell_test {

/// run(), a tensor of the host's; checks that it has the same bytes in every order.
template <class F>
auto in_every_order(F&& run) {
  decltype(run()) first;
  bool is_first = true;
  in_several_orders([&] {
    auto found = run();
    if (std::exchange(is_first, false)) {
      first = std::move(found);
      return;
    }
    REQUIRE(found.shape() == first.shape());
    const size_t bytes = found.count() * sizeof(*found.data());
    CHECK((bytes == 0 || !std::memcmp(found.data(), first.data(), bytes)));
  });
  return first;
}

}  // namespace vcell_test
