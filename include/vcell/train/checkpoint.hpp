#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "vcell/io/atomic_folder.hpp"
#include "vcell/io/safetensors.hpp"
#include "vcell/nn/load_parameters.hpp"
#include "vcell/train/trainer.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// One array of a checkpoint's file, with messages that name both.
class CheckpointFile {
 public:
  explicit CheckpointFile(const std::filesystem::path& path)
      : name_(path.string()), tensors_(read_safetensors(path).tensors) {}

  const std::map<std::string, Array>& tensors() const { return tensors_; }

  template <class T>
  std::vector<T> values(const std::string& key, const std::vector<size_t>& shape) const {
    const auto found = tensors_.find(key);
    if (found == tensors_.end())
      throw FormatError(message("load_checkpoint: ", quoted(name_), " has no array ", quoted(key),
                                "; it is no checkpoint of this model"));
    if (found->second.shape != shape || found->second.dtype != dtype_of<T>())
      throw FormatError(message("load_checkpoint: ", quoted(name_), ", array ", quoted(key), ": ",
                                name_of(found->second.dtype), ' ', found->second.shape,
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

template <class T>
Array number_array(T value) {
  return Array::of<T>({}, {&value, 1});
}

}  // namespace detail

/// Writes where a trainer stands into a folder, whole or not at all:
///
///   weights.safetensors    the parameters, under their names
///   optimizer.safetensors  `first.<name>` and `second.<name>`, the moments of each; `steps`
///   state.safetensors      the counters: step, seed, best_step, best_validation_loss, misses
///
/// Batches and dropout are functions of seed and step, so these are all the random state there is.
/// @throws IoError
template <class T>
void save_checkpoint(const std::filesystem::path& folder, const Trainer<T>& trainer) {
  Safetensors optimizer;
  const auto& parameters = trainer.optimizer().parameters();
  for (size_t i = 0; i < parameters.size(); ++i) {
    const auto& [name, shape, flat] = parameters[i];
    const auto& moments = trainer.optimizer().moments()[i];
    optimizer.tensors["first." + name] = Array::of<T>(shape, moments.first.values());
    optimizer.tensors["second." + name] = Array::of<T>(shape, moments.second.values());
  }
  optimizer.tensors["steps"] = detail::number_array(trainer.optimizer().steps());
  const TrainState& s = trainer.state();
  Safetensors state;
  state.tensors["step"] = detail::number_array(s.step);
  state.tensors["seed"] = detail::number_array(trainer.options().seed);
  state.tensors["best_step"] = detail::number_array(s.best_step);
  state.tensors["best_validation_loss"] = detail::number_array(s.best_validation_loss);
  state.tensors["misses"] = detail::number_array(s.misses);
  write_folder(folder, [&](const std::filesystem::path& fresh) {
    write_safetensors(fresh / "weights.safetensors", {{}, parameter_arrays(trainer.parameters())});
    write_safetensors(fresh / "optimizer.safetensors", optimizer);
    write_safetensors(fresh / "state.safetensors", state);
  });
}

/// Reads a checkpoint's counters.
/// @throws IoError, FormatError naming file and array
inline TrainState read_checkpoint_state(const std::filesystem::path& folder) {
  const detail::CheckpointFile file(folder / "state.safetensors");
  return {.step = file.number<uint64_t>("step"),
          .best_step = file.number<uint64_t>("best_step"),
          .best_validation_loss = file.number<double>("best_validation_loss"),
          .misses = file.number<uint64_t>("misses")};
}

/// Puts a trainer and its model where save_checkpoint found them. Nothing changes unless everything
/// fits.
/// @param best_folder  the checkpoint whose weights are the best so far; not read when the state
///                     says that there are none
/// @throws IoError, FormatError, ShapeError naming file and array; ConfigError if parameters are
///         missing or unknown, or the checkpoint was made with another seed
template <class T>
void load_checkpoint(const std::filesystem::path& folder, const std::filesystem::path& best_folder,
                     Trainer<T>& trainer) {
  const TrainState state = read_checkpoint_state(folder);
  const auto seed =
      detail::CheckpointFile(folder / "state.safetensors").template number<uint64_t>("seed");
  if (seed != trainer.options().seed)
    throw ConfigError(message("load_checkpoint: ", quoted(folder.string()), " was made with seed ",
                              seed, " and training is to go on with ", trainer.options().seed,
                              "; give the same seed"));
  const detail::CheckpointFile optimizer(folder / "optimizer.safetensors");
  std::vector<typename AdamOptimizer<T>::Moments> moments;
  const auto read = [](const detail::CheckpointFile& file, const std::string& prefix,
                       const Parameter<T>& p) {
    return Tensor<T, 1>({p.flat.count()}, file.values<T>(prefix + p.name, p.shape));
  };
  typename Trainer<T>::Values best;
  for (const auto& p : trainer.parameters().all())
    moments.push_back({read(optimizer, "first.", p), read(optimizer, "second.", p)});
  if (state.best_step) {
    const detail::CheckpointFile weights(best_folder / "weights.safetensors");
    for (const auto& p : trainer.parameters().all()) best.push_back(read(weights, "", p));
  }
  const auto steps = optimizer.number<uint64_t>("steps");
  const auto path = folder / "weights.safetensors";
  load_parameters(trainer.parameters(), read_safetensors(path).tensors, {},
                  message("load_checkpoint: ", quoted(path.string())));
  trainer.optimizer().restore(steps, std::move(moments));
  trainer.restore(state, std::move(best));
}

VCELL_END_NAMESPACE
