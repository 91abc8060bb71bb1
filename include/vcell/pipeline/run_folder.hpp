#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vcell/eval/remove_results.hpp"
#include "vcell/pipeline/data_files.hpp"
#include "vcell/pipeline/state_transition_predictor.hpp"
#include "vcell/sets/split_toml.hpp"
#include "vcell/train/checkpoint.hpp"
#include "vcell/train/embedding_folder.hpp"
#include "vcell/train/event_log.hpp"
#include "vcell/train/experiment_toml.hpp"
#include "vcell/train/metrics_log.hpp"
#include "vcell/train/model_folder.hpp"

VCELL_BEGIN_NAMESPACE

/// What may be done with a run that is in the folder already.
enum class OldRun { keep, overwrite, resume };

/// The folder of a run: `experiment.toml` and `split.toml`, which say what the run is a function
/// of, `data.csv`, which tells the data from others, `checkpoints/`, `metrics.csv`,
/// `tensorboard/` where it is asked for, `embedding/` that cells are embedded by, `model/`,
/// predictions, tables and the report.
class RunFolder {
 public:
  explicit RunFolder(std::filesystem::path path) : path_(std::move(path)) {}

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const char* name) const { return path_ / name; }

  /// Sees to it, before any work, that the folder can take a run and that an old one is not lost by
  /// accident.
  /// @throws ConfigError if a run is there and has to be kept, if there is none to go on with, or
  ///         if the folder holds something else
  template <class = void>
  void check(OldRun old) const;

  /// Makes the folder, without what an old run left in it, and writes the settings of the new one.
  /// Once; a second call finds the folder begun and does nothing.
  /// @param anchor  what the model starts from, where the experiment's gave way
  /// @throws WriteError
  template <class = void>
  void begin(const Experiment& e, const SplitSpec& split, Anchor anchor) const;

  /// Whether there is a checkpoint that a training can go on from.
  bool can_resume() const {
    return checkpoints(1, 1).can_resume() || checkpoints(1, 2).can_resume() ||
           embedding_checkpoints().can_resume();
  }

  /// Keeps a training here: checkpoints, of an ensemble's members each in a folder of its own, and
  /// metrics.csv. It begins the folder once everything was found to fit, or goes on with what is
  /// there.
  /// @param split   asked for when the folder is begun
  /// @param begun   called once the folder is a run's
  template <class = void>
  TrainingHooks hooks(const Experiment& e, OldRun old, std::function<const SplitSpec&()> split,
                      std::function<void()> begun) const;

  /// Keeps the training of the small State Embedding that a run embeds its cells by, until
  /// `embedding/` is there: checkpoints, to go on with where there is one.
  template <class = void>
  TrainingHooks embedding_hooks(OldRun old) const {
    TrainingHooks out;
    const Checkpoints kept = embedding_checkpoints();
    if (old == OldRun::resume)
      out.restore = [kept](Trainer<float>& trainer) {
        if (kept.can_resume()) kept.resume(trainer);
      };
    out.checkpoint = [kept](const Trainer<float>& trainer, CheckpointKind kind) {
      kept.save(trainer, kind);
    };
    return out;
  }

  /// Keeps the State Embedding that cells are embedded by, if that is not done yet. Checkpoints of
  /// its training are needed no more.
  template <class = void>
  void keep_embedding(const TrainedEmbedding& m) const {
    if (std::filesystem::exists(path_ / "embedding")) return;
    save_embedding(path_ / "embedding", m);
    std::error_code error;  // what stays is in the way of nothing
    std::filesystem::remove_all(embedding_folder(), error);
  }

 private:
  std::filesystem::path embedding_folder() const { return path_ / "checkpoints" / "embedding"; }
  Checkpoints embedding_checkpoints() const { return Checkpoints(embedding_folder()); }
  /// Where the checkpoints of a member are, counted from 1.
  Checkpoints checkpoints(size_t member, size_t members) const {
    const auto all = path_ / "checkpoints";
    return Checkpoints(members > 1 ? all / detail::member_folder(member) : all);
  }

  // What a run writes into its folder beside tables of results; nothing else is ever removed.
  static constexpr const char* files[] = {
      "split.toml", "data.csv",         "model",       "checkpoints", "metrics.csv",
      "baselines",  "predictions.h5ad", "real.h5ad",   "report.html", "plots",
      "facts.csv",  "methods.csv",      "tensorboard", "embedding",   "experiment.toml"};

  std::filesystem::path path_;
  std::shared_ptr<bool> begun_ = std::make_shared<bool>(false);
};

template <class>
void RunFolder::check(OldRun old) const {
  const bool is_run = std::filesystem::exists(path_ / "experiment.toml");
  if (old == OldRun::resume && !is_run)
    throw ConfigError(message("there is no run to go on with in ", quoted(path_.string()),
                              " (no experiment.toml); leave OldRun::resume out"));
  if (old == OldRun::keep && is_run)
    throw ConfigError(
        message("there is a run in ", quoted(path_.string()),
                " already; name another RunFolder, say OldRun::resume to go on with it ",
                "or OldRun::overwrite to replace it"));
  if (!is_run && std::filesystem::exists(path_) &&
      (!std::filesystem::is_directory(path_) || !std::filesystem::is_empty(path_)))
    throw ConfigError(
        message(quoted(path_.string()), " is there and holds no run; name another RunFolder"));
}

template <class>
void RunFolder::begin(const Experiment& e, const SplitSpec& split, Anchor anchor) const {
  if (std::exchange(*begun_, true)) return;
  try {
    if (std::filesystem::exists(path_)) remove_results(path_);
    for (const char* name : files) std::filesystem::remove_all(path_ / name);
  } catch (const std::filesystem::filesystem_error& error) {
    throw WriteError(message("cannot remove the old run: ", error.what()));
  }
  std::error_code error;
  std::filesystem::create_directories(path_, error);
  if (error)
    throw WriteError(message("cannot make the folder ", quoted(path_.string()), ": ",
                             error.message(), "; choose another RunFolder"));
  write_split(path_ / "split.toml", split);
  write_data_files(path_ / "data.csv", data_files(e));
  auto done = e;
  done.model.anchor = anchor;
  write_experiment(path_ / "experiment.toml", done);
}

template <class>
TrainingHooks RunFolder::hooks(const Experiment& e, OldRun old,
                               std::function<const SplitSpec&()> split,
                               std::function<void()> begun) const {
  // Shared by the hooks: whose turn it is, the steps that each had done, and the log once open.
  struct State {
    size_t members = 1;
    Checkpoints checkpoints;
    std::vector<uint64_t> done = {0};  // of those until now
    std::optional<MetricsLog> log = {};
    std::optional<EventLog> events = {};  // of the member whose turn it is
  };
  const auto state = std::make_shared<State>(State{.checkpoints = checkpoints(1, 1)});
  TrainingHooks out;
  out.member = [=, *this](size_t member, size_t members) {
    state->members = members;
    state->checkpoints = checkpoints(member, members);
    state->done.resize(member, 0);
    state->events.reset();
  };
  if (old == OldRun::resume)
    out.restore = [=](Trainer<float>& trainer) {
      if (!state->checkpoints.can_resume()) return;
      state->checkpoints.resume(trainer);
      state->done.back() = trainer.state().step;
    };
  out.begin = [=, *this](const TrainedModel& model) {
    if (state->done.size() == 1) {
      if (old != OldRun::resume) begin(e, split(), model.model.config().anchor);
      if (begun) begun();
    }
    state->log.reset();
    if (state->members == 1) state->log.emplace(path_ / "metrics.csv", state->done[0]);
  };
  out.metrics = [=, *this](MetricsRow row) {
    // Of members not before: one that had been trained whole has nothing to say, and the rows of
    // those after it are still needed.
    if (!state->log && state->members == 1)
      state->log.emplace(path_ / "metrics.csv", state->done[0]);
    if (!state->log)
      state->log.emplace(path_ / "metrics.csv", std::span<const uint64_t>(state->done));
    row.member = state->done.size();
    state->log->add(row);
    if (e.tensorboard) {
      if (!state->events)
        state->events.emplace(state->members > 1
                                  ? path_ / "tensorboard" / detail::member_folder(row.member)
                                  : path_ / "tensorboard",
                              state->done.back());
      state->events->add(row);
    }
    state->done.back() = row.step;
  };
  out.checkpoint = [=](const Trainer<float>& trainer, CheckpointKind kind) {
    state->checkpoints.save(trainer, kind);
  };
  return out;
}

VCELL_END_NAMESPACE
