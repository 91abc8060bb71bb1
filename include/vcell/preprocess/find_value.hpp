#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "vcell/core/parallel_for.hpp"
#include "vcell/data/anndata.hpp"
#include "vcell/data/row_source.hpp"
#include "vcell/preprocess/matrix_of.hpp"

VCELL_BEGIN_NAMESPACE

/// A value of a matrix and where it is.
struct FoundValue {
  size_t cell = 0, gene = 0;
  double value = 0;
};

/// The first value, by cell and then by gene, of which is_sought(x) is true. Zeros are not looked
/// at.
/// @param X          (cells, genes), read in row blocks
/// @param is_sought  of a float or double
template <class S, class F>
std::optional<FoundValue> find_value(const S& X, F&& is_sought) {
  return with_value_type<std::optional<FoundValue>>(X, [&]<class T>() {
    constexpr size_t piece = 512;
    std::optional<FoundValue> out;
    for_each_row_block<T>(X, [&](size_t start, const CsrView<T>& block) {
      std::vector<std::optional<FoundValue>> found((block.rows + piece - 1) / piece);
      parallel_for(block.rows, piece, [&](size_t first, size_t last) {
        auto& here = found[first / piece];
        for (size_t i = first; i < last && !here; ++i) {
          const auto values = block.row_values(i);
          const auto is_found = [&](T x) { return (x != T(0)) & bool(is_sought(x)); };
          // Most rows have none, which is seen soonest where no value ends the search.
          constexpr size_t step = 256;
          for (size_t k = 0; k < values.size() && !here; k += step) {
            const auto some = values.subspan(k, std::min(step, values.size() - k));
            uint32_t any = 0;  // no bool, which compilers take one by one
            for (const T x : some) any |= uint32_t(is_found(x));
            if (!any) continue;
            const auto at = size_t(std::find_if(some.begin(), some.end(), is_found) - some.begin());
            here = FoundValue{start + i, size_t(block.row_indices(i)[k + at]), double(some[at])};
          }
        }
      });
      for (const auto& f : found)
        if (f && !out) out = f;
      return !out;
    });
    return out;
  });
}

/// "cell 'AAAC', gene 'STAT1' holds -1": for messages.
/// @param names  whose cells and genes they are; nullptr where only numbers are known
template <class = void>
std::string text_of(const FoundValue& found, const AnnData* names) {
  if (!names) return message("row ", found.cell, ", column ", found.gene, " holds ", found.value);
  return message("cell ", quoted(names->obs.index[found.cell]), ", gene ",
                 quoted(names->var.index[found.gene]), " holds ", found.value);
}

VCELL_END_NAMESPACE
