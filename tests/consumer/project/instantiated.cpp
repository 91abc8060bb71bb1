// A program whose code of vcell comes from vcell::instantiations, for the same processor.
#include <cstdlib>
#include <vcell/vcell.hpp>

#if !defined(VCELL_INSTANTIATIONS)
#error "vcell::instantiations did not say that it is linked"
#endif

int main() {
  vcell::Tensor<float, 3> x({1, 2, 2}), y({1, 2, 2});
  y(0, 0, 0) = y(0, 1, 0) = 2;
  const vcell::Variable<float, 3> a(x, true), b(y);
  const auto distance = vcell::mean(vcell::energy_distance(a, b));
  vcell::backward(distance);
  if (distance.value()() != 2 || a.gradient()(0, 0, 0) != -0.5f) return EXIT_FAILURE;

  const vcell::StateTransition<float> model({.input_width = 3,
                                             .output_width = 3,
                                             .perturbation_width = 2,
                                             .hidden = 4,
                                             .layers = 1,
                                             .heads = 1,
                                             .head_dim = 4,
                                             .mlp_width = 4});
  const auto out = model(vcell::Variable<float, 3>(vcell::Tensor<float, 3>({1, 2, 3})),
                         vcell::Variable<float, 2>(vcell::Tensor<float, 2>({1, 2})));
  return out.shape() == vcell::Shape<3>{1, 2, 3} ? EXIT_SUCCESS : EXIT_FAILURE;
}
