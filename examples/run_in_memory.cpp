// What `vcell run` does, without the program and without any file: a screen in memory is prepared,
// split, learnt from, predicted where it was held out, and scored beside baselines.
//
//   build/release/examples/run_in_memory
//
// Prints a line of mean scores for each method. To run on a file and keep everything in a folder,
// see run_in_folder (vcell/pipeline/run_in_folder.hpp).

#include <cstdio>
#include <vcell/pipeline/run.hpp>
#include <vcell/vcell.hpp>

using namespace vcell;

int main() {
  auto simulated = simulate_screen({.seed = 1, .genes = 60, .contexts = 3, .perturbations = 8});

  Experiment e;
  e.labels.context_keys = {"context"};
  e.model.hidden = 64;
  e.model.layers = 1;
  e.model.set_size = 16;
  e.training.max_steps = 300;
  e.training.learning_rate = 1e-3;

  const auto result = run(
      std::move(simulated.screen), e,
      {.callbacks = {.note = [](const std::string& line) { std::printf("%s\n", line.c_str()); }}});

  for (const auto& method : methods_of(result.report)) {
    std::printf("%-26s", method.name.c_str());
    for (const auto& column : method.contexts[0].scores.columns)
      std::printf("  %s %.3f", column.name.c_str(),
                  summarise(column.values)[summary_mean].value_or(0));
    std::printf("\n");
  }
  return !result.models.empty() && result.predicted.missing.empty() ? 0 : 1;
}
