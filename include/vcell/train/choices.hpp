#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vcell/core/error.hpp"
#include "vcell/core/message.hpp"
#include "vcell/data/cell_input.hpp"
#include "vcell/eval/expression_options.hpp"
#include "vcell/models/model_kind.hpp"
#include "vcell/models/state_transition_config.hpp"
#include "vcell/preprocess/declared_scale.hpp"
#include "vcell/train/train_options.hpp"

// The names that settings with a few choices have in files, in the order of their enumerators.

VCELL_BEGIN_NAMESPACE

constexpr std::array<std::string_view, 2> choices(Scale) { return {"counts", "log1p"}; }
constexpr std::array<std::string_view, 2> choices(ModelKind) {
  return {"state_transition", "state_embedding"};
}
constexpr std::array<std::string_view, 2> choices(BackboneKind) { return {"llama", "gpt2"}; }
constexpr std::array<std::string_view, 3> choices(AttentionPattern) {
  return {"everybody", "causal", "itself"};
}
constexpr std::array<std::string_view, 3> choices(OutputSpace) {
  return {"hvg", "all_genes", "embedding"};
}
constexpr std::array<std::string_view, 2> choices(OutputHead) { return {"mlp", "linear_residual"}; }
constexpr std::array<std::string_view, 4> choices(GeneDecoderKind) {
  return {"none", "plain", "residual", "negative_binomial"};
}
constexpr std::array<std::string_view, 3> choices(Anchor) {
  return {"none", "perturbation_mean", "features"};
}
constexpr std::array<std::string_view, 5> choices(SetLoss) {
  return {"energy_distance", "mean_squared_error", "rbf_mmd", "sinkhorn", "energy_sinkhorn"};
}
constexpr std::array<std::string_view, 2> choices(MmdEstimator) { return {"biased", "unbiased"}; }
constexpr std::array<std::string_view, 2> choices(OptimizerKind) { return {"adam", "adamw"}; }
constexpr std::array<std::string_view, 3> choices(ChooseBy) {
  return {"loss", "pearson_delta", "discrimination"};
}
constexpr std::array<std::string_view, 3> choices(ScheduleShape) {
  return {"constant", "cosine", "chained"};
}
constexpr std::array<std::string_view, 3> choices(ExpressionMode) {
  return {"ref", "all", "on_target"};
}
constexpr std::array<std::string_view, 3> choices(ExpressionTest) {
  return {"wilcoxon", "t_test", "t_test_overestim_var"};
}
constexpr std::array<std::string_view, 2> choices(Means) { return {"geometric", "arithmetic"}; }
constexpr std::array<std::string_view, 3> choices(Continuity) {
  return {"none", "half", "half_or_over"};
}
constexpr std::array<std::string_view, 3> choices(ZeroMeans) {
  return {"epsilon", "clip", "undefined"};
}
constexpr std::array<std::string_view, 2> choices(FdrScope) { return {"target", "global"}; }
constexpr std::array<std::string_view, 2> choices(GeneNames) { return {"symbols", "ids"}; }
constexpr std::array<std::string_view, 2> choices(DuplicateNames) {
  return {"make_unique", "refuse"};
}

/// The name of a choice.
/// @throws ConfigError if the value is none of the enumerators
template <class E>
std::string_view name_of_choice(E value) {
  const auto names = choices(E{});
  if (const auto i = size_t(value); i < names.size()) [[likely]]
    return names[i];
  throw ConfigError(message("name_of_choice: ", static_cast<long long>(value),
                            " is no enumerator, expected 0 .. ", names.size() - 1, " for ",
                            list_of(names), "; set one of the enumerators"));
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
