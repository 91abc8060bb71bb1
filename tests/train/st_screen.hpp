// A screen that a State Transition model learns in a moment.
#pragma once

#include <string>
#include <vector>

#include "vcell/models/trained_model.hpp"
#include "vcell/train/state_transition_task.hpp"

namespace vcell_test {

/// Two contexts, two batches; perturbation P<p> adds 1 to gene p, on top of noise. Every fifth cell
/// is for validation.
struct StScreen {
  static constexpr size_t genes = 6, perturbations = 3, cells = 20;
  vcell::Screen screen;
  std::vector<vcell::Part> parts;

  StScreen() {
    std::vector<std::string> context, perturbation, batch;
    vcell::Rng rng(11);
    screen.expression.columns = genes;
    for (size_t i = 0; i < 2 * (perturbations + 1) * cells; ++i) {
      const size_t p = i / cells % (perturbations + 1);
      context.push_back(i < (perturbations + 1) * cells ? "x" : "y");
      perturbation.push_back(p ? vcell::message("P", p) : "ctrl");
      batch.push_back(i % 2 ? "one" : "two");
      for (size_t g = 0; g < genes; ++g) {
        screen.expression.indices.push_back(int32_t(g));
        screen.expression.values.push_back(float(rng.uniform() + double(p == g + 1)));
      }
      screen.expression.end_row();
      parts.push_back(p && i % 5 == 0 ? vcell::Part::validation : vcell::Part::train);
    }
    screen.context = vcell::factor(context);
    screen.perturbation = vcell::factor(perturbation);
    screen.batch = vcell::factor(batch);
    screen.control = screen.perturbation.code("ctrl");
    for (size_t g = 0; g < genes; ++g) screen.genes.push_back(vcell::message("g", g));
  }

  vcell::StateTransitionConfig config(bool batches = false) const {
    return {.input_width = genes,
            .output_width = genes,
            .perturbation_width = perturbations + 1,
            .hidden = 16,
            .layers = 1,
            .heads = 2,
            .head_dim = 8,
            .mlp_width = 24,
            .encoder_layers = 2,
            .decoder_layers = 2,
            .batches = batches ? 2u : 0u,
            .dropout = 0.1};
  }
  vcell::StateTransitionTaskOptions options(bool batches = false) const {
    vcell::StateTransitionTaskOptions o;
    o.sets.sets.set_size = 4;
    o.sets.batch_size = 3;
    o.sets.pairing.within_batch = batches;
    return o;
  }
  vcell::PerturbationFeatures one_hot() const {
    return vcell::PerturbationFeatures::one_hot(screen.perturbation.names);
  }
};

}  // namespace vcell_test
