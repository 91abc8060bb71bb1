#pragma once

#include "vcell/core/parallel_for.hpp"
#include "vcell/kernels/lanes.hpp"
#include "vcell/tensor/tensor.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// The sum of term(0) ... term(n - 1) in double, on all threads: pieces of one size each, then the
/// pieces in order, so the bytes depend on n alone.
template <class Term>
double sum_in_pieces(size_t n, Term term) {
  constexpr size_t grain = 1 << 14;
  auto pieces = Tensor<double, 1>::uninitialized({(n + grain - 1) / grain});
  parallel_for(n, grain, [&](size_t begin, size_t end) {
    pieces[begin / grain] =
        sum_lanes<double>(end - begin, [&](size_t i) { return double(term(begin + i)); });
  });
  double sum = 0;
  for (const double piece : pieces.values()) sum += piece;
  return sum;
}

}  // namespace kernel
VCELL_END_NAMESPACE
