#pragma once

#include "vcell/autograd/grad_mode.hpp"
#include "vcell/core/cmath.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/data/dense_matrix.hpp"
#include "vcell/models/state_transition.hpp"
#include "vcell/sets/gather_rows.hpp"
#include "vcell/tensor/copy.hpp"

VCELL_BEGIN_NAMESPACE

/// A control cell for each of n cells to predict: all of them in random order before any comes a
/// second time, so that predictions start from as many different cells as there are.
///
/// @param controls  rows of control cells, at least one
/// @return          (n) rows
/// @throws ConfigError if there are no controls
inline std::vector<size_t> draw_controls(std::span<const size_t> controls, size_t n, Rng& rng) {
  if (controls.empty())
    throw ConfigError("draw_controls: there are no control cells to predict from");
  std::vector<size_t> rows;
  rows.reserve(n);
  while (rows.size() < n)
    for (const size_t i : permutation(controls.size(), rng))
      if (rows.size() < n) rows.push_back(controls[i]);
  return rows;
}

struct PredictOptions {
  /// Cells that the model sees at a time; as in training.
  size_t set_size = 32;
  /// Sets in one pass; beside the last digits only the speed and the memory depend on it.
  size_t sets_at_a_time = 16;
  /// (G) what an anchored model starts from (anchor_of); empty for others.
  std::span<const float> anchor = {};
  /// How much of what an anchored model has learnt is added.
  double alpha = 1;
  /// The genes that the model's decoder makes of the predicted cells, in place of these.
  bool decoded = false;
};

/// Predicts what a perturbation makes of control cells. They are cut into sets in the given order;
/// the last set runs at its own length. On a device other than the Cpu cells are read back pass by
/// pass, while the next one's are gathered.
///
/// @param expression    (cells, E) log1p, the model's genes
/// @param controls      (n) rows of expression: the control cell that each predicted cell is paired
///                      with
/// @param perturbation  (P) one-hot or features
/// @param batch         (cells) index of every cell's batch; given exactly when the model has a
///                      batch encoder
/// @return              (n, G), row i from controls[i]; or, decoded, (n, genes) log1p expression:
///                      of a negative binomial decoder log(1 + mean)
/// @throws ShapeError, ConfigError
template <class T, class Device>
DenseMatrix<float> predict(const StateTransition<T, Device>& model,
                           const CsrMatrix<float>& expression, std::span<const size_t> controls,
                           std::span<const float> perturbation, std::span<const int32_t> batch = {},
                           const PredictOptions& options = {}) {
  check_positive("predict", "set_size", options.set_size);
  check_positive("predict", "sets_at_a_time", options.sets_at_a_time);
  check_size_match("predict", "size of perturbation", perturbation.size(),
                   "config.perturbation_width", model.config().perturbation_width);
  if (model.is_anchored() || !options.anchor.empty())
    check_size_match("predict", "size of options.anchor", options.anchor.size(),
                     "config.output_width of an anchored model",
                     model.is_anchored() ? model.config().output_width : 0);
  if (!batch.empty())
    check_size_match("predict", "size of batch", batch.size(), "cells", expression.rows);
  if (options.decoded && model.config().gene_width == 0)
    throw ConfigError("predict: decoded genes are asked of a model without a gene decoder");
  const NoGrad no_grad;
  DenseMatrix<float> out{controls.size(),
                         options.decoded ? model.config().gene_width : model.config().output_width,
                         {}};
  out.values.reserve(out.rows * out.columns);
  Variable<T, 3, Device> done;  // or under way on the device
  const auto read_back = [&] {
    if (!done) return;
    const auto values = to_host(done.value());
    out.values.insert(out.values.end(), values.values().begin(), values.values().end());
  };
  for (size_t first = 0; first < controls.size();) {
    const size_t left = controls.size() - first, length = std::min(options.set_size, left);
    const size_t sets = std::clamp<size_t>(left / length, 1, options.sets_at_a_time);
    const auto rows = controls.subspan(first, sets * length);
    first += rows.size();

    Tensor<float, 3> cells({sets, length, expression.columns});
    gather_rows(expression, rows, cells.matrix());
    Tensor<T, 2> features({sets, perturbation.size()});
    for (size_t b = 0; b < sets; ++b)
      std::copy(perturbation.begin(), perturbation.end(), features[b].begin());
    Tensor<int32_t, 2> batches;
    if (!batch.empty()) {
      batches = Tensor<int32_t, 2>({sets, length});
      for (size_t i = 0; i < rows.size(); ++i) batches.data()[i] = batch[rows[i]];
    }
    Tensor<T, 2> anchors;
    if (model.is_anchored()) {
      anchors = Tensor<T, 2>({sets, options.anchor.size()});
      for (size_t b = 0; b < sets; ++b)
        std::copy(options.anchor.begin(), options.anchor.end(), anchors[b].begin());
    }
    read_back();
    Variable<T, 2, Device> anchor;
    if (model.is_anchored()) anchor = Variable<T, 2, Device>(to_device<Device>(std::move(anchors)));
    const Variable<T, 3, Device> control(to_device<Device>(cast<T>(cells)));
    const auto learnt =
        model.learn(control, Variable<T, 2, Device>(to_device<Device>(std::move(features))),
                    batches, {}, {}, anchor);
    done = options.decoded ? model.finish(control, anchor, learnt, {}, options.alpha).genes.mean
                           : model.cells_of(control, anchor, learnt.cells, options.alpha);
  }
  read_back();
  if (options.decoded && model.config().decoder == GeneDecoderKind::negative_binomial)
    for (float& value : out.values) value = std::log1p(value);
  return out;
}

VCELL_INSTANTIATE(models,
                  DenseMatrix<float> predict(const StateTransition<float>&, const CsrMatrix<float>&,
                                             std::span<const size_t>, std::span<const float>,
                                             std::span<const int32_t>, const PredictOptions&));

VCELL_END_NAMESPACE
