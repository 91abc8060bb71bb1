#pragma once

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vcell/core/callbacks.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/io/sha256.hpp"
#include "vcell/train/experiment.hpp"
#include "vcell/train/model_folder.hpp"

VCELL_BEGIN_NAMESPACE

/// One SHA-256 of what a model folder says to programs: of a line "SHA-256  path" for each of its
/// .json, .txt and .safetensors files, sorted by path, as sha256sum prints them. Its README.md,
/// which is for people, has no part in it.
/// @throws IoError if there is no such folder, or a file cannot be read
template <class = void>
std::string folder_sha256(const std::filesystem::path& named) {
  const auto whole = whole_folder(named);
  if (whole.empty()) throw IoError(message("there is no model folder ", quoted(named.string())));
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(whole)) {
    const auto kind = entry.path().extension();
    if (entry.is_regular_file() && (kind == ".json" || kind == ".txt" || kind == ".safetensors"))
      files.push_back(std::filesystem::relative(entry.path(), whole).generic_string());
  }
  std::sort(files.begin(), files.end());
  Sha256 sum;
  for (const auto& file : files) sum.add(message(sha256_of(whole / file), "  ", file, '\n'));
  return sum.text();
}

/// The SHA-256 of the folder that [training] init_from names.
/// @param expected  what it must be (folder_sha256); empty: anything
/// @throws IoError as folder_sha256; ConfigError if it is another, or a file
template <class = void>
std::string initial_sha256(const std::filesystem::path& folder, const std::string& expected) {
  if (std::filesystem::is_regular_file(folder))
    throw ConfigError(message("[training] init_from ", quoted(folder.string()), " is a file, ",
                              "expected a model folder; `vcell import` makes one of a checkpoint ",
                              "of State's"));
  std::string found = folder_sha256(folder);
  if (!expected.empty() && found != expected)
    throw ConfigError(message("[training] init_from ", quoted(folder.string()),
                              " is not what it was: its SHA-256 is ", found, ", expected ",
                              expected, " ([training] init_sha256); put that model back"));
  return found;
}

/// The models of the folder that [training] init_from names, read when one is first wanted.
template <class = void>
class InitialModel {
 public:
  /// @param sha256  that the folder must have (folder_sha256); empty: any
  explicit InitialModel(std::filesystem::path folder, std::string sha256 = "")
      : folder_(std::move(folder)), sha256_(std::move(sha256)) {}

  /// @throws IoError, FormatError as load_model; ConfigError if the folder has another SHA-256
  std::span<const TrainedModel> members() {
    if (!model_) {
      sha256_ = initial_sha256(folder_, sha256_);
      model_ = load_model(folder_);
    }
    return members_of(*model_);
  }
  /// Of the folder, once it was read; before what it must be.
  const std::string& sha256() const { return sha256_; }

  /// What member `number` of an ensemble starts from: the one model that there is, or its own.
  /// @throws ConfigError if there are several, and not as many as members
  const TrainedModel& member(size_t number, size_t of) {
    const auto all = members();
    if (all.size() != 1 && all.size() != of)
      throw ConfigError(message("[training] ensemble is ", of, ", and [training] init_from ",
                                quoted(folder_.string()), " has ", all.size(),
                                " models; set it to ", all.size(), ", or name the folder of one, ",
                                detail::member_folder(1)));
    return all[all.size() == 1 ? 0 : number - 1];
  }

 private:
  std::filesystem::path folder_;
  std::string sha256_;
  std::optional<AnyModel> model_;
};

/// Reads the model that an experiment's training starts from, and writes into the experiment what
/// the run will need of it: init_sha256, and target_sum where the experiment leaves it open, so
/// that counts are brought to what the model knows. An experiment that has both goes on without
/// the folder unless a member has to start.
/// @param recorded  both were written before, by the run that is gone on with: nothing is read now
/// @return  what StateTransitionPredictorOptions::start is to be; empty without init_from
/// @throws as InitialModel
template <class = void>
std::function<const TrainedModel&(size_t, size_t)> start_of(Experiment& e, bool recorded = false) {
  if (e.init_from.empty()) return {};
  const auto model = std::make_shared<InitialModel<>>(e.init_from, e.init_sha256);
  if (!recorded) {
    const TrainedModel& first = model->member(1, e.ensemble);
    e.init_sha256 = model->sha256();
    if (e.target_sum == 0) e.target_sum = first.target_sum.value_or(0);
  }
  return [model](size_t number, size_t members) -> const TrainedModel& {
    return model->member(number, members);
  };
}

VCELL_INSTANTIATE(folders,
                  std::function<const TrainedModel&(size_t, size_t)> start_of<void>(Experiment&,
                                                                                    bool));

VCELL_END_NAMESPACE
