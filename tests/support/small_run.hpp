// A screen that is made, and a run on it that takes seconds.
#pragma once

#include "support/catch.hpp"
#include "support/program.hpp"

namespace vcell_test {

/// Makes `screen.h5ad` in the folder.
inline std::string small_screen(const TemporaryFolder& folder, int seed = 3, int genes = 30) {
  const std::string screen = folder / "screen.h5ad";
  const auto made = run_vcell(
      folder, vcell::message("simulate --genes ", genes,
                             " --perturbations 4 --contexts 2 --cells-per-perturbation 10 ",
                             "--control-cells 20 --overwrite --seed ", seed, " --out ", screen));
  INFO(made.err);
  REQUIRE(made.code == 0);
  return screen;
}

/// The flags of such a run on `screen.h5ad` of the folder.
inline std::string small_flags(const TemporaryFolder& folder) {
  return " --data " + (folder / "screen.h5ad") +
         " --context-key context --hidden 8 --layers 1 --heads 1 --head-dim 8 --mlp-width 8 "
         "--ensemble 1 --max-steps 20 --validate-every 10 --set-size 8 --batch-size 2";
}

}  // namespace vcell_test
