#pragma once

#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/parallel_for.hpp"
#include "vcell/models/baselines/mean_of_perturbation_means.hpp"
#include "vcell/models/response_scale.hpp"
#include "vcell/sets/for_each_cell.hpp"
#include "vcell/sets/own_columns.hpp"
#include "vcell/tensor/tensor.hpp"

VCELL_BEGIN_NAMESPACE

/// Control cells whose genes are each multiplied as the perturbations of the context do in the mean
/// (response_scale): the baseline of the Virtual Cell Challenge of 2026, which is of counts. A
/// screen has log1p values, so the counts here are normalised ones: a value x becomes
///
///   log1p(scale expm1(x))
///
/// with the scale from means of expm1(x), every cell having one total.
template <class Void = void>
class MeanResponse final : public Predictor {
 public:
  /// @param symbols  how perturbations are matched with their own genes
  explicit MeanResponse(GeneSymbols symbols = {}) : symbols_(std::move(symbols)) {}

  std::string name() const override { return "mean_response"; }
  std::string meaning() const override {
    return "A baseline: control cells whose genes are each multiplied by the mean ratio of "
           "normalised counts between the perturbations that were trained in the context and its "
           "control, a perturbation's own gene left out.";
  }
  /// @throws ConfigError if the screen is one of an embedding
  void fit(const Screen& screen, std::span<const Part> parts, const Callbacks&) override;
  PredictedCells predict(const Screen& screen, std::span<const PredictionRequest> requests,
                         const Callbacks& callbacks) const override;

  /// What was learnt in each context, by its code in the screen that it was fitted to; none where
  /// no cell of a perturbation was trained on, or there is no control.
  const std::map<int32_t, ResponseScale>& responses() const { return responses_; }

 private:
  GeneSymbols symbols_;
  std::map<int32_t, ResponseScale> responses_;
};

template <class Void>
void MeanResponse<Void>::fit(const Screen& screen, std::span<const Part> parts, const Callbacks&) {
  if (screen.is_embedding)
    throw ConfigError(
        "mean_response: the screen holds an embedding, expected log1p expression, of "
        "which ratios of counts are known");
  const size_t genes = screen.genes.size();
  const auto groups = detail::learnt_groups(screen, parts);
  const auto own = own_columns(screen.perturbation.names, screen.genes, &symbols_);
  responses_.clear();
  for (size_t first = 0, last = 0; first < groups.size(); first = last) {
    std::vector<const CellGroup*> perturbed;
    std::vector<double> control;
    std::vector<int32_t> own_of;
    const auto add_means = [&](const CellGroup& group, double* mean) {
      for_each_cell(screen, group.cells, [&](auto columns, auto values) {
        for (size_t k = 0; k < columns.size(); ++k)
          mean[columns[k]] += std::expm1(double(values[k])) / double(group.cells.size());
      });
    };
    for (; last < groups.size() && groups[last].context == groups[first].context; ++last) {
      if (groups[last].perturbation == screen.control) {
        control.assign(genes, 0.0);
        add_means(groups[last], control.data());
      } else {
        perturbed.push_back(&groups[last]);
        own_of.push_back(own[size_t(groups[last].perturbation)]);
      }
    }
    if (control.empty() || perturbed.empty()) continue;
    Tensor<double, 2> means({perturbed.size(), genes});
    parallel_for(perturbed.size(), 1, [&](size_t begin, size_t end) {
      for (size_t p = begin; p < end; ++p) add_means(*perturbed[p], means[p].data);
    });
    responses_.emplace(groups[first].context,
                       response_scale(std::as_const(means).view(), control, own_of));
  }
}

template <class Void>
PredictedCells MeanResponse<Void>::predict(const Screen& screen,
                                           std::span<const PredictionRequest> requests,
                                           const Callbacks& callbacks) const {
  PredictedCells out;
  out.cells.columns = screen.genes.size();
  for (size_t r = 0; r < requests.size(); ++r) {
    report(callbacks.progress, {"predict", r, requests.size(), name()});
    check_request(screen, requests[r]);
    const auto found = responses_.find(requests[r].context);
    if (found == responses_.end()) {
      out.missing.push_back(detail::missing_in_context(name(), screen, requests[r]));
      continue;
    }
    const auto& scale = found->second.scale;
    check_size_match("predict", "genes of the screen", out.cells.columns, "genes that were learnt",
                     scale.size());
    for (const size_t row : requests[r].control_cells) {
      const auto columns = screen.expression.row_indices(row);
      const auto values = screen.expression.row_values(row);
      for (size_t k = 0; k < columns.size(); ++k) {
        const double value = std::log1p(scale[size_t(columns[k])] * std::expm1(double(values[k])));
        if (!(value > 0)) continue;
        out.cells.indices.push_back(columns[k]);
        out.cells.values.push_back(float(value));
      }
      out.cells.end_row();
      out.requests.push_back(r);
    }
  }
  return out;
}

VCELL_END_NAMESPACE
