#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/callbacks.hpp"
#include "vcell/core/cmath.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/data/any_rows.hpp"
#include "vcell/data/match_genes.hpp"
#include "vcell/models/embedded_rows.hpp"
#include "vcell/preprocess/declared_scale.hpp"
#include "vcell/preprocess/log1p.hpp"

VCELL_BEGIN_NAMESPACE

struct EmbedCellsOptions {
  std::optional<Scale> scale = {};  ///< of X; without it the data decide (declared_scale)
  MatchGenesOptions genes = {};     ///< how the data's genes are found in the model's table
  uint64_t seed = 0;                ///< of what is random in a sentence
  Callbacks callbacks = {};
};

/// Embeds cells: what embed_file writes of the same cells. X is read in blocks, twice.
/// @param adata  counts or log1p expression, as they were before anything was normalised for
///               another model
/// @param X      of adata, in memory or not
/// @return       (cells, values of a cell and of its dataset)
/// @throws ConfigError if the scale is not known, genes are not found, or a value is no expression;
///         Stopped
template <class S>
requires RowSource<S, float> DenseMatrix<float> embed_cells(const TrainedEmbedding& model,
                                                            const AnnData& adata, const S& X,
                                                            const EmbedCellsOptions& options = {}) {
  const bool counts = declared_scale(adata, X, options.scale).scale == Scale::counts;
  const auto match = match_genes(adata.var, model.genes.names(), options.genes);
  note(options.callbacks, match.report());
  DenseMatrix<float> out{X.rows(), model.model.embedding_width(), {}};
  out.values.reserve(out.rows * out.columns);
  for_each_row_block<float>(X, [&](size_t first, const CsrView<float>& block) {
    CsrMatrix<float> cells;
    cells.columns = block.columns;
    cells.append(block);
    if (counts) detail::log1p_values(std::span<float>(cells.values));
    const EmbeddedRows<Matrix> rows(
        model, Matrix(std::move(cells)), match.rows,
        {.seed = options.seed, .first_cell = first, .progress = [&](const ProgressUpdate& update) {
           return !options.callbacks.progress ||
                  options.callbacks.progress(
                      {update.stage, first + update.done, out.rows, update.note});
         }});
    const auto made = rows.embed(0, block.rows);
    out.values.insert(out.values.end(), made.values().begin(), made.values().end());
  });
  return out;
}

/// The same of X in adata.
template <class = void>
DenseMatrix<float> embed_cells(const TrainedEmbedding& model, const AnnData& adata,
                               const EmbedCellsOptions& options = {}) {
  return embed_cells(model, adata, AnyRows::borrowed(detail::matrix_of("embed_cells", adata)),
                     options);
}

VCELL_INSTANTIATE(pipeline,
                  DenseMatrix<float> embed_cells(const TrainedEmbedding&, const AnnData&,
                                                 const AnyRows&, const EmbedCellsOptions&));

VCELL_END_NAMESPACE
