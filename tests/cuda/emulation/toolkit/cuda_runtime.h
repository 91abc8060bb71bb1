// Stands in for the CUDA toolkit's header where kernels run as plain C++.
#pragma once

#if !defined(VCELL_EMULATE_CUDA)
#error "the emulation is in the way of the CUDA toolkit: its folder is for VCELL_EMULATE_CUDA alone"
#endif

#include "cuda/emulation/device.hpp"
#include "cuda/emulation/launch.hpp"
#include "cuda/emulation/mma.hpp"
