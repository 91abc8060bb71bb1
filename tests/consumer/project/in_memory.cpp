// Needs Eigen and nothing else.
#include <vcell/vcell.hpp>

int main() {
  vcell::Tensor<float, 2> x({2, 3});
  x(1, 2) = 1.0f;
  return x.count() == 6 && x(1, 2) == 1.0f && x(0, 0) == 0.0f ? 0 : 1;
}
