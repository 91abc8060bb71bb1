#pragma once

#include "vcell/tensor/precision.hpp"
#include "vcell/train/train_state_transition.hpp"

/// Trains on the GPU that is current (0, unless CUDA_VISIBLE_DEVICES says otherwise).
/// @throws vcell::CudaError, and what training throws
vcell::TrainResult train_on_cuda(const vcell::StateTransitionTraining& training,
                                 vcell::Precision precision);
