#pragma once

#include <string>
#include <utility>
#include <vector>

#include "vcell/io/json.hpp"
#include "vcell/train/experiment.hpp"
#include "vcell/train/train_state_transition.hpp"

// What the program does on NVIDIA GPUs: in cuda.cpp where it was configured with VCELL_WITH_CUDA,
// and in no_cuda.cpp, which says so, where it was not.

/// What `vcell info` tells of GPUs.
struct CudaFacts {
  vcell::Json json;
  std::vector<std::pair<std::string, std::string>> lines;  // what each is, and the value
};
CudaFacts cuda_facts();

/// What trains and predicts with State Transition on a device; empty for the Cpu.
/// @param precision  of products there
/// @throws vcell::ConfigError, vcell::CudaError if this program or machine cannot
vcell::StateTransitionDevice state_transition_on(vcell::RunDevice device,
                                                 vcell::Precision precision);
