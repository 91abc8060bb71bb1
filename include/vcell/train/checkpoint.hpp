#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/io/atomic_folder.hpp"
#include "vcell/io/safetensors.hpp"
#include "vcell/nn/load_parameters.hpp"
#include "vcell/train/trainer.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// One array of a checkpoint's file, with messages that name both.
class CheckpointFile {
 public:
  CheckpointFile(std::string name, std::map<std::string, Array> tensors)
      : name_(std::move(name)), tensors_(std::move(tensors)) {}

  const std::map<std::string, Array>& tensors() const { return tensors_; }

  template <class T>
  std::vector<T> values(const std::string& key, const std::vector<size_t>& shape) const {
    const auto found = tensors_.find(key);
    if (found == tensors_.end())
      throw FormatError(message("load_checkpoint: ", quoted(name_), " has no array ", quoted(key),
                                "; it is no checkpoint of this model"));
    if (found->second.shape != shape || found->second.dtype() != dtype_of<T>())
      throw FormatError(message("load_checkpoint: ", quoted(name_), ", array ", quoted(key), ": ",
                                name_of(found->second.dtype()), ' ', found->second.shape,
                                ", expected ", name_of(dtype_of<T>()), ' ', shape));
    return found->second.as<T>();
  }
  template <class T>
  T number(const std::string& key) const {
    return values<T>(key, {})[0];
  }

 private:
  std::string name_;
  std::map<std::string, Array> tensors_;
};

template <class = void>
CheckpointFile read_checkpoint_file(const std::filesystem::path& path) {
  return {path.string(), read_safetensors(path).tensors};
}

template <class T>
Array number_array(T value) {
  return Array::of<T>({}, {&value, 1});
}

/// What an optimizer is made with: a run goes on with the same.
inline std::vector<std::pair<std::string, double>> optimizer_settings(const TrainOptions& o) {
  return {{"beta1", o.beta1},
          {"beta2", o.beta2},
          {"epsilon", o.epsilon},
          {"weight_decay", o.weight_decay},
          {"decoupled", o.optimizer == OptimizerKind::adamw ? 1.0 : 0.0}};
}

/// What else a run must go on with. Checkpoints of before these were noted are of their defaults.
inline std::vector<std::pair<std::string, double>> step_settings(const TrainOptions& o) {
  return {{"accumulate", double(o.accumulate)}, {"ema", o.ema}, {"choose_by", double(o.choose_by)}};
}

/// @throws ConfigError if a checkpoint was made with another seed, optimizer or kind of step.
///         Checkpoints of before the optimizer was noted do not say.
template <class = void>
void check_same_run(const std::filesystem::path& folder, const TrainOptions& options) {
  const CheckpointFile file = read_checkpoint_file(folder / "state.safetensors");
  const auto check = [&](const std::string& name, auto found, auto wanted) {
    if (found != wanted)
      throw ConfigError(message("load_checkpoint: ", quoted(folder.string()), " was made with ",
                                name, ' ', found, " and training is to go on with ", wanted,
                                "; give the same ", name));
  };
  check("seed", file.number<uint64_t>("seed"), options.seed);
  for (const auto& [name, value] : optimizer_settings(options))
    if (file.tensors().contains(name)) check(name, file.number<double>(name), value);
  const auto wanted = step_settings(options), before = step_settings({});
  for (size_t i = 0; i < wanted.size(); ++i) {
    const auto& [name, value] = wanted[i];
    check(name, file.tensors().contains(name) ? file.number<double>(name) : before[i].second,
          value);
  }
}

/// Where the parameters are that a checkpoint would be the best by.
inline const char* validated_weights(const TrainOptions& o) {
  return o.ema > 0 ? "average.safetensors" : "weights.safetensors";
}

/// Numbers of a block by the names of parameters: `prefix + name`.
/// @param offset  where in the block a parameter starts
template <class T, class Device, class Offset>
std::map<std::string, Array> named_arrays(const Parameters<T, Device>& parameters,
                                          View<const T, 1, Device> block, const std::string& prefix,
                                          bool frozen_too, Offset offset) {
  const auto all = to_host(block);
  std::map<std::string, Array> arrays;
  for (const auto& p : parameters.all())
    if (frozen_too || p.entry.requires_gradient())
      arrays[prefix + p.name] = Array::of<T>(p.shape, all.values().subspan(offset(p), p.count));
  return arrays;
}

/// The other way: a block out of the arrays of a file.
template <class T, class Device, class Offset>
Tensor<T, 1> block_of(const Parameters<T, Device>& parameters, const CheckpointFile& file,
                      const std::string& prefix, bool frozen_too, size_t size, Offset offset) {
  Tensor<T, 1> block({size});
  for (const auto& p : parameters.all()) {
    if (!frozen_too && !p.entry.requires_gradient()) continue;
    const auto values = file.values<T>(prefix + p.name, p.shape);
    std::copy(values.begin(), values.end(), block.data() + offset(p));
  }
  return block;
}

}  // namespace detail

/// Writes where a trainer stands into a folder, whole or not at all:
///
///   weights.safetensors    the parameters, under their names
///   optimizer.safetensors  `first.<name>` and `second.<name>`, the moments of each that is not
///                          frozen; `steps`
///   state.safetensors      the counters: step, seed, best_step, best_validation_loss, best_alpha,
///                          best_metric, misses; what the optimizer is: beta1, beta2, epsilon,
///                          weight_decay, decoupled; and what a step is: accumulate, ema, choose_by
///   average.safetensors    with TrainOptions::ema, the average of the parameters, under their
///   names
///
/// Batches and dropout are functions of seed and step, so these are all the random state there is.
/// @throws IoError
template <class T, class Device>
void save_checkpoint(const std::filesystem::path& folder, const Trainer<T, Device>& trainer) {
  const auto& parameters = trainer.parameters();
  const auto place = [&](const auto& p) { return parameters.gradient_offset(p); };
  Safetensors optimizer;
  optimizer.tensors =
      detail::named_arrays(parameters, trainer.optimizer().first(), "first.", false, place);
  optimizer.tensors.merge(
      detail::named_arrays(parameters, trainer.optimizer().second(), "second.", false, place));
  optimizer.tensors["steps"] = detail::number_array(trainer.optimizer().steps());
  const TrainState& s = trainer.state();
  Safetensors state;
  state.tensors["step"] = detail::number_array(s.step);
  state.tensors["seed"] = detail::number_array(trainer.options().seed);
  state.tensors["best_step"] = detail::number_array(s.best_step);
  state.tensors["best_validation_loss"] = detail::number_array(s.best_validation_loss);
  state.tensors["best_alpha"] = detail::number_array(s.best_alpha);
  state.tensors["best_metric"] = detail::number_array(s.best_metric);
  state.tensors["misses"] = detail::number_array(s.misses);
  for (const auto& [name, value] : detail::optimizer_settings(trainer.options()))
    state.tensors[name] = detail::number_array(value);
  for (const auto& [name, value] : detail::step_settings(trainer.options()))
    state.tensors[name] = detail::number_array(value);
  Safetensors average;
  if (trainer.average().count())
    average.tensors =
        detail::named_arrays(parameters, trainer.average(), "", true,
                             [&](const auto& p) { return parameters.value_offset(p); });
  write_folder(folder, [&](const std::filesystem::path& fresh) {
    write_safetensors(fresh / "weights.safetensors", {{}, parameter_arrays(parameters)});
    write_safetensors(fresh / "optimizer.safetensors", optimizer);
    write_safetensors(fresh / "state.safetensors", state);
    if (!average.tensors.empty()) write_safetensors(fresh / "average.safetensors", average);
  });
}

/// Reads a checkpoint's counters.
/// @throws IoError, FormatError naming file and array
template <class = void>
TrainState read_checkpoint_state(const std::filesystem::path& folder) {
  const auto file = detail::read_checkpoint_file(folder / "state.safetensors");
  const auto if_there = [&](const char* name, double otherwise) {
    return file.tensors().contains(name) ? file.number<double>(name) : otherwise;
  };
  return {.step = file.number<uint64_t>("step"),
          .best_step = file.number<uint64_t>("best_step"),
          .best_validation_loss = file.number<double>("best_validation_loss"),
          .misses = file.number<uint64_t>("misses"),
          .best_alpha = if_there("best_alpha", 1),
          .best_metric = if_there("best_metric", 0)};
}

/// Puts a trainer and its model where save_checkpoint found them. Nothing changes unless everything
/// fits.
/// @param best_folder  the checkpoint whose weights are the best so far; not read when the state
///                     says that there are none
/// @throws IoError, FormatError, ShapeError naming file and array; ConfigError if parameters are
///         missing or unknown, or the checkpoint was made with another seed, optimizer or step
template <class T, class Device>
void load_checkpoint(const std::filesystem::path& folder, const std::filesystem::path& best_folder,
                     Trainer<T, Device>& trainer) {
  const auto& parameters = trainer.parameters();
  const TrainState state = read_checkpoint_state(folder);
  detail::check_same_run(folder, trainer.options());
  const auto optimizer = detail::read_checkpoint_file(folder / "optimizer.safetensors");
  const auto moment = [&](const char* prefix) {
    return detail::block_of<T>(parameters, optimizer, prefix, false,
                               trainer.optimizer().first().count(),
                               [&](const auto& p) { return parameters.gradient_offset(p); });
  };
  const char* const validated = detail::validated_weights(trainer.options());
  const auto all_of = [&](const std::filesystem::path& file) {
    return detail::block_of<T>(parameters, detail::read_checkpoint_file(file), "", true,
                               parameters.values_count(),
                               [&](const auto& p) { return parameters.value_offset(p); });
  };
  Tensor<T, 1> first = moment("first."), second = moment("second."), best, average;
  if (state.best_step) best = all_of(best_folder / validated);
  if (trainer.options().ema > 0 && state.step) average = all_of(folder / validated);
  const auto steps = optimizer.number<uint64_t>("steps");
  const auto path = folder / "weights.safetensors";
  load_parameters(parameters, read_safetensors(path).tensors, {},
                  message("load_checkpoint: ", quoted(path.string())));
  trainer.optimizer().restore(steps, std::move(first), std::move(second));
  trainer.restore(state, std::move(best), std::move(average));
}

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
  template <class T, class Device>
  void save(const Trainer<T, Device>& trainer, CheckpointKind kind) const {
    save_checkpoint(kind == CheckpointKind::step ? folder_ / message("step-", trainer.state().step)
                                                 : (kind == CheckpointKind::last ? last() : best()),
                    trainer);
  }

  /// Whether there is a last checkpoint to go on from.
  bool can_resume() const { return !whole_folder(last()).empty(); }

  /// Puts a trainer where the last checkpoint was made.
  /// @throws what load_checkpoint throws; FormatError if best is not the one that last speaks of
  template <class T, class Device>
  void resume(Trainer<T, Device>& trainer) const {
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

VCELL_INSTANTIATE(files, void save_checkpoint(const std::filesystem::path&, const Trainer<float>&));
VCELL_INSTANTIATE(files, void load_checkpoint(const std::filesystem::path&,
                                              const std::filesystem::path&, Trainer<float>&));

VCELL_END_NAMESPACE
