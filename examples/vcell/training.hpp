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

/// Trains State Transition in a run folder: `checkpoints/`, `metrics.csv`, and at the end `model/`.
/// @param resume  go on from the last checkpoint that is there
/// @throws vcell::Stopped after a stop on request, with the last checkpoint written
Trained train_in_folder(const vcell::Experiment& e, const Prepared& p,
                        const std::filesystem::path& folder, bool resume, Console& console);

/// Makes a run folder, or sees to it that an old run is not lost by accident.
/// @throws vcell::ConfigError if a run is there and neither flag is given, if there is none to go
///         on with, or if the folder holds something else
void open_run_folder(const std::filesystem::path& folder, bool overwrite, bool resume);

/// Writes what a run is a function of: `experiment.toml` and `split.toml`.
void write_settings(const std::filesystem::path& folder, const vcell::Experiment& e,
                    const vcell::SplitSpec& split);
