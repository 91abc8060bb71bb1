#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/data/row_source.hpp"
#include "vcell/sets/task_genes.hpp"
#include "vcell/tensor/tensor.hpp"

VCELL_BEGIN_NAMESPACE

/// Cells that sentences are made from, in memory.
struct SentenceCells {
  CsrMatrix<float> x;               ///< (cells, G) of the genes that have a vector
  bool counts = true;               ///< x holds counts; else log1p expression
  std::vector<int32_t> table_rows;  ///< (G) where the genes are in a table of vectors
  std::vector<int32_t> dataset;     ///< (cells) number of each cell's; empty: not told apart
};

/// Reads them out of a source of rows, in blocks.
/// @param rows_of  (genes) where each gene is in a table (match_genes); -1: left out
/// @throws ShapeError if there is not one for every gene; ConfigError if no gene has a vector
template <class S>
requires RowSource<S, float> SentenceCells sentence_cells(const S& X,
                                                          std::span<const int32_t> rows_of,
                                                          bool counts) {
  check_size_match("sentence_cells", "rows of the table", rows_of.size(), "genes", X.columns());
  SentenceCells out;
  out.counts = counts;
  std::vector<size_t> columns;
  for (size_t g = 0; g < rows_of.size(); ++g)
    if (rows_of[g] >= 0) {
      columns.push_back(g);
      out.table_rows.push_back(rows_of[g]);
    }
  check_positive("sentence_cells", "number of genes that have a vector", columns.size());
  out.x.columns = columns.size();
  for_each_row_block<float>(X, [&](size_t, const CsrView<float>& block) {
    out.x.append(select_columns(block, columns).view());
  });
  return out;
}

struct SentenceSourceOptions {
  SentenceOptions sentence = {};
  TaskGeneOptions tasks = {};
  size_t batch_size = 16;  ///< cells in a batch
  size_t copies = 1;       ///< of each cell, one after the other, with draws of their own
  /// Counts are drawn anew at a fraction U(least_fraction, 1) of the cell's; 1: they are kept.
  double least_fraction = 1;
  /// Every batch's list of genes is that of the cells, so that all batches are of one shape.
  bool all_genes = false;
  uint64_t seed = 0;
};

/// Sentences and task genes of some cells. Genes are rows of `table_rows`, the distinct genes of
/// the batch (or all: SentenceSourceOptions::all_genes).
struct SentenceBatch {
  std::vector<int32_t> table_rows;  ///< (K) of the table of vectors
  Tensor<int32_t, 2> sentence;      ///< (B copies, L); column 0 stands for CLS
  Tensor<float, 2> values;          ///< (B copies, L)
  Tensor<int32_t, 2> task_genes;    ///< (B copies, N)
  Tensor<float, 2> targets;         ///< (B copies, N)
  Tensor<int32_t, 1> dataset;       ///< (B copies); empty where datasets are not told apart
  size_t shared = 0;                ///< task genes, the last ones, that are the same for all
};

/// Batches of sentences, each a function of its number alone. Every epoch goes through the cells in
/// an order of its own.
class SentenceSource {
 public:
  /// @param cells   must outlive the source
  /// @param chosen  the cells that batches are made of
  /// @throws ConfigError if an option does not fit the cells
  template <class = void>
  SentenceSource(const SentenceCells& cells, std::vector<size_t> chosen,
                 const SentenceSourceOptions& options);

  /// A batch of training. O(cells) for the order of an epoch, beside its sentences.
  template <class = void>
  void read(uint64_t batch, SentenceBatch& out) const;
  /// A batch of one pass over the cells in their order, always the same, with counts as they are.
  /// @param batch  0 .. batches() - 1
  template <class = void>
  void read_pass(size_t batch, SentenceBatch& out) const;

  /// Whole batches in one pass.
  size_t batches() const { return chosen_.size() / options_.batch_size; }
  size_t cells() const { return chosen_.size(); }
  const SentenceSourceOptions& options() const { return options_; }

 private:
  template <class = void>
  void make(std::span<const size_t> cells, uint64_t draw, bool redraws, SentenceBatch& out) const;

  const SentenceCells* cells_;
  std::vector<size_t> chosen_;
  SentenceSourceOptions options_;
};

template <class>
SentenceSource::SentenceSource(const SentenceCells& cells, std::vector<size_t> chosen,
                               const SentenceSourceOptions& options)
    : cells_(&cells), chosen_(std::move(chosen)), options_(options) {
  check_positive("SentenceSource", "options.batch_size", options.batch_size);
  check_positive("SentenceSource", "options.copies", options.copies);
  check_positive("SentenceSource", "task genes", task_gene_count(options.tasks, cells.x.columns));
  if (!(options.least_fraction > 0 && options.least_fraction <= 1))
    throw ConfigError(message("SentenceSource: options.least_fraction is ", options.least_fraction,
                              ", expected one in (0, 1]"));
  if (options.least_fraction < 1 && !cells.counts)
    throw ConfigError(message("SentenceSource: options.least_fraction is ", options.least_fraction,
                              ", and X holds log1p values; only counts can be drawn anew"));
  if (!cells.dataset.empty())
    check_size_match("SentenceSource", "datasets", cells.dataset.size(), "cells", cells.x.rows);
  for (const size_t cell : chosen_) check_index("SentenceSource", "cell", cell, cells.x.rows);
}

template <class>
void SentenceSource::read(uint64_t batch, SentenceBatch& out) const {
  check_positive("SentenceSource", "number of cells", chosen_.size());
  std::vector<size_t> cells, order;
  uint64_t epoch = ~uint64_t(0);
  for (size_t k = 0; k < options_.batch_size; ++k) {
    const uint64_t i = batch * options_.batch_size + k;
    if (order.empty() || i / chosen_.size() != epoch) {
      epoch = i / chosen_.size();
      Rng rng(options_.seed, stream_of("order of sentences") + epoch);
      order = permutation(chosen_.size(), rng);
    }
    cells.push_back(chosen_[order[size_t(i % chosen_.size())]]);
  }
  make(cells, batch + 1, options_.least_fraction < 1, out);
}

template <class>
void SentenceSource::read_pass(size_t batch, SentenceBatch& out) const {
  check_index("SentenceSource::read_pass", "batch", batch, batches());
  make(std::span(chosen_).subspan(batch * options_.batch_size, options_.batch_size), 0, false, out);
}

template <class>
void SentenceSource::make(std::span<const size_t> cells, uint64_t draw, bool redraws,
                          SentenceBatch& out) const {
  const size_t genes = cells_->x.columns, rows = cells.size() * options_.copies;
  const size_t length = options_.sentence.length, tasks = task_gene_count(options_.tasks, genes);
  Rng of_batch(options_.seed, stream_of("shared genes") + draw);
  const auto shared = draw_shared_genes(options_.tasks, genes, of_batch);
  out.shared = shared.size();
  out.sentence = Tensor<int32_t, 2>({rows, length});
  out.values = Tensor<float, 2>({rows, length});
  out.task_genes = Tensor<int32_t, 2>({rows, tasks});
  out.targets = Tensor<float, 2>({rows, tasks});
  out.dataset = Tensor<int32_t, 1>({cells_->dataset.empty() ? 0 : rows});
  std::vector<float> x(genes);
  std::vector<uint8_t> hidden(genes);
  for (size_t r = 0; r < rows; ++r) {
    const size_t cell = cells[r / options_.copies];
    // Draws of the same cell in other batches are other copies.
    Rng rng = sentence_rng(options_.seed, cell, draw * options_.copies + r % options_.copies);
    std::fill(x.begin(), x.end(), 0.f);
    const auto columns = cells_->x.row_indices(cell);
    const auto stored = cells_->x.row_values(cell);
    for (size_t k = 0; k < columns.size(); ++k) x[size_t(columns[k])] = stored[k];
    if (redraws) {
      const double least = options_.least_fraction;
      redraw_counts(x, least + (1 - least) * rng.uniform(), rng);
    }
    if (cells_->counts)
      for (float& v : x) v = std::log1p(v);
    draw_task_genes(x, options_.tasks, shared, rng, {out.task_genes[r].data, tasks},
                    {out.targets[r].data, tasks}, hidden);
    write_sentence({x, hidden}, options_.sentence, rng, {out.sentence[r].data, length},
                   {out.values[r].data, length});
    if (out.dataset.count()) out.dataset(r) = cells_->dataset[cell];
  }
  if (options_.all_genes) {
    out.table_rows = cells_->table_rows;
    return;
  }
  // Genes become rows of the batch's own list, in the order of the table.
  std::vector<int32_t> place(genes, -1);
  for (const auto* all : {&out.sentence, &out.task_genes})
    for (const int32_t g : all->values()) place[size_t(g)] = 0;
  out.table_rows.clear();
  for (size_t g = 0; g < genes; ++g) {
    if (place[g] < 0) continue;
    place[g] = int32_t(out.table_rows.size());
    out.table_rows.push_back(cells_->table_rows[g]);
  }
  for (auto* all : {&out.sentence, &out.task_genes})
    for (int32_t& g : all->values()) g = place[size_t(g)];
}

VCELL_END_NAMESPACE
