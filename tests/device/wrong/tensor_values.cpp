// says: readable_on_host
#include "support/guarded.hpp"

size_t count(const vcell::Tensor<float, 1, WRONG(vcell::Cpu, vcell_test::Guarded)>& x) {
  return x.values().size();
}
