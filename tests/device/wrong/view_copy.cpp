// says: (conversion|convert).*View<
#include "vcell/tensor/view.hpp"

vcell::View<float, 1> same(const vcell::View<float, 1, vcell::WRONG(Cpu, Cuda)>& x) { return x; }
