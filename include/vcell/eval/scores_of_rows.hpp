#pragma once

#include <span>
#include <vector>

#include "vcell/core/parallel_for.hpp"
#include "vcell/eval/score_table.hpp"
#include "vcell/tensor/tensor.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// f(predicted row, real row) of each perturbation; several threads call it.
template <class F>
std::vector<Score> scores_of_rows(const Tensor<float, 2>& real, const Tensor<float, 2>& predicted,
                                  F f) {
  std::vector<Score> out(real.shape(0));
  // Few numbers are not worth the while of waking a thread.
  const size_t grain = 1 + (size_t(1) << 15) / (1 + real.shape(1));
  parallel_for(out.size(), grain, [&](size_t first, size_t last) {
    for (size_t t = first; t < last; ++t)
      out[t] = f(std::span<const float>(predicted[t].data, predicted.shape(1)),
                 std::span<const float>(real[t].data, real.shape(1)));
  });
  return out;
}

}  // namespace detail
VCELL_END_NAMESPACE
