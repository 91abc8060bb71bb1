#pragma once

#include <filesystem>
#include <string>

#include "console.hpp"
#include "experiment_options.hpp"

/// What was said of a run or a training.
struct RunSettings {
  ExperimentOptions options;
  std::string out = {};
  bool overwrite = false, resume = false, dry_run = false;

  vcell::Experiment experiment() const {
    return resume ? options.resumed(std::filesystem::path(out) / "experiment.toml")
                  : options.experiment();
  }
};

/// Trains a model in a folder.
void train(const RunSettings& settings, Console& console);
