// says: readable_on_host
#include "vcell/tensor/view.hpp"

float first(const vcell::View<float, 1, vcell::WRONG(Cpu, Cuda)>& x) { return x[0]; }
