#pragma once

#include <string>
#include <utility>
#include <vector>

#include "vcell/io/json.hpp"

// What the program does on NVIDIA GPUs: in cuda.cpp where it was configured with VCELL_WITH_CUDA,
// and in no_cuda.cpp, which says so, where it was not.

/// What `vcell info` tells of GPUs.
struct CudaFacts {
  vcell::Json json;
  std::vector<std::pair<std::string, std::string>> lines;  // what each is, and the value
};
CudaFacts cuda_facts();
