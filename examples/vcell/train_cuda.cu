// The training of State Transition on a GPU: all of the program that nvcc compiles.
#include "vcell/cuda.cuh"
//
#include "train_cuda.hpp"

vcell::TrainResult train_on_cuda(const vcell::StateTransitionTraining& training,
                                 vcell::Precision precision) {
  const vcell::Context<vcell::Cuda> context(precision);
  const vcell::UseContext use(context);
  return vcell::train_state_transition<vcell::Cuda>(training);
}
