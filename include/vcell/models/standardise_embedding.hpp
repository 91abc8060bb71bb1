#pragma once

#include <span>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/data/dense_matrix.hpp"
#include "vcell/models/trained_embedding.hpp"

VCELL_BEGIN_NAMESPACE

/// Centres a model's embeddings, and all that it makes from now on, at their mean over some cells
/// and divides them by their standard deviation there, value by value; one that does not vary is
/// divided by 1. Embeddings of State are of length 1 and of a small model differ by a hundredth of
/// their mean, of which a model that reads them as they are learns nothing.
///
/// @param from       has no centre yet
/// @param embedding  (cells, E) of that model; standardised in place
/// @param rows       the cells to measure by, at least one: those of training
/// @return           the model with centre and spread
/// @throws ShapeError; ConfigError if the model has a centre, or there are no rows
template <class = void>
TrainedEmbedding standardise_embedding(const TrainedEmbedding& from, DenseMatrix<float>& embedding,
                                       std::span<const size_t> rows) {
  check_positive("standardise_embedding", "cells to measure by", rows.size());
  if (!from.centre.empty())
    throw ConfigError("standardise_embedding: the model's embeddings are standardised already");
  TrainedEmbedding m = copy_of(from);
  const size_t width = embedding.columns;
  std::vector<double> sum(width), squares(width);
  for (const size_t row : rows) {
    check_index("standardise_embedding", "row", row, embedding.rows);
    for (size_t k = 0; k < width; ++k) sum[k] += double(embedding.row(row)[k]);
  }
  for (const size_t row : rows)
    for (size_t k = 0; k < width; ++k) {
      const double off = double(embedding.row(row)[k]) - sum[k] / double(rows.size());
      squares[k] += off * off;
    }
  for (size_t k = 0; k < width; ++k) {
    const float spread = float(std::sqrt(squares[k] / double(rows.size())));
    m.centre.push_back(float(sum[k] / double(rows.size())));
    m.spread.push_back(spread > 0 ? spread : 1.f);
  }
  check_trained_embedding(m);
  standardise(m, std::span<float>(embedding.values));
  return m;
}

VCELL_END_NAMESPACE
