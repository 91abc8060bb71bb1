#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "vcell/core/parallel_for.hpp"
#include "vcell/data/csr_matrix.hpp"

VCELL_BEGIN_NAMESPACE

/// Some genes in consecutive cuts, and where each row of a block has its values in them: threads
/// that turn cells to genes take a cut each, so that none writes where another does, and the ends
/// of all its genes stay in the nearest caches.
class GeneCuts {
 public:
  /// @param first, last  the genes, last not among them
  GeneCuts(size_t first, size_t last) : first_(first), last_(last) {}

  size_t first() const { return first_; }
  size_t last() const { return last_; }

  /// Finds the cuts in some rows.
  /// @param look  look(row, begin, end) is called, by several threads, once for each of them: its
  ///              values begin .. end - 1 are those of the genes
  template <class F>
  void find(const CsrView<float>& block, std::span<const size_t> rows, F&& look);

  /// Calls f(first_gene, last_gene, begins, step) for each cut, by several threads: of the i-th row
  /// the values from begins[i * step] to begins[i * step + 1] are in it.
  template <class F>
  void for_each(F&& f) const {
    parallel_for(last_ - first_, width(), [&](size_t from, size_t to) {
      f(first_ + from, first_ + to, begins_.data() + from / width(), count() + 1);
    });
  }

 private:
  size_t width() const { return std::max<size_t>(1, (last_ - first_ + 31) / 32); }
  size_t count() const { return (last_ - first_ + width() - 1) / width(); }

  size_t first_, last_;
  std::vector<uint32_t> begins_;  // (rows, cuts + 1)
};

template <class F>
void GeneCuts::find(const CsrView<float>& block, std::span<const size_t> rows, F&& look) {
  const size_t cuts = count();
  begins_.resize(rows.size() * (cuts + 1));
  parallel_for(rows.size(), 16, [&](size_t from, size_t to) {
    for (size_t i = from; i < to; ++i) {
      const auto genes = block.row_indices(rows[i]);
      uint32_t* const out = begins_.data() + i * (cuts + 1);
      auto at = genes.begin();
      for (size_t cut = 0; cut <= cuts; ++cut) {
        const auto gene = int32_t(std::min(first_ + cut * width(), last_));
        // Not far behind the last one, in most rows.
        const auto step = (genes.end() - at) / std::ptrdiff_t(cuts + 1 - cut) + 1;
        auto end = at;
        while (end < genes.end() && *end < gene) {
          at = end;
          end += std::min(step, genes.end() - end);
        }
        at = std::lower_bound(at, end, gene);
        out[cut] = uint32_t(at - genes.begin());
      }
      look(rows[i], out[0], out[cuts]);
    }
  });
}

VCELL_END_NAMESPACE
