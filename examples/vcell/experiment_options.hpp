#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "vcell/train/experiment.hpp"
#include "vcell/train/reference_table.hpp"

/// A message of the library in the program's words: what it calls a setting, "[data] min_genes", or
/// names in C++, "OldRun::resume", became a flag, "--min-genes", "--resume".
/// @param command  the one that was given, where that is known: what it has no flag for stays
std::string with_flags(std::string text, const CLI::App* command = nullptr);

/// The same for a command that takes settings by State's names: "[training] max_steps" became
/// "training.max_steps", what a table calls it.
std::string with_reference_names(std::string text, std::span<const vcell::ReferenceSetting> table);

/// The flags of everything that decides what a run does: one for every setting of an experiment
/// file, over a file (--experiment) and published settings (--preset). A setting may be said by its
/// name too, as the word training.max_steps=500.
class ExperimentOptions {
 public:
  explicit ExperimentOptions(CLI::App& command);

  /// Those of a preset and of settings by their names, for who has words of another kind.
  static ExperimentOptions of(const std::string& preset, const std::vector<std::string>& settings);

  /// The experiment that the command line describes: the file or preset, then the flags. Its paths
  /// are absolute.
  /// @throws vcell::ConfigError naming the flag and what it may be
  vcell::Experiment experiment() const;

  /// Whether a setting ("section.key") was said, or a file that says what every setting is.
  bool says(const std::string& setting) const {
    read_settings();
    return !file_->empty() || words_->contains(setting);
  }

  /// A stored experiment that is gone on with.
  /// @throws vcell::ConfigError if a flag asks for something else than it says
  vcell::Experiment resumed(const std::filesystem::path& stored) const;

 private:
  ExperimentOptions() = default;
  /// Takes the words that say settings by their names among what was said by flags.
  void read_settings() const;
  void apply(vcell::Experiment& e) const;
  /// Where nothing is said of it, what genes are decoded by in an embedding, and the rate for that.
  void set_embedding_defaults(vcell::Experiment& e) const;

  std::shared_ptr<std::string> file_ = std::make_shared<std::string>();
  std::shared_ptr<std::string> preset_ = std::make_shared<std::string>();
  // Words such as "training.max_steps=500", until they are read; then the names in them.
  std::shared_ptr<std::vector<std::string>> settings_ =
      std::make_shared<std::vector<std::string>>();
  std::shared_ptr<std::set<std::string>> by_name_ = std::make_shared<std::set<std::string>>();
  // What was said for each setting ("section.key").
  std::shared_ptr<std::map<std::string, std::vector<std::string>>> words_ =
      std::make_shared<std::map<std::string, std::vector<std::string>>>();
};
