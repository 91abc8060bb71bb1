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

/// What trains on the device that an experiment names; empty where that is the Cpu.
/// @throws vcell::ConfigError, vcell::CudaError if this program or machine cannot
vcell::TrainStateTransition training_on_device(const vcell::Experiment& e);
