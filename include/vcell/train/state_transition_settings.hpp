#pragma once

#include <array>
#include <concepts>
#include <optional>
#include <string_view>
#include <type_traits>

#include "vcell/models/state_transition_config.hpp"
#include "vcell/sets/cell_sets.hpp"
#include "vcell/sets/control_pairing.hpp"
#include "vcell/train/model_fields.hpp"

VCELL_BEGIN_NAMESPACE

/// Within what a perturbed cell's control is drawn.
enum class PairWithin {
  context,  ///< its context
  batch     ///< its batch of the context, where that has controls
};

constexpr std::array<std::string_view, 2> choices(PairWithin) { return {"context", "batch"}; }

/// What an experiment says of State Transition and no other kind of model reads: its shape, whose
/// widths follow from the data, and the sets that it trains on. The defaults are those of `vcell
/// run`.
struct StateTransitionSettings : StateTransitionConfig {
  StateTransitionSettings() {
    anchor = Anchor::perturbation_mean;
    encoder_layers = decoder_layers = 2;
  }

  bool batch_encoder = false;  ///< the model knows batches
  bool batch_token = false;    ///< a token of every set is trained to tell its batch
  size_t set_size = 64;        ///< S
  size_t batch_size = 8;       ///< B
  bool control_sets = true;    ///< train on control cells as targets too
  SamplingWeights weights = SamplingWeights::cells;  ///< how often perturbations are trained on
  ControlMapping mapping = ControlMapping::random;   ///< which control a cell starts from
  /// Where controls are drawn; none: within the batch where the model knows batches.
  std::optional<PairWithin> pair_within = {};

  /// Whether controls are drawn within the batch.
  bool pairs_within_batch() const {
    return pair_within ? *pair_within == PairWithin::batch : batch_encoder;
  }

  bool operator==(const StateTransitionSettings&) const = default;
};

/// Calls f(table, key, field, help) for every setting (see visit_experiment).
template <class Settings, class F>
requires std::same_as<std::remove_const_t<Settings>, StateTransitionSettings>
void visit_settings(Settings& s, F&& f) {
  visit_shape(
      s, [&](const char* key, auto& field, const char* help) { f("model", key, field, help); });
  f("model", "batch_encoder", s.batch_encoder, "a learned vector for every batch");
  f("model", "batch_token", s.batch_token, "a token is trained to tell the batch of its set");
  f("sets", "set_size", s.set_size, "S: cells in a set");
  f("sets", "batch_size", s.batch_size, "B: sets in a step");
  f("sets", "control_sets", s.control_sets, "control cells are targets too");
  f("sets", "weights", s.weights,
    "how often a perturbation of n cells is trained on: cells, as n; square_root, as the root of "
    "n; uniform, as any other");
  f("sets", "mapping", s.mapping,
    "the control that a cell starts from: random, drawn at every visit; cached, drawn once; cycle, "
    "the next, so that all are used alike");
  f("sets", "pair_within", s.pair_within,
    "where controls are drawn: context or batch; empty: batch where the model knows batches");
}

namespace detail {

/// What the losses ask of their numbers, whichever of them is chosen.
template <class = void>
void check_loss_settings(const StateTransitionConfig& c) {
  const auto check = [](const char* key, double value, bool ok, const char* expected) {
    if (!ok)
      throw ConfigError(
          message("Experiment: [model] ", key, " is ", value, ", expected ", expected));
  };
  const auto is_within = [](double x, double least) { return x >= least && x < 1e150; };
  check("floor_squared", c.floor_squared, is_within(c.floor_squared, 0), "0 or more");
  if (c.sigmas.empty())
    throw ConfigError("Experiment: [model] sigmas is empty, expected at least one number");
  for (const double sigma : c.sigmas)
    check("sigmas", sigma, is_within(sigma, 1e-30) && sigma < 1e30, "numbers from 1e-30 to 1e30");
  check("blur", c.blur, is_within(c.blur, 1e-100), "1e-100 or more");
  check("sinkhorn_weight", c.sinkhorn_weight, is_within(c.sinkhorn_weight, 0), "0 or more");
  check("loss_chunks", double(c.loss_chunks), c.loss_chunks > 0, "1 or more");
}

}  // namespace detail

/// @throws ConfigError naming the setting and what it may be. What the loss does not need is
/// checked
///         when the model is made.
template <class = void>
void check_settings(const StateTransitionSettings& s, const ScreenOptions& labels) {
  check_positive("Experiment", "[sets] set_size", s.set_size);
  check_positive("Experiment", "[sets] batch_size", s.batch_size);
  detail::check_loss_settings(s);
  if (s.loss == SetLoss::rbf_mmd && s.estimator == MmdEstimator::unbiased && s.set_size < 2)
    throw ConfigError("Experiment: [model] estimator unbiased needs [sets] set_size of 2 or more");
  if ((s.batch_encoder || s.batch_token) && !labels.batch_key)
    throw ConfigError(message("Experiment: [model] ",
                              s.batch_encoder ? "batch_encoder" : "batch_token",
                              " needs [data] batch_key"));
  if (s.pairs_within_batch() && !labels.batch_key)
    throw ConfigError("Experiment: [sets] pair_within batch needs [data] batch_key");
}

VCELL_END_NAMESPACE
