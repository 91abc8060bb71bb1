#pragma once

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/sets/hold_out_cells.hpp"

VCELL_BEGIN_NAMESPACE

struct ValidationPairOptions {
  /// Of the (context, perturbation) pairs that can be moved.
  double share = 0.2;
  /// Which pairs.
  uint64_t seed = 42;
};

namespace detail {

/// @throws ConfigError if the share is not in [0, 1)
template <class = void>
void check_validation_share(const ValidationPairOptions& options) {
  if (!(options.share >= 0 && options.share < 1))
    throw ConfigError(message("add_validation_pairs: the share of pairs is ", options.share,
                              ", expected a number from 0, which moves none, to below 1"));
}

}  // namespace detail

/// Sees to it that a model can be validated on pairs that it does not train on: when no perturbed
/// cell is in validation, whole pairs (context, perturbation) move there from train. Of the n pairs
/// with training cells whose perturbation has training cells in another context too,
/// max(1, floor(n * share)) move, in an order drawn for each pair by the seed and its names alone.
/// A perturbation always keeps a context to be learnt in, so fewer may move. The control and the
/// cells of a pair that are not in train stay where they are.
/// @param parts  (cells)
/// @return       the pairs moved: 0 when there are validation cells, share is 0 or n is 0
/// @throws ConfigError if share is not in [0, 1)
/// @throws ShapeError  if parts are not one for every cell
template <class = void>
size_t add_validation_pairs(const Screen& screen, std::span<Part> parts,
                            const ValidationPairOptions& options = {}) {
  check_size_match("add_validation_pairs", "parts", parts.size(), "cells", screen.cells());
  detail::check_validation_share(options);
  const auto perturbed = [&](Part part) {
    return cell_groups(
        screen, [&](size_t cell) { return parts[cell] == part && !screen.is_control(cell); });
  };
  if (options.share == 0 || !perturbed(Part::validation).empty()) return 0;
  const auto pairs = perturbed(Part::train);
  std::vector<size_t> contexts(screen.perturbation.names.size());  // that each is trained in
  for (const CellGroup& pair : pairs) ++contexts[size_t(pair.perturbation)];
  // Every pair draws its own place in the order, so that none depends on which others there are.
  std::vector<std::pair<uint64_t, size_t>> order;
  for (size_t i = 0; i < pairs.size(); ++i) {
    if (contexts[size_t(pairs[i].perturbation)] < 2) continue;
    Rng rng(
        options.seed,
        stream_of(message("add_validation_pairs\n", screen.context.names[size_t(pairs[i].context)],
                          '\n', screen.perturbation.names[size_t(pairs[i].perturbation)])));
    order.emplace_back(rng.next(), i);
  }
  if (order.empty()) return 0;
  std::sort(order.begin(), order.end());
  const size_t wanted = std::max<size_t>(1, detail::floored_share(options.share, order.size()));
  size_t moved = 0;
  for (const auto& place : order) {
    const CellGroup& pair = pairs[place.second];
    if (moved == wanted) break;
    if (contexts[size_t(pair.perturbation)] < 2) continue;
    --contexts[size_t(pair.perturbation)];
    for (const size_t cell : pair.cells) parts[cell] = Part::validation;
    ++moved;
  }
  return moved;
}

VCELL_INSTANTIATE(data, size_t add_validation_pairs<void>(const Screen&, std::span<Part>,
                                                          const ValidationPairOptions&));

/// Whether there are perturbed validation cells, and none of them is of a pair of context and
/// perturbation that is trained on: then validation measures prediction and not fit.
/// @param parts  (cells)
template <class = void>
bool validates_pairs(const Screen& screen, std::span<const Part> parts) {
  check_size_match("validates_pairs", "parts", parts.size(), "cells", screen.cells());
  const size_t n = screen.perturbation.names.size();
  std::vector<uint8_t> trained(screen.context.names.size() * n);
  const auto pair = [&](size_t i) {
    return size_t(screen.context.codes[i]) * n + size_t(screen.perturbation.codes[i]);
  };
  for (size_t i = 0; i < parts.size(); ++i)
    if (parts[i] == Part::train) trained[pair(i)] = 1;
  bool any = false;
  for (size_t i = 0; i < parts.size(); ++i)
    if (parts[i] == Part::validation && !screen.is_control(i)) {
      if (trained[pair(i)]) return false;
      any = true;
    }
  return any;
}

VCELL_END_NAMESPACE
