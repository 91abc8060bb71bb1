#pragma once

#include <algorithm>

#include "vcell/models/state_transition_config.hpp"
#include "vcell/ops/add.hpp"
#include "vcell/ops/energy_distance.hpp"
#include "vcell/ops/maximum_mean_discrepancy.hpp"
#include "vcell/ops/mean.hpp"
#include "vcell/ops/mean_squared_error.hpp"
#include "vcell/ops/scale.hpp"
#include "vcell/ops/sinkhorn_divergence.hpp"
#include "vcell/ops/slice.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// The loss of all genes at once.
template <class T, class Device>
Variable<T, 0, Device> set_loss(const StateTransitionConfig& config,
                                const Variable<T, 3, Device>& predicted,
                                const Variable<T, 3, Device>& observed,
                                const Variable<int32_t, 1, Device>& lengths) {
  const auto energy = [&] {
    return mean(energy_distance(predicted, observed, {.floor_squared = config.floor_squared},
                                lengths, lengths));
  };
  const auto sinkhorn = [&] {
    return mean(sinkhorn_divergence(predicted, observed, {.blur = config.blur}, lengths, lengths));
  };
  switch (config.loss) {
    case SetLoss::mean_squared_error:
      return mean_squared_error(predicted, observed, lengths);
    case SetLoss::rbf_mmd:
      return mean(maximum_mean_discrepancy(predicted, observed,
                                           {.sigmas = config.sigmas,
                                            .estimator = config.estimator,
                                            .median_heuristic = config.median_heuristic},
                                           lengths, lengths));
    case SetLoss::sinkhorn:
      return sinkhorn();
    case SetLoss::energy_sinkhorn:
      return add(energy(), scale(sinkhorn(), config.sinkhorn_weight));
    case SetLoss::energy_distance:
      break;
  }
  return energy();
}

}  // namespace detail

/// The loss that a configuration names: the mean over sets of the energy distance between predicted
/// and observed cells (or of another distance between them), or the mean squared error over
/// everything. With loss_chunks it is the mean of the losses of so many chunks of genes, each of
/// ceil(G / loss_chunks) but the last, and of fewer where that fills G sooner.
///
/// @param predicted  (B, S, G)
/// @param observed   (B, T, G); T = S for the squared error
/// @param lengths    (B) cells of each set, predicted and observed alike, where sets are padded to
///                   one length; empty: all
/// @throws ShapeError; ConfigError if a number of the loss is out of its range
template <class T, class Device>
Variable<T, 0, Device> state_transition_loss(const StateTransitionConfig& config,
                                             const Variable<T, 3, Device>& predicted,
                                             const Variable<T, 3, Device>& observed,
                                             const Variable<int32_t, 1, Device>& lengths = {}) {
  check_positive("state_transition_loss", "loss_chunks", config.loss_chunks);
  const size_t genes = predicted.shape(2);
  if (config.loss_chunks == 1 || genes < 2)
    return detail::set_loss(config, predicted, observed, lengths);
  check_size_match("state_transition_loss", "genes predicted", genes, "genes observed",
                   observed.shape(2));
  const size_t chunks = std::min(config.loss_chunks, genes), width = (genes + chunks - 1) / chunks;
  Variable<T, 0, Device> sum;
  size_t count = 0;
  for (size_t begin = 0; begin < genes; begin += width, ++count) {
    const size_t end = std::min(begin + width, genes);
    const auto loss = detail::set_loss(config, slice(predicted, 2, begin, end),
                                       slice(observed, 2, begin, end), lengths);
    sum = count ? add(sum, loss) : loss;
  }
  return scale(sum, 1 / double(count));
}

VCELL_END_NAMESPACE
