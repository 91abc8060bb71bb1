#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "vcell/core/parallel_for.hpp"
#include "vcell/data/csr_matrix.hpp"
#include "vcell/eval/gene_cuts.hpp"
#include "vcell/eval/sort_keys.hpp"

VCELL_BEGIN_NAMESPACE

/// The values other than 0 of some consecutive genes, of cells that come in blocks: each block is
/// turned from cells to genes, so that a gene's values are one piece of each. A value takes 6
/// bytes: itself, and its cell's place among those of the block.
class GeneBlocks {
 public:
  /// Bytes of a value.
  static constexpr size_t value_bytes = sizeof(float) + sizeof(uint16_t);
  /// Cells that a block may have.
  static constexpr size_t most_cells = size_t(1) << 16;

  /// @param first, last  the genes, last not among them
  GeneBlocks(size_t first, size_t last) : cuts_(first, last), last_(last), stored_(last - first) {}

  GeneBlocks(GeneBlocks&&) = default;
  GeneBlocks& operator=(GeneBlocks&&) = default;
  /// Gives memory back by all threads: it takes the system a while.
  ~GeneBlocks() {
    parallel_for(blocks_.size(), 1, [this](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) blocks_[i].room.reset();
    });
  }

  size_t first() const { return cuts_.first(); }
  size_t last() const { return last_; }
  /// What the values take.
  size_t bytes() const { return bytes_; }
  /// How many values other than 0 a gene has: one of all that there were at first.
  size_t stored(size_t gene) const { return stored_[gene - first()]; }

  /// Takes the values of some cells.
  /// @param block  (cells, genes)
  /// @param rows   the cells, at most most_cells
  /// @param check  check(row, begin, end) is called, by several threads, for all of them: it looks
  ///               at what the row's values begin .. end - 1 are, and throws if it likes
  template <class F>
  void append(const CsrView<float>& block, std::span<const size_t> rows, F&& check);

  /// Leaves genes out from `last` on; their values are still counted.
  template <class = void>
  void cut(size_t last);

  /// A gene's keys, ordered_key(value) in the upper half, as GenePanel has them.
  /// @param labels  of all cells, in the order that they came: what is in the lower half
  template <class = void>
  void keys(size_t gene, std::span<const uint32_t> labels, std::vector<uint64_t>& out) const;

 private:
  struct Block {
    size_t cells = 0;
    std::vector<uint32_t> begins;           // of the genes, and where the last one ends
    std::unique_ptr<unsigned char[]> room;  // the values, each with its place behind it

    size_t value_room() const { return begins.back() * value_bytes; }
    size_t bytes() const { return begins.size() * sizeof(uint32_t) + value_room(); }
    void make_room() { room = std::make_unique_for_overwrite<unsigned char[]>(value_room()); }
  };

  template <class = void>
  void count(const CsrView<float>& block, std::span<const size_t> rows);
  template <class = void>
  void fill(const CsrView<float>& block, std::span<const size_t> rows, Block& out);

  GeneCuts cuts_;
  size_t last_, bytes_ = 0;
  std::vector<size_t> stored_;
  std::vector<Block> blocks_;
  std::vector<uint32_t> counts_;  // values of each gene in the block at hand
  std::vector<uint32_t> ends_;    // where the next of each goes
};

/// Counts the values of each gene.
template <class>
void GeneBlocks::count(const CsrView<float>& block, std::span<const size_t> rows) {
  counts_.assign(stored_.size(), 0);
  cuts_.for_each([&](size_t from, size_t to, const uint32_t* begins, size_t step) {
    const size_t base = first();
    uint32_t* const counts = counts_.data();
    for (const size_t row : rows) {
      const int32_t* const genes = block.row_indices(row).data();
      const float* const values = block.row_values(row).data();
      const size_t begin = begins[0], end = begins[1];
      begins += step;
      uint32_t has_zeros = 0;  // no bool, which compilers take one by one
      for (size_t k = begin; k < end; ++k) has_zeros |= uint32_t(values[k] == 0);
      if (has_zeros) {
        for (size_t k = begin; k < end; ++k) counts[size_t(genes[k]) - base] += values[k] != 0;
      } else {
        for (size_t k = begin; k < end; ++k) ++counts[size_t(genes[k]) - base];
      }
    }
    for (size_t g = from - base; g < to - base; ++g) stored_[g] += counts[g];
  });
}

template <class>
void GeneBlocks::fill(const CsrView<float>& block, std::span<const size_t> rows, Block& out) {
  cuts_.for_each([&](size_t from, size_t, const uint32_t* begins, size_t step) {
    if (from >= last_) return;
    const size_t base = first();
    uint32_t* const ends = ends_.data();
    unsigned char* const room = out.room.get();
    for (size_t i = 0; i < rows.size(); ++i, begins += step) {
      const int32_t* const genes = block.row_indices(rows[i]).data();
      const float* const values = block.row_values(rows[i]).data();
      const auto place = uint16_t(i);
      for (size_t k = begins[0]; k < begins[1]; ++k) {
        const auto gene = size_t(genes[k]);
        if (gene >= last_) break;  // of the cut that was cut
        if (values[k] == 0) continue;
        unsigned char* const to = room + ends[gene - base]++ * value_bytes;
        std::memcpy(to, &values[k], sizeof(float));
        std::memcpy(to + sizeof(float), &place, sizeof(place));
      }
    }
  });
}

template <class F>
void GeneBlocks::append(const CsrView<float>& block, std::span<const size_t> rows, F&& check) {
  if (rows.size() > most_cells || block.values.size() > std::numeric_limits<uint32_t>::max())
    detail::fail<ShapeError>("GeneBlocks::append: a block of ", rows.size(), " cells with ",
                             block.values.size(), " values, expected at most ", most_cells, " and ",
                             std::numeric_limits<uint32_t>::max());
  cuts_.find(block, rows, check);
  count(block, rows);
  Block& out = blocks_.emplace_back();
  const size_t genes = last_ - first();
  out.cells = rows.size();
  out.begins.assign(genes + 1, 0);
  std::inclusive_scan(counts_.begin(), counts_.begin() + std::ptrdiff_t(genes),
                      out.begins.begin() + 1);
  out.make_room();
  bytes_ += out.bytes();
  ends_ = out.begins;
  fill(block, rows, out);
}

template <class>
void GeneBlocks::cut(size_t last) {
  last_ = std::clamp(last, first(), last_);
  bytes_ = 0;
  for (Block& block : blocks_) {
    Block kept;
    kept.cells = block.cells;
    kept.begins.assign(block.begins.begin(),
                       block.begins.begin() + std::ptrdiff_t(last_ - first() + 1));
    kept.make_room();
    std::copy_n(block.room.get(), kept.value_room(), kept.room.get());
    bytes_ += kept.bytes();
    block = std::move(kept);
  }
}

template <class>
void GeneBlocks::keys(size_t gene, std::span<const uint32_t> labels,
                      std::vector<uint64_t>& out) const {
  out.resize(stored(gene));
  uint64_t* to = out.data();
  const uint32_t* of_block = labels.data();
  for (const Block& block : blocks_) {
    const unsigned char* from = block.room.get() + block.begins[gene - first()] * value_bytes;
    const size_t n = block.begins[gene - first() + 1] - block.begins[gene - first()];
    for (size_t i = 0; i < n; ++i, from += value_bytes) {
      float value;
      uint16_t place;
      std::memcpy(&value, from, sizeof(value));
      std::memcpy(&place, from + sizeof(value), sizeof(place));
      *to++ = uint64_t(ordered_key(value)) << 32 | of_block[place];
    }
    of_block += block.cells;
  }
}

VCELL_END_NAMESPACE
