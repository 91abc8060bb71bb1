// State Transition on a GPU: all of the program that nvcc compiles.
#include "vcell/cuda.cuh"
//
#include "state_transition_cuda.hpp"

vcell::TrainResult train_on_cuda(const vcell::StateTransitionTraining& training,
                                 vcell::Precision precision) {
  const vcell::Context<vcell::Cuda> context(precision);
  const vcell::UseContext use(context);
  return vcell::train_state_transition<vcell::Cuda>(training);
}

vcell::PredictPlaced place_on_cuda(const vcell::StateTransition<float>& model,
                                   vcell::Precision precision) {
  const vcell::Context<vcell::Cuda> context(precision);  // which what predicts there keeps
  const vcell::UseContext use(context);
  return vcell::place_model<vcell::Cuda>(model);
}
