#pragma once

#include <filesystem>

#include "console.hpp"
#include "prepared.hpp"
#include "vcell/models/trained_model.hpp"
#include "vcell/train/train_state.hpp"

/// What training left beside the model.
struct Trained {
  vcell::TrainedModel model;  ///< with the parameters of the best validation
  vcell::TrainState state;
};

/// What may be done with a run that is in the folder already.
enum class OldRun { keep, overwrite, resume };

/// Sees to it, before any work, that the folder can take a run and that an old one is not lost by
/// accident.
/// @throws vcell::ConfigError if a run is there and has to be kept, if there is none to go on with,
///         or if the folder holds something else
void check_run_folder(const std::filesystem::path& folder, OldRun old);

/// Trains State Transition in a run folder: `experiment.toml` and `split.toml`, which say what the
/// run is a function of, `checkpoints/`, `metrics.csv`, and at the end `model/`. An old run is
/// replaced once everything has been found to fit.
/// @throws vcell::Stopped after a stop on request, with the last checkpoint written
Trained train_in_folder(const vcell::Experiment& e, const Prepared& p,
                        const std::filesystem::path& folder, OldRun old, Console& console);
