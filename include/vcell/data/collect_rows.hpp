#pragma once

#include "vcell/data/narrowed.hpp"
#include "vcell/data/row_sink.hpp"

VCELL_BEGIN_NAMESPACE

/// All rows of a source (see RowSource) as a matrix in memory, with its dtype (halves as float32)
/// and layout, sparse or dense as it says.
template <class S>
Matrix collect_rows(const S& source) {
  return visit_wide<Matrix>(source.dtype(), [&]<class T>() {
    if (source.is_sparse()) {
      CsrMatrix<T> all;
      all.columns = source.columns();
      copy_rows<T>(source, all);
      return Matrix(all.rows, all.columns, std::move(all.indptr), std::move(all.indices),
                    narrowed(std::move(all.values), source.dtype()), source.layout);
    }
    std::vector<T> all(source.rows() * source.columns());
    for_each_row_block<T>(source, [&](size_t first, const CsrView<T>& block) {
      for (size_t row = 0; row < block.rows; ++row) {
        const auto indices = block.row_indices(row);
        const auto values = block.row_values(row);
        for (size_t k = 0; k < indices.size(); ++k)
          all[(first + row) * source.columns() + size_t(indices[k])] = values[k];
      }
    });
    return Matrix(source.rows(), source.columns(), narrowed(std::move(all), source.dtype()));
  });
}

VCELL_END_NAMESPACE
