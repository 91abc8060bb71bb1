// says: this operation has no kernel for this device
#include "support/guarded.hpp"
#include "vcell/ops/relu.hpp"

void without(const vcell::Variable<float, 1, WRONG(vcell::Cpu, vcell_test::Guarded)>& x) {
  vcell::relu(x);
}
