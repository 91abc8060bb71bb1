#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "vcell/sets/cell_sets.hpp"
#include "vcell/sets/control_pairing.hpp"
#include "vcell/sets/row_reader.hpp"
#include "vcell/tensor/tensor.hpp"

VCELL_BEGIN_NAMESPACE

/// B sets of at most S cells with their controls: what one step works on. Sets that are shorter are
/// padded: zeros, no_cell, batch 0.
struct SetBatch {
  Tensor<float, 3> input;             ///< (B, S, E) control cells: log1p of the screen's genes, or
                                      ///< what SetSourceOptions::input holds of them
  Tensor<float, 3> target;            ///< (B, S, G) the cells to be predicted, log1p
  Tensor<float, 3> genes;             ///< (B, S, genes) what SetSourceOptions::genes holds of the
                                      ///< cells to be predicted; (0, 0, 0) without it
  Tensor<int32_t, 1> lengths;         ///< (B) cells of each set
  std::vector<int32_t> perturbation;  ///< (B) codes of the screen's perturbations
  std::vector<int32_t> context;       ///< (B) codes of the screen's contexts
  std::vector<size_t> group;          ///< (B) which of cell_sets().groups() each set was cut from
  Tensor<int32_t, 2> batch;           ///< (B, S) codes of the control cells' batches; (0, 0) when
                                      ///< the screen has none
  std::vector<size_t> control_cells;  ///< (B * S) rows of the screen
  std::vector<size_t> target_cells;   ///< (B * S) rows of the screen
};

struct SetSourceOptions {
  /// Which cells are targets, and how they are cut into sets.
  CellSetOptions sets;
  /// Which controls a cell is paired with: where they are kept apart, those of sets.part.
  ControlPairingOptions pairing;
  /// What the model reads of a cell in place of its expression, such as an embedding: (cells, E),
  /// rows as in the screen, a matrix in memory or what RowReader reads. A matrix must outlive the
  /// source; null: the expression.
  RowReader input = {};
  /// What else is known of the cells to be predicted, such as their expression where the screen
  /// holds an embedding: (cells, genes), rows as in the screen. A matrix must outlive the source;
  /// null: nothing.
  RowReader genes = {};
  /// Batches name their cells and hold no values of them: input, target and genes are (0, 0, 0).
  bool rows_only = false;
  /// B: sets in a batch.
  size_t batch_size = 8;
  /// Order of the sets, cells in them, and controls.
  uint64_t seed = 42;
};

/// Batches of paired sets by their number: batch n is a function of the options and n alone, so it
/// can be had on any thread, in any order, and again after a restart. Every target cell is paired
/// with a control (see ControlMapping). Safe to use from several threads at once. The screen must
/// outlive this object.
class SetSource {
 public:
  /// @param parts  (cells); not needed afterwards
  /// @throws ConfigError if an option does not fit the screen, or a context of the part has no
  ///         controls for it
  template <class = void>
  SetSource(const Screen& screen, std::span<const Part> parts, const SetSourceOptions& options = {})
      : screen_(&screen),
        options_(options),
        sets_(screen, parts, options.sets),
        pairing_(screen, of_part(options.pairing, options.sets.part)) {
    options_.sets.strata = {};  // the caller's, who need not keep them
    check_positive("SetSource", "batch_size", options.batch_size);
    for (const CellGroup& group : sets_.groups()) pairing_.controls(group.context);
    if (options.input)
      check_size_match("SetSource", "rows of input", options.input.rows(), "cells of the screen",
                       screen.cells());
    if (options.genes)
      check_size_match("SetSource", "rows of genes", options.genes.rows(), "cells of the screen",
                       screen.cells());
  }

  /// Sets in an epoch; 0 when the part is empty.
  size_t sets() const { return sets_.sets(); }
  /// Batches that one pass over all sets takes.
  size_t batches() const { return (sets() + options_.batch_size - 1) / options_.batch_size; }
  const CellSets& cell_sets() const { return sets_; }
  /// E: values that the model reads of a cell.
  size_t input_width() const {
    return options_.input ? options_.input.columns() : screen_->expression.columns;
  }
  /// Columns of SetSourceOptions::genes; 0 without them.
  size_t gene_width() const { return options_.genes.columns(); }
  const ControlPairing& pairing() const { return pairing_; }

  /// Batch `step` of the endless sequence of epochs, B sets always: a batch runs across the end of
  /// an epoch, so no set is left out.
  /// @param out  is overwritten; its memory is used again
  /// @throws ConfigError if the part is empty
  template <class = void>
  void read(uint64_t step, SetBatch& out) const {
    if (sets() == 0)
      throw ConfigError(message("SetSource: no cell is in part ", name_of(options_.sets.part)));
    read_sets(step * options_.batch_size, options_.batch_size, out);
  }

  /// Batch `i` of one pass over all sets, always the same ones with the same controls (those of
  /// epoch 0), for validation. The last batch may have fewer sets than B.
  /// @param out  is overwritten; its memory is used again
  /// @throws ShapeError if i is not below batches()
  template <class = void>
  void read_pass(size_t i, SetBatch& out) const {
    check_index("SetSource::read_pass", "i", i, batches());
    const size_t first = i * options_.batch_size;
    read_sets(first, std::min(options_.batch_size, sets() - first), out);
  }

 private:
  struct Epoch {
    uint64_t number;
    EpochSets sets;
    std::vector<size_t> controls;  // beside sets.cells, of the mapping cycle; else empty
  };

  static ControlPairingOptions of_part(ControlPairingOptions pairing, Part part) {
    pairing.part = part;
    return pairing;
  }

  template <class T, int rank>
  static void fit(Tensor<T, rank>& tensor, const Shape<rank>& shape) {
    if (tensor.shape() != shape) tensor = Tensor<T, rank>::uninitialized(shape);
  }

  template <class = void>
  std::shared_ptr<const Epoch> epoch(uint64_t number) const {
    // Threads that prefetch are rarely further apart than two epochs.
    const std::lock_guard lock(mutex_);
    auto& kept = epochs_[number % epochs_.size()];
    if (!kept || kept->number != number) {
      Epoch made{number, sets_.epoch(options_.seed, number), {}};
      if (options_.pairing.mapping == ControlMapping::cycle) {
        Rng rng(options_.seed, stream_of("cycled controls"));
        rng.seek(number << 40);
        made.controls = pairing_.cycle(made.sets.cells, rng);
      }
      kept = std::make_shared<const Epoch>(std::move(made));
    }
    return kept;
  }

  template <class = void>
  void read_sets(uint64_t first, size_t n, SetBatch& out) const {
    const size_t size = options_.sets.set_size;
    out.perturbation.resize(n);
    out.context.resize(n);
    out.group.resize(n);
    out.control_cells.resize(n * size);
    out.target_cells.resize(n * size);
    fit(out.lengths, {n});
    std::shared_ptr<const Epoch> now;
    for (size_t b = 0; b < n; ++b) {
      const uint64_t number = (first + b) / sets();
      const auto set = size_t((first + b) % sets());
      if (!now || now->number != number) now = epoch(number);
      out.group[b] = now->sets.group[set];
      const CellGroup& group = sets_.groups()[out.group[b]];
      out.perturbation[b] = group.perturbation;
      out.context[b] = group.context;
      std::copy_n(&now->sets.cells[set * size], size, &out.target_cells[b * size]);
      Rng rng(options_.seed, stream_of("controls"));
      rng.seek((first + b) << 32);  // a set never takes as many draws
      out.lengths(b) = 0;
      for (size_t i = b * size; i < (b + 1) * size; ++i) {
        const size_t cell = out.target_cells[i];
        if (cell == no_cell)
          out.control_cells[i] = no_cell;
        else if (options_.pairing.mapping == ControlMapping::random)
          out.control_cells[i] = pairing_.draw(cell, rng);
        else if (options_.pairing.mapping == ControlMapping::cached)
          out.control_cells[i] = pairing_.cached(cell, options_.seed);
        else
          out.control_cells[i] = now->controls[set * size + (i - b * size)];
        out.lengths(b) += cell != no_cell;
      }
    }
    if (!options_.rows_only) read_cells(n, out);
    if (!screen_->has_batches()) return;
    fit(out.batch, {n, size});
    for (size_t i = 0; i < n * size; ++i)
      out.batch.data()[i] =
          out.control_cells[i] == no_cell ? 0 : screen_->batch.codes[out.control_cells[i]];
  }

  template <class = void>
  void read_cells(size_t n, SetBatch& out) const {
    const size_t size = options_.sets.set_size;
    fit(out.input, {n, size, input_width()});
    fit(out.target, {n, size, screen_->expression.columns});
    const RowReader expression = screen_->reader();
    (options_.input ? options_.input : expression)
        .read(out.control_cells, out.input.matrix(), no_cell);
    expression.read(out.target_cells, out.target.matrix(), no_cell);
    if (!options_.genes) return;
    fit(out.genes, {n, size, gene_width()});
    options_.genes.read(out.target_cells, out.genes.matrix(), no_cell);
  }

  const Screen* screen_;
  SetSourceOptions options_;
  CellSets sets_;
  ControlPairing pairing_;
  mutable std::mutex mutex_;
  mutable std::array<std::shared_ptr<const Epoch>, 2> epochs_;
};

VCELL_END_NAMESPACE
