#pragma once

#include <filesystem>
#include <string>

#include "console.hpp"
#include "experiment_options.hpp"
#include "vcell/pipeline/files_of_split.hpp"

/// What was said of a run or a training.
struct RunSettings {
  ExperimentOptions options;
  std::string out = {};
  bool overwrite = false, resume = false, dry_run = false;

  vcell::Experiment experiment() const {
    if (resume) return options.resumed(std::filesystem::path(out) / "experiment.toml");
    auto e = options.experiment();
    vcell::take_files_of_split(e);
    return e;
  }
};

/// Trains a model in a folder.
void train(const RunSettings& settings, Console& console);
