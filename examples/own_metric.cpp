// A metric of one's own: a name, how to read it, and a function of the two sides.
//
//   build/release/examples/own_metric

#include <cmath>
#include <cstdio>
#include <vcell/pipeline/run.hpp>
#include <vcell/vcell.hpp>

using namespace vcell;

/// Does the gene that changes most in the observed cells change in the same direction in the
/// predicted ones?
Metric strongest_gene() {
  return {.name = "strongest_gene",
          .title = "Strongest gene",
          .meaning = "Whether the gene that changes most changes in the same direction. 1: yes.",
          .direction = 1,
          .best = 1,
          .reads = MetricReads::means,  // so it has an interval at little cost, and strata of genes
          .scores = [](const EvaluationSide& real, const EvaluationSide& predicted,
                       const MetricOptions&) {
            std::vector<Score> out;
            for (size_t t = 0; t < real.perturbations().size(); ++t) {
              size_t strongest = 0;
              for (size_t g = 0; g < real.genes().size(); ++g)
                if (std::abs(real.shift(t, g)) > std::abs(real.shift(t, strongest))) strongest = g;
              out.push_back(real.shift(t, strongest) * predicted.shift(t, strongest) > 0 ? 1. : 0.);
            }
            return out;
          }};
}

int main() {
  auto simulated = simulate_screen({.seed = 1, .genes = 60, .contexts = 3, .perturbations = 8});
  Experiment e;
  e.labels.context_keys = {"context"};
  e.methods = {"perturbation_mean", "control_copy"};
  const auto result = run(std::move(simulated.screen), e, {.more_metrics = {strongest_gene()}});
  std::vector<double> scores;
  for (const auto& method : methods_of(result.report)) {
    scores.push_back(mean_score(method, "strongest_gene").value_or(0));
    std::printf("%-20s strongest gene %.2f\n", method.name.c_str(), scores.back());
  }
  return scores[0] > scores[1] ? 0 : 1;  // control cells move by chance alone
}
