// Cells and settings that a State Embedding model learns in a moment.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "vcell/train/state_embedding_task.hpp"

namespace vcell_test {

/// Two kinds of cells, each with genes of its own, out of two datasets.
inline vcell::SentenceCells cells_of(size_t count, bool counts = true) {
  vcell::DenseMatrix<float> X{count, 30, std::vector<float>(count * 30)};
  vcell::Rng rng(5);
  vcell::SentenceCells out;
  for (size_t i = 0; i < count; ++i) {
    for (size_t g = 0; g < 30; ++g) {
      const bool own = (g < 15) == (i % 2 == 0);
      X.row(i)[g] = float(rng.below(own ? 12 : 2));
      if (!counts) X.row(i)[g] = std::log1p(X.row(i)[g]);
    }
    out.dataset.push_back(int32_t(i % 3 == 0));
  }
  std::vector<int32_t> rows_of;
  for (int32_t g = 0; g < 30; ++g) rows_of.push_back(g == 7 ? -1 : 29 - g);
  auto dataset = std::move(out.dataset);
  out = vcell::sentence_cells(vcell::Matrix(std::move(X)), rows_of, counts);
  out.dataset = std::move(dataset);
  return out;
}

inline vcell::GeneTable table_of() {
  std::vector<std::string> names;
  for (size_t g = 0; g < 30; ++g) names.push_back(vcell::message('g', g));
  return vcell::GeneTable::random(names, 16, 3);
}

inline vcell::StateEmbeddingConfig config_of(
    vcell::EmbeddingLoss loss = vcell::EmbeddingLoss::tabular) {
  return {.gene_width = 16,
          .width = 16,
          .layers = 1,
          .heads = 2,
          .mlp_width = 16,
          .output_width = 8,
          .sentence_length = 12,
          .datasets = 2,
          .dropout = 0.1,
          .loss = loss};
}

inline vcell::StateEmbeddingTaskOptions options_of() {
  return {.sentences = {.tasks = {.expressed = 6, .unexpressed = 6, .shared = 4},
                        .batch_size = 8,
                        .seed = 2}};
}

inline std::vector<size_t> range(size_t begin, size_t end) {
  std::vector<size_t> out;
  for (size_t i = begin; i < end; ++i) out.push_back(i);
  return out;
}

}  // namespace vcell_test
