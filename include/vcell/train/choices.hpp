#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vcell/models/state_transition_config.hpp"
#include "vcell/preprocess/declared_scale.hpp"
#include "vcell/train/train_options.hpp"

// The names that settings with a few choices have in files, in the order of their enumerators.

VCELL_BEGIN_NAMESPACE

constexpr std::array<std::string_view, 2> choices(Scale) { return {"counts", "log1p"}; }
constexpr std::array<std::string_view, 2> choices(OutputSpace) { return {"hvg", "all_genes"}; }
constexpr std::array<std::string_view, 2> choices(SetLoss) {
  return {"energy_distance", "mean_squared_error"};
}
constexpr std::array<std::string_view, 2> choices(OptimizerKind) { return {"adam", "adamw"}; }
constexpr std::array<std::string_view, 2> choices(ScheduleShape) { return {"constant", "cosine"}; }

/// The name of a choice.
template <class E>
std::string_view name_of_choice(E value) {
  return choices(E{})[size_t(value)];
}

/// The choice of that name, if there is one.
template <class E>
std::optional<E> choice_of(std::string_view name) {
  const auto names = choices(E{});
  for (size_t i = 0; i < names.size(); ++i)
    if (names[i] == name) return E(i);
  return std::nullopt;
}

/// All names of a setting's choices, for messages.
template <class E>
std::vector<std::string> choice_names() {
  const auto names = choices(E{});
  return {names.begin(), names.end()};
}

VCELL_END_NAMESPACE
