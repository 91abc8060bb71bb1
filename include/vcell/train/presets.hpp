#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "vcell/train/experiment.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Sizes of a published model.
struct Preset {
  std::string_view name;
  size_t set_size, hidden, layers, heads, head_dim, mlp_width, coder_layers;
  bool basal_mlp;
};

// Configurations of the State paper and its package.
inline constexpr std::array presets = {
    Preset{"state_sm", 128, 672, 4, 8, 84, 2688, 4, false},
    Preset{"state", 512, 768, 8, 12, 64, 3072, 1, true},
    Preset{"tahoe", 512, 696, 8, 12, 58, 2784, 4, true},
    Preset{"state_lg", 512, 1488, 6, 12, 124, 5952, 4, true},
    Preset{"tutorial", 128, 256, 4, 8, 32, 512, 4, true},
};

}  // namespace detail

template <class = void>
std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const auto& p : detail::presets) names.emplace_back(p.name);
  return names;
}

/// An experiment with published settings: sizes, and how the model was trained.
///
/// - state_sm, state, tahoe, state_lg: Adam without weight decay, rate 1e-4, 16 sets a step,
///   40,000 steps with validation and a checkpoint every 2,000, dropout 0.1.
/// - tutorial: AdamW, rate 3e-4, weight decay 1e-2, 8 sets a step, 2,000 steps; its loss is RBF
/// MMD,
///   whose width is the median distance of the batch. The others have the energy distance.
///
/// @throws ConfigError if there is no such preset
template <class = void>
Experiment experiment_preset(const std::string& name) {
  for (const auto& p : detail::presets) {
    if (p.name != name) continue;
    Experiment e;
    e.preset = name;
    e.ensemble = 1;
    StateTransitionConfig& shape = e.model;
    shape = {};  // not anchored
    e.model.set_size = p.set_size;
    shape.hidden = p.hidden;
    shape.layers = p.layers;
    shape.heads = p.heads;
    shape.head_dim = p.head_dim;
    shape.mlp_width = p.mlp_width;
    shape.encoder_layers = shape.decoder_layers = p.coder_layers;
    shape.basal_mlp = p.basal_mlp;
    auto& t = e.training;
    t.schedule = ScheduleShape::constant;
    if (name == "tutorial") {
      t.learning_rate = 3e-4;
      t.weight_decay = 1e-2;
      t.max_steps = 2000;
      shape.loss = SetLoss::rbf_mmd;
      shape.median_heuristic = true;
    } else {
      e.model.batch_size = 16;
      shape.dropout = 0.1;
      t.optimizer = OptimizerKind::adam;
      t.learning_rate = 1e-4;
      t.weight_decay = 0;
      t.max_steps = 40000;
      t.validate_every = t.checkpoint_every = 2000;
    }
    return e;
  }
  throw ConfigError(message("experiment_preset: there is no preset ", quoted(name), "; ",
                            names_there({name}, preset_names())));
}

VCELL_END_NAMESPACE
