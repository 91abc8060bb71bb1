#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "vcell/models/state_transition.hpp"
#include "vcell/models/state_transition_loss.hpp"
#include "vcell/ops/concatenate.hpp"
#include "vcell/ops/cross_entropy.hpp"
#include "vcell/ops/mean_absolute_error.hpp"
#include "vcell/ops/mean_of_sets.hpp"
#include "vcell/ops/negative_binomial_loss.hpp"

VCELL_BEGIN_NAMESPACE

/// What the sets of a batch are held against.
template <class T, class Device = Cpu>
struct StateTransitionTargets {
  Variable<T, 3, Device> cells;  ///< (B, T, G) observed cells
  /// (B, T, genes) their genes, where the model decodes genes: log1p expression, for a negative
  /// binomial decoder counts.
  Variable<T, 3, Device> genes = {};
  /// (B) the batch of each set, where the model has a batch token (batch_of_sets).
  Indices<1, Device> batches = {};
};

/// A loss and what it is made of.
template <class T, class Device = Cpu>
class StateTransitionTerms {
 public:
  struct Term {
    std::string_view name;
    double weight;
    Variable<T, 0, Device> value;
  };

  /// The first is `cells`, the loss of config.loss with weight 1. Then, where the model has them:
  /// `genes` (the same loss of decoded genes, or their negative log likelihood), `batch` (cross
  /// entropy), `l1` (mean |prediction - control|), `confidence` (mean squared error).
  std::span<const Term> terms() const { return std::span(terms_).first(count_); }
  /// The sum of weight value.
  const Variable<T, 0, Device>& total() const { return total_; }

  void add(std::string_view name, double weight, const Variable<T, 0, Device>& value) {
    const auto share = weight == 1 ? value : scale(value, weight);
    total_ = total_ ? vcell::add(total_, share) : share;
    terms_.at(count_++) = {name, weight, value};
  }

 private:
  std::array<Term, 5> terms_;  // in place: one is made in every step
  size_t count_ = 0;
  Variable<T, 0, Device> total_;
};

/// The batch that most cells of each set are of, of several the first: what a batch token is
/// trained to tell.
///
/// @param batch    (B, S)
/// @param lengths  (B) cells of each set; empty: S
template <class = void>
Tensor<int32_t, 1> batch_of_sets(const Tensor<int32_t, 2>& batch,
                                 const Tensor<int32_t, 1>& lengths = {}) {
  Tensor<int32_t, 1> out({batch.shape(0)});
  std::vector<int32_t> codes;
  for (size_t b = 0; b < batch.shape(0); ++b) {
    const size_t n = lengths.count() ? size_t(lengths(b)) : batch.shape(1);
    codes.assign(batch[b].begin(), batch[b].begin() + n);
    std::sort(codes.begin(), codes.end());
    size_t most = 0;
    for (size_t i = 0, end; i < n; i = end) {
      for (end = i; end < n && codes[end] == codes[i];) ++end;
      if (end - i <= most) continue;
      most = end - i;
      out(b) = codes[i];
    }
  }
  return out;
}

namespace detail {

/// The loss of each set by itself, (B, 1), without a gradient.
template <class T, class Device>
Variable<T, 2, Device> loss_of_sets(const StateTransitionConfig& config,
                                    const Variable<T, 3, Device>& predicted,
                                    const Variable<T, 3, Device>& observed,
                                    const Variable<int32_t, 1, Device>& lengths) {
  const NoGrad no_grad;
  Variable<T, 2, Device> all;
  for (size_t b = 0; b < predicted.shape(0); ++b) {
    const auto set = [b](const auto& x) { return slice(x, 0, b, b + 1); };
    const auto one = state_transition_loss(config, set(predicted), set(observed),
                                           lengths ? set(lengths) : lengths)
                         .template reshape<2>({1, 1});
    all = b ? concatenate(all, one, 0) : one;
  }
  return all;
}

}  // namespace detail

/// The loss of a State Transition model with all its terms:
///
///   total = loss(cells) + decoder_weight loss(genes) + batch_token_weight cross_entropy(batch)
///         + l1_weight mean |cells - control|
///         + confidence_weight mean_b (confidence_b - confidence_scale loss_b(cells))^2
///
/// where loss_b, of each set, is a number that nothing flows back into.
///
/// @param predicted  of StateTransition::predict
/// @param control    (B, S, E); E = G where there is an l1_weight
/// @param lengths    (B) cells of each set, where sets are padded to one length; empty: all
/// @throws ShapeError, also if a target is absent; ConfigError
template <class T, class Device>
StateTransitionTerms<T, Device> state_transition_terms(
    const StateTransitionConfig& config, const StateTransitionOutput<T, Device>& predicted,
    const StateTransitionTargets<T, Device>& observed, const Variable<T, 3, Device>& control,
    const Variable<int32_t, 1, Device>& lengths = {}) {
  StateTransitionTerms<T, Device> out;
  const auto distance = [&](const auto& x, const auto& y) {
    return state_transition_loss(config, x, y, lengths);
  };
  out.add("cells", 1, distance(predicted.cells, observed.cells));
  if (predicted.genes.dispersion)
    out.add("genes", config.decoder_weight,
            mean_of_sets(negative_binomial_loss(observed.genes, predicted.genes.mean,
                                                predicted.genes.dispersion),
                         lengths));
  else if (predicted.genes.mean)
    out.add("genes", config.decoder_weight, distance(predicted.genes.mean, observed.genes));
  if (predicted.batch_logits)
    out.add("batch", config.batch_token_weight,
            cross_entropy(predicted.batch_logits, observed.batches));
  if (config.l1_weight != 0)
    out.add("l1", config.l1_weight, mean_absolute_error(predicted.cells, control, lengths));
  if (predicted.confidence)
    out.add("confidence", config.confidence_weight,
            mean_squared_error(predicted.confidence,
                               scale(detail::loss_of_sets(config, predicted.cells.detach(),
                                                          observed.cells, lengths),
                                     config.confidence_scale)));
  return out;
}

VCELL_INSTANTIATE(models, StateTransitionTerms<float> state_transition_terms(
                              const StateTransitionConfig&, const StateTransitionOutput<float>&,
                              const StateTransitionTargets<float>&, const Variable<float, 3>&,
                              const Variable<int32_t, 1>&));

VCELL_END_NAMESPACE
