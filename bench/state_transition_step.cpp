// One training step of State Transition: forward, loss, backward, clipping, AdamW.
#include <benchmark/benchmark.h>

#include "support/declare_work.hpp"
#include "support/two_threads.hpp"
#include "vcell/autograd/backward.hpp"
#include "vcell/models/state_transition.hpp"
#include "vcell/models/state_transition_loss.hpp"
#include "vcell/train/adamw.hpp"
#include "vcell/train/clip_gradient_norm.hpp"

namespace {

using namespace vcell;
using vcell_bench::random;

/// Floating-point operations of one step by formula: 2 a cell and weight for each product forward,
/// as many for the gradient of the weights and for that of the input, which the first layer of an
/// encoder does not need.
double step_flops(const StateTransitionConfig& c, double sets, double cells) {
  const double h = double(c.hidden), width = double(c.heads * c.head_dim);
  const double block = 4 * h * width + 3 * h * double(c.mlp_width);
  const double decoder = double(c.decoder_layers - 1) * h * h + h * double(c.output_width);
  const double a_cell = 6 * (double(c.layers) * block + decoder) + 4 * double(c.input_width) * h;
  const double a_set =
      6 * double(c.encoder_layers - 1) * h * h + 4 * double(c.perturbation_width) * h;
  const double attention = double(c.layers) * 14 * cells * cells * width;  // a set
  const double energy = 8 * cells * cells * double(c.output_width);        // a set
  return sets * (cells * a_cell + a_set + attention + energy);
}

/// Least traffic: weights read forward and backward, gradients written, and AdamW, which reads
/// weight, gradient and two moments and writes all but the gradient; control and target read once.
double step_bytes(double parameters, double values) {
  return 4 * (parameters * (2 + 1 + 4 + 3) + values);
}

void step(benchmark::State& state, const StateTransitionConfig& config, size_t sets, size_t cells) {
  if (!vcell_bench::two_threads_are_real(state)) return;
  set_num_threads(int(state.range(0)));
  StateTransition<float> model(config);
  AdamW<float> optimizer(model.parameters());
  const Variable<float, 3> control(random<3>({sets, cells, config.input_width}, 1)),
      target(random<3>({sets, cells, config.output_width}, 2));
  Tensor<float, 2> one_hot({sets, config.perturbation_width});
  for (size_t b = 0; b < sets; ++b) one_hot(b, b % config.perturbation_width) = 1;
  const Variable<float, 2> perturbation(std::move(one_hot));
  for (auto _ : state) {
    model.parameters().zero_gradients();
    backward(state_transition_loss(config, model(control, perturbation), target));
    clip_gradient_norm(model.parameters(), 10);
    optimizer.step(3e-4);
    benchmark::ClobberMemory();
  }
  vcell_bench::declare_work(
      state, step_flops(config, double(sets), double(cells)),
      step_bytes(double(model.parameters().count()), double(control.count() + target.count())));
  state.counters["cells"] =
      benchmark::Counter(double(sets * cells), benchmark::Counter::kIsIterationInvariantRate);
}

constexpr StateTransitionConfig defaults{
    .input_width = 2000, .output_width = 2000, .perturbation_width = 25};
constexpr StateTransitionConfig state_sm{.input_width = 2000,
                                         .output_width = 2000,
                                         .perturbation_width = 2000,
                                         .hidden = 672,
                                         .layers = 4,
                                         .heads = 8,
                                         .head_dim = 84,
                                         .mlp_width = 2688};

void threads(benchmark::internal::Benchmark* b) {
  b->ArgName("threads")->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);
}

BENCHMARK_CAPTURE(step, defaults_of_run, defaults, 8, 32)->Apply(threads);
BENCHMARK_CAPTURE(step, state_sm, state_sm, 16, 128)->Apply(threads);

}  // namespace

BENCHMARK_MAIN();
