#pragma once

#include "vcell/models/state_embedding_config.hpp"
#include "vcell/ops/add.hpp"
#include "vcell/ops/binary_cross_entropy.hpp"
#include "vcell/ops/energy_distance.hpp"
#include "vcell/ops/mean_squared_error.hpp"
#include "vcell/ops/slice.hpp"
#include "vcell/ops/swap_axes.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// How far predicted and observed shared genes are apart in the space of cells. With copies: for
/// every gene the sets of its copies, each a point in the space of the B / S cells. Else for every
/// set of cells its genes, each a point in the space of the set's cells.
/// @param x, y  (B, genes), S rows of a set one after the other
template <class T, class Device>
Variable<T, 0, Device> shared_gene_loss(const Variable<T, 2, Device>& x,
                                        const Variable<T, 2, Device>& y, size_t set_size,
                                        bool copies, const EnergyDistanceOptions& options) {
  const size_t sets = x.shape(0) / set_size, genes = x.shape(1);
  const auto points = [&](const Variable<T, 2, Device>& v) {
    const auto whole = v.template reshape<3>({sets, set_size, genes});
    return copies ? swap_axes(whole, 0, 2) : swap_axes(whole, 1, 2);
  };
  return mean(energy_distance(points(x), points(y), options));
}

}  // namespace detail

/// The loss that a configuration names, of task genes.
///
/// @param predicted  (B, N) of StateEmbedding::decode
/// @param observed   (B, N) log expression, or 0 and 1 with binary_cross_entropy
/// @param shared     how many genes, the last ones, are the same in all cells
/// @throws ShapeError if shapes differ or config.set_size does not divide B; ConfigError if a
///         tabular loss has no shared genes
template <class T, class Device>
Variable<T, 0, Device> state_embedding_loss(const StateEmbeddingConfig& config,
                                            const Variable<T, 2, Device>& predicted,
                                            const Variable<T, 2, Device>& observed, size_t shared) {
  check_shape_match("state_embedding_loss", "shape of predicted", predicted.shape(),
                    "shape of observed", observed.shape());
  if (config.loss == EmbeddingLoss::mean_squared_error)
    return mean_squared_error(predicted, observed);
  if (config.loss == EmbeddingLoss::binary_cross_entropy)
    return binary_cross_entropy(predicted, observed);
  const size_t rows = predicted.shape(0), columns = predicted.shape(1), size = config.set_size;
  if (rows == 0 || rows % size)
    throw ShapeError(message("state_embedding_loss: ", rows, " rows are no sets of ", size,
                             " (config.set_size); give a multiple of it"));
  const EnergyDistanceOptions options{.floor_squared = config.floor_squared};
  const auto sets = [&](const Variable<T, 2, Device>& v) {
    return v.template reshape<3>({rows / size, size, columns});
  };
  const auto of_cells = mean(energy_distance(sets(predicted), sets(observed), options));
  if (config.loss == EmbeddingLoss::energy_distance) return of_cells;
  if (shared == 0 || shared > columns)
    throw ConfigError(message("state_embedding_loss: ", shared, " shared genes of ", columns,
                              "; a tabular loss needs one or more"));
  const auto last = [&](const Variable<T, 2, Device>& v) {
    return slice(v, 1, columns - shared, columns);
  };
  return add(of_cells, detail::shared_gene_loss(last(predicted), last(observed), size,
                                                config.loss == EmbeddingLoss::tabular, options));
}

VCELL_END_NAMESPACE
