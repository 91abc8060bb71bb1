// says: deduced conflicting
#include "support/guarded_kernels.hpp"
#include "vcell/ops/add.hpp"

void mix(const vcell::Variable<float, 1>& a,
         const vcell::Variable<float, 1, WRONG(vcell::Cpu, vcell_test::Guarded)>& b) {
  vcell::add(a, b);
}
