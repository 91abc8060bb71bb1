#pragma once

#include <filesystem>
#include <utility>

#include "vcell/train/checkpoint.hpp"

VCELL_BEGIN_NAMESPACE

/// The checkpoints of one run: the folders best, last and step-N.
///
///   const Checkpoints checkpoints("run/checkpoints");
///   if (checkpoints.can_resume()) checkpoints.resume(trainer);
///   trainer.run(task, {.checkpoint = [&](CheckpointKind k) { checkpoints.save(trainer, k); }});
class Checkpoints {
 public:
  explicit Checkpoints(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// Writes a checkpoint of where the trainer stands.
  /// @throws IoError
  template <class T>
  void save(const Trainer<T>& trainer, CheckpointKind kind) const {
    save_checkpoint(kind == CheckpointKind::step ? folder_ / message("step-", trainer.state().step)
                                                 : (kind == CheckpointKind::last ? last() : best()),
                    trainer);
  }

  /// Whether there is a last checkpoint to go on from.
  bool can_resume() const { return settle_folder(last()); }

  /// Puts a trainer where the last checkpoint was made.
  /// @throws what load_checkpoint throws; FormatError if best is not the one that last speaks of
  template <class T>
  void resume(Trainer<T>& trainer) const {
    settle_folder(last());
    const TrainState state = read_checkpoint_state(last());
    const bool has_best = settle_folder(best());
    const uint64_t found = has_best ? read_checkpoint_state(best()).step : 0;
    // A best checkpoint follows the last one of its step. Where it is not there, the run was killed
    // between them, and the last one is the best.
    const bool last_is_best = state.best_step == state.step && found != state.step;
    if (!last_is_best && state.best_step && found != state.best_step)
      throw FormatError(message("Checkpoints: ", quoted(last().string()), " says that step ",
                                state.best_step, " was best, but ", quoted(best().string()),
                                has_best ? message(" is of step ", found) : " is not there",
                                "; they are not of one run"));
    load_checkpoint(last(), last_is_best ? last() : best(), trainer);
    if (last_is_best) save_checkpoint(best(), trainer);
  }

 private:
  std::filesystem::path last() const { return folder_ / "last"; }
  std::filesystem::path best() const { return folder_ / "best"; }

  std::filesystem::path folder_;
};

VCELL_END_NAMESPACE
