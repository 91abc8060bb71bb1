// A method of one's own beside vcell's: a class with fit and predict.
//
//   build/release/examples/own_predictor

#include <cstdio>
#include <vcell/pipeline/run.hpp>
#include <vcell/vcell.hpp>

using namespace vcell;

/// Predicts that a perturbation switches its own gene off, and nothing else.
class Knockout final : public Predictor {
 public:
  std::string name() const override { return "knockout"; }
  std::string meaning() const override { return "control cells without the perturbed gene."; }
  void fit(const Screen&, std::span<const Part>, const Callbacks&) override {}

  PredictedCells predict(const Screen& screen, std::span<const PredictionRequest> requests,
                         const Callbacks&) const override {
    PredictedCells out;
    out.cells.columns = screen.genes.size();
    for (size_t r = 0; r < requests.size(); ++r)
      for (const size_t cell : requests[r].control_cells) {
        const auto genes = screen.expression.row_indices(cell);
        for (size_t k = 0; k < genes.size(); ++k)
          if (screen.genes[size_t(genes[k])] !=
              screen.perturbation.names[size_t(requests[r].perturbation)]) {
            out.cells.indices.push_back(genes[k]);
            out.cells.values.push_back(screen.expression.row_values(cell)[k]);
          }
        out.cells.end_row();
        out.requests.push_back(r);
      }
    return out;
  }
};

int main() {
  auto simulated = simulate_screen({.seed = 1, .genes = 60, .contexts = 3, .perturbations = 8});
  Experiment e;
  e.labels.context_keys = {"context"};
  e.methods = {"perturbation_mean", "control_copy"};  // no model is trained
  const auto result =
      run(std::move(simulated.screen), e, {.more_methods = {std::make_shared<Knockout>()}});
  for (const auto& method : methods_of(result.report))
    std::printf("%-20s mean error %.4f\n", method.name.c_str(),
                mean_score(method, "mae").value_or(0));
  return result.report.others.size() == 2 && result.report.others[1].name == "knockout" ? 0 : 1;
}
