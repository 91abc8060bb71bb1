// How far apart are two sets of cells? The energy distance, which is half of MMD^2 with the kernel
// -||u - v||, and how each cell would have to move to bring the sets together.
//
//   build/release/examples/energy_distance
//
// Prints a distance near 0 for two draws from one distribution, a clear one for shifted cells, and
// the sets' distance again after 200 steps down its gradient, near 0.

#include <cstdio>
#include <vcell/vcell.hpp>

using namespace vcell;

Tensor<float, 3> draw(size_t cells, size_t genes, float shift, uint64_t seed) {
  Tensor<float, 3> x({1, cells, genes});  // one pair of sets: (B, S, D)
  Rng rng(seed);
  for (float& v : x.values()) v = float(rng.normal()) + shift;
  return x;
}

int main() {
  const Variable<float, 3> control(draw(64, 20, 0, 1)), same(draw(64, 20, 0, 2));
  std::printf("two draws from one distribution: %.4f\n",
              double(energy_distance(control, same).value()[0]));

  const Variable<float, 3> shifted(draw(64, 20, 1, 3), /*requires_gradient=*/true);
  const double before = double(energy_distance(control, shifted).value()[0]);
  std::printf("every gene shifted by 1:         %.4f\n", before);

  for (int step = 0; step < 200; ++step) {
    shifted.clear_gradient();
    backward(mean(energy_distance(control, shifted)));
    const auto value = shifted.mutable_value();
    const auto gradient = shifted.gradient();
    for (size_t i = 0; i < value.count(); ++i) value.data[i] -= 5 * gradient.data[i];
  }
  const double after = double(energy_distance(control, shifted).value()[0]);
  std::printf("after 200 steps downhill:        %.4f\n", after);
  return after < before / 10 ? 0 : 1;
}
