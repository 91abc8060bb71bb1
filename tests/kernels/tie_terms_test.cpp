#include "vcell/kernels/tie_terms.hpp"

#include <cstdint>

#include "support/catch.hpp"

using namespace vcell;

TEMPLATE_TEST_CASE("tie terms: t^3 - t, and how it grows", "[kernels]", double, uint64_t) {
  using T = TestType;
  CHECK(tie_term(T(0)) == 0);
  CHECK(tie_term(T(1)) == 0);
  CHECK(tie_term(T(3)) == 24);
  for (const T r : {T(0), T(1), T(5), T(60000)})
    for (const T c : {T(0), T(1), T(2), T(40000)})
      CHECK(tie_term(r) + added_tie_term(r, c) == tie_term(T(r + c)));
}

TEST_CASE("tie terms: as many cells as whole numbers hold", "[kernels]") {
  const uint64_t most = 2642245, r = 1000000;
  CHECK(tie_term(most) / most == most * most - 1);
  CHECK(tie_term(r) + added_tie_term(r, most - r) == tie_term(most));
}
