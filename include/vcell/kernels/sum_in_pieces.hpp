#pragma once

#include "vcell/kernels/lanes.hpp"
#include "vcell/tensor/scratch.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// The sum of term(0) ... term(n - 1) in double, on all threads: pieces of one size each, then the
/// pieces in order, so the bytes depend on n alone.
struct SumInPieces {
  static constexpr size_t grain = 1 << 14;

  static size_t bytes(size_t n) { return scratch_bytes<double>((n + grain - 1) / grain); }

  template <class Term>
  static double run(const Context<Cpu>& context, size_t n, Scratch<> scratch, Term term) {
    const auto pieces = take_scratch<double>(scratch, (n + grain - 1) / grain);
    parallel_for(context, n, grain, [=](size_t begin, size_t end) {
      pieces[begin / grain] =
          sum_lanes<double>(end - begin, [&](size_t i) { return double(term(begin + i)); });
    });
    double sum = 0;
    for (const double piece : pieces) sum += piece;
    return sum;
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
