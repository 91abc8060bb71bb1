// says: readable_on_host
#include "vcell/tensor/view.hpp"

float sum(const vcell::View<float, 1, vcell::WRONG(Cpu, Cuda)>& x) {
  float s = 0;
  for (const float v : x) s += v;
  return s;
}
