#pragma once

#include "vcell/tensor/precision.hpp"
#include "vcell/train/train_state_transition.hpp"

// On the GPU that is current (0, unless CUDA_VISIBLE_DEVICES says otherwise).

/// Trains there.
/// @throws vcell::CudaError, and what training throws
vcell::TrainResult train_on_cuda(const vcell::StateTransitionTraining& training,
                                 vcell::Precision precision);

/// Brings a model there, to predict.
/// @throws vcell::CudaError
vcell::PredictPlaced place_on_cuda(const vcell::StateTransition<float>& model,
                                   vcell::Precision precision);
