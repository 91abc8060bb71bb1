#pragma once

#include "vcell/models/state_transition_config.hpp"
#include "vcell/ops/energy_distance.hpp"
#include "vcell/ops/mean.hpp"
#include "vcell/ops/mean_squared_error.hpp"

VCELL_BEGIN_NAMESPACE

/// The loss that a configuration names: the mean over sets of the energy distance between predicted
/// and observed cells, or the mean squared error over everything.
///
/// @param predicted  (B, S, G)
/// @param observed   (B, T, G); T = S for the squared error
/// @param lengths    (B) cells of each set, predicted and observed alike, where sets are padded to
///                   one length; empty: all
/// @throws ShapeError
template <class T, class Device>
Variable<T, 0, Device> state_transition_loss(const StateTransitionConfig& config,
                                             const Variable<T, 3, Device>& predicted,
                                             const Variable<T, 3, Device>& observed,
                                             const Variable<int32_t, 1, Device>& lengths = {}) {
  if (config.loss == SetLoss::mean_squared_error)
    return mean_squared_error(predicted, observed, lengths);
  return mean(energy_distance(predicted, observed, {.floor_squared = config.floor_squared}, lengths,
                              lengths));
}

VCELL_END_NAMESPACE
