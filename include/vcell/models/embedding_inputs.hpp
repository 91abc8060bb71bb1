#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "vcell/autograd/send.hpp"
#include "vcell/core/cmath.hpp"
#include "vcell/ops/indices.hpp"
#include "vcell/tensor/copy.hpp"

VCELL_BEGIN_NAMESPACE

/// Vectors of genes as the gene encoder of State Embedding reads them, on a device.
template <class T, class Device = Cpu>
struct GeneVectors {
  Variable<T, 2, Device> vectors;  ///< (K, E) e_k
  Variable<T, 2, Device> shares;   ///< (K, d) 1 / |e_k|, d times

  GeneVectors() = default;
  /// @param from   (K, E) on the host
  /// @param width  d
  GeneVectors(Tensor<T, 2> from, size_t width) {
    // A product with vectors of length 1 is that with the vectors as they are, divided by lengths.
    auto all = Tensor<T, 2>::uninitialized({from.shape(0), width});
    parallel_for(from.shape(0), 16, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) {
        double square = 0;
        for (const T v : from[i]) square += double(v) * double(v);
        std::fill_n(&all(i, 0), width, T(1 / std::max(std::sqrt(square), 1e-12)));
      }
    });
    shares = Variable<T, 2, Device>(to_device<Device>(std::move(all)));
    vectors = Variable<T, 2, Device>(to_device<Device>(std::move(from)));
  }
};

/// Tokens that go through the layers together, but for single longer sentences.
inline constexpr size_t tokens_at_once = 2048;

/// Which tokens the sentences of B cells have, on a device: in groups of cells, so that what layers
/// make on their way is there for one group at a time.
template <class Device = Cpu>
class SentenceRows {
 public:
  /// @param sentence  (B, L) rows of genes; column 0 stands for CLS and is not read
  /// @param genes     how many rows there are: CLS is the one after them
  /// @param dataset   whether each ends with the token of its dataset, the row after that
  /// @throws ShapeError if L is 0 or a row is not there
  void send(const Tensor<int32_t, 2>& sentence, size_t genes, bool dataset) {
    cells_ = sentence.shape(0), length_ = sentence.shape(1), genes_ = genes;
    if (length_ == 0)
      throw ShapeError("StateEmbedding: a sentence of no tokens; the first is that of CLS");
    Tensor<int32_t, 2> rows({cells_, length_ + dataset});
    for (size_t b = 0; b < cells_; ++b) {
      rows(b, 0) = int32_t(genes);
      for (size_t i = 1; i < length_; ++i) {
        check_index("StateEmbedding", "row of a token", sentence(b, i), genes);
        rows(b, i) = sentence(b, i);
      }
      if (dataset) rows(b, length_) = int32_t(genes + 1);
    }
    const size_t at_once = std::max<size_t>(1, tokens_at_once / rows.shape(1));
    groups_.resize(std::max<size_t>(1, (cells_ + at_once - 1) / at_once));
    for (size_t i = 0; i < groups_.size(); ++i)
      groups_[i].send(
          to_tensor(std::as_const(rows).slice(i * at_once, std::min(cells_, (i + 1) * at_once))));
  }

  /// (cells of the group, tokens) each, in the order of cells.
  const std::vector<Indices<2, Device>>& groups() const { return groups_; }
  /// B, L.
  Shape<2> shape() const { return {cells_, length_}; }
  size_t genes() const { return genes_; }

 private:
  std::vector<Indices<2, Device>> groups_;
  size_t cells_ = 0, length_ = 0, genes_ = 0;
};

/// Which genes are to be predicted of B cells, on a device: some of each cell at a time.
template <class Device = Cpu>
class TaskGeneRows {
 public:
  /// @param genes  (B, N) rows
  void send(const Tensor<int32_t, 2>& genes) {
    const size_t cells = genes.shape(0), all = genes.shape(1);
    const size_t at_once = std::max<size_t>(1, tokens_at_once / 2 / std::max<size_t>(1, cells));
    parts_.resize(std::max<size_t>(1, (all + at_once - 1) / at_once));
    for (size_t i = 0; i < parts_.size(); ++i) {
      const size_t begin = i * at_once, width = std::min(all - begin, at_once);
      Tensor<int32_t, 2> rows({cells, width});
      for (size_t b = 0; b < cells; ++b) std::copy_n(genes[b].data + begin, width, rows[b].data);
      parts_[i].send(rows);
    }
  }
  /// (B, some) each, in the order of task genes.
  const std::vector<Indices<2, Device>>& parts() const { return parts_; }

 private:
  std::vector<Indices<2, Device>> parts_;
};

VCELL_END_NAMESPACE
