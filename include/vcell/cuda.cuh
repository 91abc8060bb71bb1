/// @file
/// Every kernel for the GPU, for files that nvcc compiles: link `vcell::cuda`.
/// The include list is written by cmake/umbrella.cmake.
#pragma once

#include "vcell/kernels/copy.cuh"
#include "vcell/kernels/device/column_sums.cuh"
#include "vcell/kernels/device/divide.cuh"
#include "vcell/kernels/device/each.cuh"
#include "vcell/kernels/device/element_of_row.cuh"
#include "vcell/kernels/device/mma.cuh"
#include "vcell/kernels/device/platform.cuh"
#include "vcell/kernels/device/reduce.cuh"
#include "vcell/kernels/device/sum_in_pieces.cuh"
#include "vcell/kernels/elementwise.cuh"
#include "vcell/kernels/mean.cuh"
#include "vcell/kernels/set_bias.cuh"
#include "vcell/kernels/softmax.cuh"
#include "vcell/kernels/sum_rows.cuh"
#include "vcell/tensor/check_cuda.hpp"
#include "vcell/tensor/context_cuda.hpp"
#include "vcell/tensor/devices_cuda.hpp"
#include "vcell/tensor/memory_cuda.hpp"
#include "vcell/tensor/on_device_cuda.hpp"
#include "vcell/tensor/pool_cuda.hpp"
#include "vcell/tensor/recording_cuda.hpp"
#include "vcell/tensor/staging_cuda.hpp"
#include "vcell/tensor/stream_cuda.hpp"
#include "vcell/tensor/work_cuda.hpp"
