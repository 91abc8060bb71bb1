// What the benchmarks for a GPU share: work that is recorded once and timed in runs of many,
// several alternately, and one line for each with its rates and its share of what the GPU could do.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "support/gpu_peaks.hpp"
#include "vcell/core/rng.hpp"
#include "vcell/tensor/copy.hpp"
#include "vcell/tensor/devices_cuda.hpp"
#include "vcell/tensor/recording_cuda.hpp"

namespace vcell_bench {

/// The GPU, and how the program was called.
struct Gpu {
  bool tiny = false;  ///< sizes that say nothing, each once: to see that all of it runs
  const GpuPeaks* peaks = nullptr;
};

/// Calls run(gpu) where there is a GPU, after a line that names it.
/// @return  what main returns: 77 without a GPU, 1 after an error
template <class Run>
int on_gpu(const char* program, int count, char** words, Run run) {
  Gpu gpu;
  for (int i = 1; i < count; ++i) {
    if (std::strcmp(words[i], "--tiny") != 0) {
      std::fprintf(stderr, "%s: %s is no option; there is --tiny\n", program, words[i]);
      return 1;
    }
    gpu.tiny = true;
  }
  try {
    const vcell::CudaDevices found = vcell::cuda_devices();
    if (found.devices.empty()) {
      std::printf("%s: %s\n", program, found.reason.c_str());
      return 77;
    }
    const std::string& name = found.devices[0].name;
    gpu.peaks = peaks_of(name);
    std::printf("%s: %s, CUDA %s, driver of CUDA %s\n", program, name.c_str(),
                vcell::cuda_version_text(found.runtime).c_str(),
                vcell::cuda_version_text(found.driver).c_str());
    if (!gpu.peaks) std::printf("what it could do at most is not known here: no shares of it\n");
    if (gpu.tiny) std::printf("tiny sizes: these times say nothing\n");
    run(std::as_const(gpu));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s: %s\n", program, e.what());
    return 1;
  }
  return 0;
}

/// Work of a context as a CUDA graph.
class Recorded {
 public:
  /// @param work  queues it; leaves no memory behind but what its first call makes
  /// @throws Error if it cannot be recorded
  Recorded(const vcell::Context<vcell::Cuda>& context, std::function<void()> work)
      : context_(context), work_(std::move(work)), recording_(context_) {
    const vcell::UseContext use(context_);
    work_();
    for (int i = 0; i < 3; ++i) recording_.run(work_);
    if (!recording_.is_recorded())
      throw vcell::Error(vcell::message("the work was not recorded: ", recording_.why_not()));
    context_.synchronize();
  }

  /// Elapsed seconds of so many runs.
  double seconds(size_t runs) {
    using Clock = std::chrono::steady_clock;
    const auto start = Clock::now();
    for (size_t i = 0; i < runs; ++i) recording_.run(work_);
    context_.synchronize();
    return std::chrono::duration<double>(Clock::now() - start).count();
  }

 private:
  vcell::Context<vcell::Cuda> context_;
  std::function<void()> work_;
  vcell::Recording<vcell::Cuda> recording_;
};

inline double median(std::vector<double> x) {
  std::sort(x.begin(), x.end());
  return x.size() % 2 ? x[x.size() / 2] : (x[x.size() / 2 - 1] + x[x.size() / 2]) / 2;
}

/// Seconds of one run of each work, round by round: (works, rounds). In a round each has its turn,
/// of runs that take 20 ms together.
inline std::vector<std::vector<double>> alternately(const Gpu& gpu,
                                                    std::span<Recorded* const> works) {
  std::vector<size_t> runs(works.size(), 1);
  std::vector<std::vector<double>> out(works.size());
  for (size_t i = 0; i < works.size() && !gpu.tiny; ++i)
    while (works[i]->seconds(runs[i]) < 0.02) runs[i] *= 2;
  for (size_t round = 0; round < (gpu.tiny ? 1 : 9); ++round)
    for (size_t i = 0; i < works.size(); ++i)
      out[i].push_back(works[i]->seconds(runs[i]) / double(runs[i]));
  return out;
}

/// The median of those of one work.
inline double seconds_of(const Gpu& gpu, Recorded& work) {
  Recorded* const works[] = {&work};
  return median(alternately(gpu, works)[0]);
}

/// The median of what a takes of b's time, round by round.
inline double median_ratio(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> ratios;
  for (size_t i = 0; i < a.size(); ++i) ratios.push_back(a[i] / b[i]);
  return median(ratios);
}

/// What work asks for.
struct Work {
  double flops = 0;  ///< additions and multiplications of the formula, not of the implementation
  double bytes = 0;  ///< least traffic with memory: inputs read and results written once
  double rate = 0;   ///< operations a second that the GPU could do at most; 0: not known
};

/// The least seconds that work can take: 0 where the GPU is not known.
inline double bound(const Gpu& gpu, const Work& work) {
  return gpu.peaks && work.rate > 0
             ? std::max(work.flops / work.rate, work.bytes / gpu.peaks->bytes)
             : 0;
}

inline void print(const Gpu& gpu, const std::string& name, const std::string& sizes, double seconds,
                  const Work& work) {
  std::printf("%-43s %-32s %10.4f ms", name.c_str(), sizes.c_str(), 1e3 * seconds);
  if (work.flops > 0)
    std::printf("  %8.3f TFLOP/s  %8.2f GB/s", work.flops / seconds / 1e12,
                work.bytes / seconds / 1e9);
  if (const double least = bound(gpu, work); least > 0)
    std::printf("  bounds: products %.4f ms, memory %.4f ms: %.1f %% of the larger one's rate",
                1e3 * work.flops / work.rate, 1e3 * work.bytes / gpu.peaks->bytes,
                100 * least / seconds);
  std::printf("\n");
  std::fflush(stdout);
}

/// Standard normal numbers plus a constant, the same in every run, on the GPU. They come again
/// after 2^20, which are more than a set here has.
template <int rank>
vcell::Tensor<float, rank, vcell::Cuda> normal_on_gpu(const vcell::Shape<rank>& shape,
                                                      uint64_t seed, float shift = 0) {
  constexpr size_t drawn = 1 << 20;
  vcell::Rng rng(seed);
  vcell::Tensor<float, rank> x(shape);
  for (size_t i = 0; i < x.count(); ++i)
    x.data()[i] = i < drawn ? float(rng.normal()) + shift : x.data()[i - drawn];
  return vcell::to_device<vcell::Cuda>(x);
}

}  // namespace vcell_bench
