#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "vcell/core/progress.hpp"
#include "vcell/data/row_source.hpp"
#include "vcell/models/trained_embedding.hpp"

VCELL_BEGIN_NAMESPACE

struct EmbeddedRowsOptions {
  /// What ties between equal values, and unexpressed genes, are drawn by, with the cell's number.
  uint64_t seed = 0;
  size_t first_cell = 0;     ///< the number of the first row, where the rows are some of all cells
  DType dtype = DType::f32;  ///< that is stored: float32 or float16
  Progress progress = {};    ///< called before every few cells; see progress.hpp
};

/// The embeddings of cells as a source of rows (see RowSource), made when they are read: cell's
/// values, then the dataset's where the model has its token. The gene encoder is applied once, when
/// this is made. A row depends on the cell, its number and the seed alone.
template <class S>
class EmbeddedRows {
 public:
  /// @param model    must outlive this
  /// @param x        (cells, genes) log1p expression; see Log1pRows for counts
  /// @param rows_of  (genes) where each gene is in the model's table (match_genes); -1: nowhere
  /// @throws ShapeError if there is not one row for every gene of x; ConfigError if the dtype is
  ///         another, or no gene has a vector
  EmbeddedRows(const TrainedEmbedding& model, S x, std::span<const int32_t> rows_of,
               const EmbeddedRowsOptions& options = {});

  SparseLayout layout;

  size_t rows() const { return x_.rows(); }
  size_t columns() const { return model_->model.embedding_width(); }
  DType dtype() const { return options_.dtype; }
  bool is_sparse() const { return false; }
  size_t end_of_block(size_t first, size_t) const { return std::min(rows(), first + at_once); }

  /// The embeddings of cells first .. last - 1.
  /// @throws ConfigError naming the cell if a value is no log expression
  Tensor<float, 2> embed(size_t first, size_t last) const;

 private:
  static constexpr size_t at_once = 16;  // cells between two looks at the progress callback

  const TrainedEmbedding* model_;
  S x_;
  EmbeddedRowsOptions options_;
  std::vector<int32_t> place_;  // (genes) among those that have a vector; -1
  size_t known_ = 0;            // genes that have
  EncodedGenes<float> genes_;
};

template <class S>
EmbeddedRows<S>::EmbeddedRows(const TrainedEmbedding& model, S x, std::span<const int32_t> rows_of,
                              const EmbeddedRowsOptions& options)
    : model_(&model), x_(std::move(x)), options_(options), place_(rows_of.size(), -1) {
  check_trained_embedding(model);
  check_size_match("EmbeddedRows", "rows of the table", rows_of.size(), "columns of x",
                   x_.columns());
  if (options.dtype != DType::f32 && options.dtype != DType::f16)
    throw ConfigError(message("EmbeddedRows: dtype is ", name_of(options.dtype),
                              ", expected float32 or float16"));
  std::vector<int32_t> known;
  for (size_t g = 0; g < rows_of.size(); ++g) {
    if (rows_of[g] < 0) continue;
    check_index("EmbeddedRows", "row of the table", rows_of[g], model.genes.names().size());
    place_[g] = int32_t(known.size());
    known.push_back(rows_of[g]);
  }
  known_ = known.size();
  check_positive("EmbeddedRows", "number of genes that have a vector", known_);
  genes_ = encode_table(model.model, model.genes, std::span<const int32_t>(known));
}

template <class S>
Tensor<float, 2> EmbeddedRows<S>::embed(size_t first, size_t last) const {
  const NoGrad no_grad;
  const auto options = sentence_options(model_->model.config());
  auto out = Tensor<float, 2>::uninitialized({last - first, columns()});
  CsrMatrix<float> scratch;
  for (size_t begin = first, end; begin < last; begin = end) {
    report(options_.progress, {"embed", begin, rows(), "cells"});
    end = std::min(last, begin + at_once);
    const CsrView<float> block = row_block(x_, begin, end, scratch);
    Tensor<int32_t, 2> sentence({end - begin, options.length});
    Tensor<float, 2> values({end - begin, options.length});
    parallel_for(end - begin, 1, [&](size_t from, size_t to) {
      std::vector<float> x(known_);
      for (size_t i = from; i < to; ++i) {
        std::fill(x.begin(), x.end(), 0.f);
        const auto columns = block.row_indices(i);
        const auto stored = block.row_values(i);
        for (size_t k = 0; k < columns.size(); ++k)
          if (const int32_t at = place_[size_t(columns[k])]; at >= 0) x[size_t(at)] = stored[k];
        Rng rng = sentence_rng(options_.seed, options_.first_cell + begin + i);
        try {
          write_sentence({x}, options, rng, {sentence[i].data, options.length},
                         {values[i].data, options.length});
        } catch (const ConfigError& error) {
          throw ConfigError(
              message("EmbeddedRows: cell ", options_.first_cell + begin + i, ": ", error.what()));
        }
      }
    });
    const auto cells = model_->model.embed(genes_, sentence, Variable<float, 2>(values));
    const auto whole = cells.dataset ? concatenate(cells.cell, cells.dataset, 1) : cells.cell;
    std::copy_n(whole.value().data, whole.count(), out.data() + (begin - first) * columns());
    standardise(*model_, {out.data() + (begin - first) * columns(), whole.count()});
  }
  return out;
}

template <class T, class S>
CsrView<T> row_block(const EmbeddedRows<S>& s, size_t first, size_t last, CsrMatrix<T>& scratch) {
  const auto rows = s.embed(first, last);
  scratch = CsrMatrix<T>{};
  scratch.columns = s.columns();
  for (size_t i = 0; i < rows.shape(0); ++i) {
    for (size_t j = 0; j < s.columns(); ++j) {
      scratch.indices.push_back(int32_t(j));
      scratch.values.push_back(T(rows(i, j)));
    }
    scratch.end_row();
  }
  return scratch.view();
}
template <class S>
size_t block_end(const EmbeddedRows<S>& s, size_t first, size_t bytes) {
  return s.end_of_block(first, bytes);
}

VCELL_END_NAMESPACE
