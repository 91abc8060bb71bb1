#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "vcell/train/experiment.hpp"

/// A message in which every setting, as in "[data] min_genes", became its flag, "--min-genes".
std::string with_flags(std::string text);

/// The flags of everything that decides what a run does: one for every setting of an experiment
/// file, over a file (--experiment) and published settings (--preset).
class ExperimentOptions {
 public:
  explicit ExperimentOptions(CLI::App& command);

  /// The experiment that the command line describes: the file or preset, then the flags. Its paths
  /// are absolute.
  /// @throws vcell::ConfigError naming the flag and what it may be
  vcell::Experiment experiment() const;

  /// Whether a setting ("section.key") was said, or a file that says what every setting is.
  bool says(const std::string& setting) const {
    return !file_->empty() || words_->contains(setting);
  }

  /// A stored experiment that is gone on with.
  /// @throws vcell::ConfigError if a flag asks for something else than it says
  vcell::Experiment resumed(const std::filesystem::path& stored) const;

 private:
  void apply(vcell::Experiment& e) const;

  std::shared_ptr<std::string> file_ = std::make_shared<std::string>();
  std::shared_ptr<std::string> preset_ = std::make_shared<std::string>();
  // What was said for each setting ("section.key").
  std::shared_ptr<std::map<std::string, std::vector<std::string>>> words_ =
      std::make_shared<std::map<std::string, std::vector<std::string>>>();
};
