// A screen and an experiment on it whose run takes a second or two.
#pragma once

#include "vcell/simulate/simulate_screen.hpp"
#include "vcell/train/experiment.hpp"

namespace vcell_test {

/// What simulates three contexts and six perturbations.
inline vcell::SimulateOptions small_simulation() {
  return {.seed = 3,
          .genes = 30,
          .contexts = 3,
          .perturbations = 6,
          .cells_per_perturbation = 10,
          .control_cells = 20};
}
inline vcell::AnnData small_cells() { return vcell::simulate_screen(small_simulation()).screen; }

/// One small State Transition, trained for four steps, in contexts by obs `context`.
inline vcell::Experiment small_experiment() {
  vcell::Experiment e;
  e.labels.context_keys = {"context"};
  e.model.hidden = 16;
  e.model.layers = 1;
  e.model.heads = 2;
  e.model.head_dim = 8;
  e.model.mlp_width = 16;
  e.model.set_size = 8;
  e.model.batch_size = 2;
  e.ensemble = 1;
  e.training.max_steps = 4;
  return e;
}

}  // namespace vcell_test
