// says: this argument of a kernel lies on the host
#include "support/guarded_kernels.hpp"
#include "vcell/kernels/launch.hpp"

using Device = vcell_test::Guarded;

void copy(vcell::View<const float, 2, WRONG(Device, vcell::Cpu)> from,
          vcell::View<float, 2, Device> to) {
  using namespace vcell::kernel;
  run<Copy, Device>("copy", MatrixView<const float, WRONG(Device, vcell::Cpu)>(from),
                    MatrixView<float, Device>(to), false);
}
