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
#include "vcell/train/choices.hpp"
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

namespace detail {

/// The embedding that a model in one is trained on further: the one that it knows. What it reads by
/// is in its folder, or a key of obsm.
/// @throws ConfigError if the model is of genes, what embeds its cells is not there, or the
///         experiment names another
template <class = void>
void take_embedding_of(Experiment& e, const TrainedModel& first) {
  const std::string from = message("[training] init_from ", quoted(e.init_from));
  if (first.model.config().output_space != OutputSpace::embedding)
    throw ConfigError(message(from, " is a model of genes, and [model] output_space is embedding; ",
                              "name a model in an embedding, or set it to ",
                              name_of_choice(first.model.config().output_space)));
  std::string& asked = e.cell_embedding;
  const auto other = [&](const std::string& own, const char* mend) {
    return ConfigError(message("[data] embedding is ", quoted(asked), ", and the model in ", from,
                               " reads ", own, mend));
  };
  if (!first.embedding_key.empty()) {
    if (asked.empty()) asked = "obsm:" + first.embedding_key;
    if (!is_obsm(asked))
      throw other(message("cells as obsm ", quoted(first.embedding_key)),
                  "; give obsm:KEY with the same embedding of these cells");
    return;
  }
  const auto whole = whole_folder(e.init_from);
  const auto folder = (whole.empty() ? std::filesystem::path(e.init_from) : whole) / "embedding";
  if (!std::filesystem::exists(folder / "config.json"))
    throw ConfigError(message("the model in ", from, " reads an embedding of cells, and what ",
                              "makes it is not in ", quoted(folder.string()),
                              "; copy the model's folder whole, and for a member's alone the ",
                              "'embedding' beside it into it"));
  if (asked.empty()) asked = (std::filesystem::path(e.init_from) / "embedding").string();
  if (is_obsm(asked) || folder_sha256(asked) != folder_sha256(folder))
    throw other("what its own 'embedding' makes of cells",
                ", standardised by the cells that it was trained on; leave [data] embedding out");
}

}  // namespace detail

/// Reads the model that an experiment's training starts from, and writes into the experiment what
/// the run will need of it: init_sha256, target_sum where the experiment leaves it open, so that
/// counts are brought to what the model knows, and in an embedding where that is from: the model
/// beside the weights, which no other may stand for, or the key of obsm. An experiment that has
/// both goes on without the folder unless a member has to start.
/// @param recorded  both were written before, by the run that is gone on with: nothing is read now
/// @return  what StateTransitionPredictorOptions::start is to be; empty without init_from
/// @throws as InitialModel; ConfigError if the embedding is another
template <class = void>
std::function<const TrainedModel&(size_t, size_t)> start_of(Experiment& e, bool recorded = false) {
  if (e.init_from.empty()) return {};
  const auto model = std::make_shared<InitialModel<>>(e.init_from, e.init_sha256);
  if (!recorded) {
    const TrainedModel& first = model->member(1, e.ensemble);
    e.init_sha256 = model->sha256();
    if (e.target_sum == 0) e.target_sum = first.target_sum.value_or(0);
    if (is_in_embedding(e)) detail::take_embedding_of(e, first);
  }
  return [model](size_t number, size_t members) -> const TrainedModel& {
    return model->member(number, members);
  };
}

VCELL_INSTANTIATE(folders,
                  std::function<const TrainedModel&(size_t, size_t)> start_of<void>(Experiment&,
                                                                                    bool));

VCELL_END_NAMESPACE
