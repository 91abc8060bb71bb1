#pragma once

#include <algorithm>
#include <array>
#include <optional>
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

/// The published settings of State Embedding, by name.
inline constexpr std::array<std::string_view, 2> embedding_presets = {"se_small", "tutorial"};

template <class = void>
Experiment transition_preset(const Preset& p) {
  Experiment e;
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
  if (p.name == "tutorial") {
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

template <class = void>
Experiment embedding_preset(std::string_view name) {
  Experiment e;
  e.kind = ModelKind::state_embedding;
  e.ensemble = 1;
  StateEmbeddingSettings& s = e.embedding;
  auto& t = e.training;
  t.weight_decay = 1e-2;
  if (name == "tutorial") {
    s.width = s.output_width = 256;
    s.layers = 4;
    s.heads = 8;
    s.mlp_width = 512;
    s.loss = EmbeddingLoss::mean_squared_error;
    s.batch_size = 16;
    s.epochs = 3;
    t.learning_rate = 2e-4;
    t.schedule = ScheduleShape::constant;
    return e;
  }
  s.width = s.output_width = 512;
  s.layers = 8;
  s.heads = 16;
  s.mlp_width = 1024;
  s.dropout = 0.1;
  s.cls_value = ClsValue::gene;
  s.floor_squared = 1e-8;
  s.batch_size = 128;
  t.learning_rate = 1e-5;
  t.max_steps = 10000;
  t.schedule = ScheduleShape::chained;
  t.warmup = 300;
  t.last_rate = 0.3;
  t.clip = 0.8;
  t.accumulate = 8;
  t.validate_every = t.checkpoint_every = 1000;
  e.validation_batches = 100;
  return e;
}

template <class = void>
std::vector<std::string> preset_names(ModelKind kind) {
  std::vector<std::string> names;
  if (kind == ModelKind::state_embedding)
    return {embedding_presets.begin(), embedding_presets.end()};
  for (const auto& p : presets) names.emplace_back(p.name);
  return names;
}

}  // namespace detail

/// The inner widths of the gene decoder that a preset has in an embedding (decoder_widths): one of
/// 512 of tutorial; empty, and by the number of genes, of others.
template <class = void>
std::vector<size_t> preset_decoder_widths(std::string_view preset) {
  if (preset == "tutorial") return {512};
  return {};
}

/// The names of all presets, each once.
template <class = void>
std::vector<std::string> preset_names() {
  auto names = detail::preset_names(ModelKind::state_transition);
  for (const auto& name : detail::preset_names(ModelKind::state_embedding))
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  return names;
}

/// The kinds of model that a preset is there for; none if there is no such preset.
template <class = void>
std::vector<ModelKind> preset_kinds(const std::string& name) {
  std::vector<ModelKind> kinds;
  for (const auto kind : {ModelKind::state_transition, ModelKind::state_embedding}) {
    const auto names = detail::preset_names(kind);
    if (std::find(names.begin(), names.end(), name) != names.end()) kinds.push_back(kind);
  }
  return kinds;
}

/// An experiment with published settings: sizes, and how the model was trained.
///
/// Of State Transition:
/// - state_sm, state, tahoe, state_lg: Adam without weight decay, rate 1e-4, 16 sets a step,
///   40,000 steps with validation and a checkpoint every 2,000, dropout 0.1.
/// - tutorial: AdamW, rate 3e-4, weight decay 1e-2, 8 sets a step, 2,000 steps; its loss is RBF
///   MMD, whose width is the median distance of the batch. The others have the energy distance.
///   In an embedding its gene decoder has one inner layer of 512, where the others' are the
///   package's (decoder_widths).
///
/// Of State Embedding, with AdamW and weight decay 1e-2, and without a file of gene vectors:
/// - se_small: the published small model and its loss, rate 1e-5, dropout 0.1, 128 cells in each
///   of 8 accumulated batches, clipped at 0.8, warm-up over 3 % of 10,000 steps times a cosine down
///   to 0.3 of the rate, validation and a checkpoint every 1,000 steps. The package makes the
///   schedule's steps 9 times a step, by accident; here it is once.
/// - tutorial: width 256, rate 2e-4, 16 cells a step, 3 epochs, mean squared error; layers, heads
///   and MLP as of State Transition's.
///
/// @param kind  of model, for a name that several have; empty: the first that has it
/// @throws ConfigError if there is no such preset, or none of that kind
template <class = void>
Experiment experiment_preset(const std::string& name, std::optional<ModelKind> kind = {}) {
  const auto kinds = preset_kinds(name);
  if (kinds.empty())
    throw ConfigError(message("experiment_preset: there is no preset ", quoted(name), "; ",
                              names_there({name}, preset_names())));
  if (kind && std::find(kinds.begin(), kinds.end(), *kind) == kinds.end())
    throw ConfigError(message("experiment_preset: the preset ", quoted(name),
                              " is of [model] kind ", quoted(name_of_choice(kinds[0])),
                              ", and the kind here is ", quoted(name_of_choice(*kind)),
                              ", whose presets are ", list_of(detail::preset_names(*kind))));
  const auto make = [&] {
    if (kind.value_or(kinds[0]) == ModelKind::state_embedding)
      return detail::embedding_preset(name);
    return detail::transition_preset(
        *std::find_if(detail::presets.begin(), detail::presets.end(),
                      [&](const detail::Preset& preset) { return preset.name == name; }));
  };
  Experiment e = make();
  e.preset = name;
  return e;
}

VCELL_END_NAMESPACE
