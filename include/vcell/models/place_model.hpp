#pragma once

#include <functional>
#include <memory>
#include <span>
#include <type_traits>

#include "vcell/models/predict.hpp"
#include "vcell/nn/copy_parameters.hpp"

VCELL_BEGIN_NAMESPACE

/// predict() with one model, wherever that is.
using PredictPlaced = std::function<DenseMatrix<float>(
    const CsrMatrix<float>& expression, std::span<const size_t> controls,
    std::span<const float> perturbation, std::span<const int32_t> batch,
    const PredictOptions& options)>;

/// Brings a model of the host to where it predicts, as place_model<Device> does.
using PlaceModel = std::function<PredictPlaced(const StateTransition<float>&)>;

/// What predicts with a model on a device. On the Cpu that is the model itself, which must outlive
/// it; elsewhere a copy, brought there once, which predicts in the context that is current now.
/// Cells go there and come back pass by pass (PredictOptions::sets_at_a_time).
template <class Device>
PredictPlaced place_model(const StateTransition<float>& model) {
  if constexpr (std::is_same_v<Device, Cpu>) {
    return [&model](const CsrMatrix<float>& expression, std::span<const size_t> controls,
                    std::span<const float> perturbation, std::span<const int32_t> batch,
                    const PredictOptions& options) {
      return predict(model, expression, controls, perturbation, batch, options);
    };
  } else {
    const auto there = std::make_shared<StateTransition<float, Device>>(model.config());
    copy_parameters(model.parameters(), there->parameters());
    there->parameters().values();  // all of it is there before the first cell
    return [there, context = current_context<Device>()](
               const CsrMatrix<float>& expression, std::span<const size_t> controls,
               std::span<const float> perturbation, std::span<const int32_t> batch,
               const PredictOptions& options) {
      const UseContext use(context);
      return predict(*there, expression, controls, perturbation, batch, options);
    };
  }
}

VCELL_END_NAMESPACE
