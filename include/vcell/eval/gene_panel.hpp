#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "vcell/data/csr_matrix.hpp"
#include "vcell/eval/sort_keys.hpp"

VCELL_BEGIN_NAMESPACE

/// The values other than 0 of some consecutive genes, turned from cells to genes, as keys to sort:
/// ordered_key(value) in the upper half, the cell's group in the lower.
class GenePanel {
 public:
  /// How many genes at a time: few enough that a panel stays near 2^22 values, many enough that a
  /// walk over all cells pays.
  template <class = void>
  static size_t width(size_t genes, size_t stored) {
    constexpr size_t values = size_t(1) << 22;
    return std::clamp<size_t>(stored ? values / (stored / std::max<size_t>(genes, 1) + 1) : 512, 16,
                              512);
  }

  /// Takes genes first .. last - 1 of some cells.
  /// @param X       (cells, genes)
  /// @param rows    the cells, in the order that each gene's keys get
  /// @param groups  beside rows
  template <class = void>
  void fill(CsrView<float> X, std::span<const size_t> rows, std::span<const uint32_t> groups,
            size_t first, size_t last) {
    begins_.assign(last - first + 1, 0);
    starts_.resize(rows.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      const auto genes = X.row_indices(rows[i]);
      const auto values = X.row_values(rows[i]);
      size_t k =
          size_t(std::lower_bound(genes.begin(), genes.end(), int32_t(first)) - genes.begin());
      starts_[i] = k;
      for (; k < genes.size() && size_t(genes[k]) < last; ++k)
        begins_[size_t(genes[k]) - first + 1] += values[k] != 0;
    }
    for (size_t g = 1; g < begins_.size(); ++g) begins_[g] += begins_[g - 1];

    keys_.resize(begins_.back());
    ends_.assign(begins_.begin(), begins_.end() - 1);
    for (size_t i = 0; i < rows.size(); ++i) {
      const auto genes = X.row_indices(rows[i]);
      const auto values = X.row_values(rows[i]);
      for (size_t k = starts_[i]; k < genes.size() && size_t(genes[k]) < last; ++k)
        if (values[k] != 0)
          keys_[ends_[size_t(genes[k]) - first]++] =
              uint64_t(ordered_key(values[k])) << 32 | groups[i];
    }
  }

  /// The keys of gene first + i.
  template <class = void>
  std::span<const uint64_t> gene(size_t i) const {
    return std::span(keys_).subspan(begins_[i], begins_[i + 1] - begins_[i]);
  }

 private:
  std::vector<size_t> begins_, ends_;  // per gene, in keys_
  std::vector<size_t> starts_;         // beside rows: the cell's first value in the panel
  std::vector<uint64_t> keys_;
};

VCELL_END_NAMESPACE
