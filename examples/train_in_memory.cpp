// Training State Transition in memory, without any file: a simulated screen, a split, 600 steps,
// and a prediction of what was held out.
//
//   build/release/examples/train_in_memory
//
// Prints the loss at the start and at the end, about a tenth of it, and how well the predicted
// shift of each held-out perturbation correlates with the observed one: little yet, after so few
// steps on so few cells. It takes seconds; `vcell run` shows what more training reaches.

#include <cstdio>
#include <vcell/vcell.hpp>

using namespace vcell;

/// The mean of the rows. (genes)
std::vector<double> mean_cell(const CsrMatrix<float>& cells) {
  std::vector<double> mean(cells.columns);
  for (size_t i = 0; i < cells.values.size(); ++i)
    mean[size_t(cells.indices[i])] += double(cells.values[i]) / double(cells.rows);
  return mean;
}

int main() {
  // A screen: counts to log1p, labels to codes.
  auto simulated = simulate_screen({.seed = 1, .genes = 60, .contexts = 3, .perturbations = 8});
  normalize_to_log1p(simulated.screen);
  ScreenOptions labels;
  labels.context_keys = {"context"};
  const Screen screen = make_screen(simulated.screen, labels);

  // One context keeps 30 % of its perturbations in training; the others are held out.
  const SplitSpec split = default_split(screen, {"screen", "screen.h5ad"}).spec;
  auto parts = assign_parts(screen, split, "screen");
  const auto held_out = parts;
  add_validation_cells(screen, parts);

  const auto features = PerturbationFeatures::one_hot(screen.perturbation.names);
  const StateTransition<float> model({.input_width = screen.genes.size(),
                                      .output_width = screen.genes.size(),
                                      .perturbation_width = features.width(),
                                      .hidden = 64,
                                      .layers = 1,
                                      .heads = 2,
                                      .head_dim = 16,
                                      .mlp_width = 64});
  Trainer<float> trainer(model.parameters(), {.max_steps = 600});
  StateTransitionTask<float> task(model, features, screen, parts);
  double first = 0, last = 0;
  trainer.run(task, {.metrics = [&](const MetricsRow& row) {
                if (row.step == 1) first = row.train_loss;
                last = row.train_loss;
              }});
  trainer.use_best();
  std::printf("loss %.3f at first, %.3f after 600 steps\n", first, last);

  // Every held-out pair: its mean shift against the controls of its context, predicted and
  // observed.
  const ControlPairing pairing(screen);
  const auto held = [&](size_t i) { return held_out[i] == Part::test && !screen.is_control(i); };
  for (const CellGroup& group : cell_groups(screen, held)) {
    const std::string& name = screen.perturbation.names[size_t(group.perturbation)];
    const auto controls = pairing.controls(group.context);
    const auto predicted = predict(model, screen.expression, controls, features.vector(name));
    const auto control = mean_cell(select_rows(screen.expression, controls));
    auto shift = mean_cell(to_csr<float>(predicted));
    auto observed = mean_cell(select_rows(screen.expression, std::span(group.cells)));
    for (size_t g = 0; g < control.size(); ++g) {
      shift[g] -= control[g];
      observed[g] -= control[g];
    }
    std::printf("%-8s correlation of predicted and observed shift %5.2f\n", name.c_str(),
                pearson(shift, observed));
  }
  return last < first ? 0 : 1;
}
