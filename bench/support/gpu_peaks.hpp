// What GPUs could do at most, so that a time can be called a share of it.
#pragma once

#include <string_view>

namespace vcell_bench {

/// Rates of a GPU by its data sheet: operations a second of factors that are not sparse (of tensor
/// cores the sheets of H100 and H200 print twice as much, with sparsity), and bytes a second
/// between it and its memory.
struct GpuPeaks {
  std::string_view name;  ///< as CUDA has it
  double float32;         ///< without tensor cores
  double tf32, bfloat16;  ///< on tensor cores
  double bytes;
};

// NVIDIA's data sheets "H100 Tensor Core GPU" (2023), "H200 Tensor Core GPU" (2024), "A100 Tensor
// Core GPU" (1758950-r4, 2021) and, of HGX B200, "Blackwell" (2025). Each number was compared with
// copies of their tables:
// - H100: https://archive-lib.hpctech.co.jp/gpuproduct/nvidia-h100.html
// - H200: https://aiwiki.ai/wiki/nvidia_h200, the rates of the H100 and another memory
// - A100: https://glennklockwood.com/garden/processors/A100, and of its cards
//   https://www.thundercompute.com/blog/nvidia-a100-specs-full-guide
// - B200: https://zdszero.github.io/Computer/Artificial_Intelligence/Hardware.html; earlier ones
//   say 80e12 in float32 and 8e12 bytes
inline constexpr GpuPeaks gpu_peaks[] = {
    {"NVIDIA H100 80GB HBM3", 67e12, 494.5e12, 989.5e12, 3.35e12},
    {"NVIDIA H100 PCIe", 51e12, 378e12, 756.5e12, 2e12},
    {"NVIDIA H200", 67e12, 494.5e12, 989.5e12, 4.8e12},
    {"NVIDIA B200", 75e12, 1100e12, 2250e12, 7.7e12},
    {"NVIDIA A100-SXM4-40GB", 19.5e12, 156e12, 312e12, 1.555e12},
    {"NVIDIA A100-SXM4-80GB", 19.5e12, 156e12, 312e12, 2.039e12},
    {"NVIDIA A100-PCIE-40GB", 19.5e12, 156e12, 312e12, 1.555e12},
    {"NVIDIA A100 80GB PCIe", 19.5e12, 156e12, 312e12, 1.935e12},
};

/// Those of a GPU; null for one that is not in the table.
inline const GpuPeaks* peaks_of(std::string_view name) {
  for (const GpuPeaks& peaks : gpu_peaks)
    if (peaks.name == name) return &peaks;
  return nullptr;
}

}  // namespace vcell_bench
