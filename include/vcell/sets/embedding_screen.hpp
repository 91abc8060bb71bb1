#pragma once

#include <string>
#include <utility>

#include "vcell/core/cmath.hpp"
#include "vcell/data/dense_matrix.hpp"
#include "vcell/sets/screen.hpp"

VCELL_BEGIN_NAMESPACE

/// A screen of an embedding of the same cells, (cells, E), in place of their expression: models
/// that predict in it, anchors and baselines take it as they take any screen, and clip nothing. Its
/// columns are called `embedding_0`, `embedding_1`, ...
/// @throws ShapeError if there is not a row for every cell, or the width is 0; ConfigError naming
///         the first value that is not finite
template <class = void>
Screen embedding_screen(const Screen& screen, const DenseMatrix<float>& embedding) {
  check_size_match("embedding_screen", "rows of the embedding", embedding.rows,
                   "cells of the screen", screen.cells());
  if (embedding.columns == 0)
    throw ShapeError("embedding_screen: the embedding has no columns, expected at least one");
  Screen out;
  out.perturbation = screen.perturbation;
  out.context = screen.context;
  out.batch = screen.batch;
  out.control = screen.control;
  out.control_parts = screen.control_parts;
  out.is_embedding = true;
  for (size_t i = 0; i < embedding.columns; ++i) out.genes.push_back(message("embedding_", i));
  auto& x = out.expression;
  x.columns = embedding.columns;
  x.values.reserve(embedding.values.size());
  x.indices.reserve(embedding.values.size());
  for (size_t row = 0; row < embedding.rows; ++row) {
    const auto values = embedding.row(row);
    for (size_t i = 0; i < values.size(); ++i) {
      if (!std::isfinite(values[i]))
        throw ConfigError(message("embedding_screen: value ", i, " of cell ", row, " is ",
                                  values[i], ", expected finite numbers"));
      x.indices.push_back(int32_t(i));
      x.values.push_back(values[i]);
    }
    x.end_row();
  }
  return out;
}

VCELL_END_NAMESPACE
