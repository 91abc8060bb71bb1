#pragma once

#include <array>
#include <span>
#include <utility>
#include <vector>

#include "vcell/preprocess/filter_cells.hpp"
#include "vcell/preprocess/filter_genes.hpp"
#include "vcell/preprocess/qc_metrics.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// What QC metrics, filters of cells and then filters of genes want of X, from one pass over its
/// rows of T: genes are counted over the cells that the filters before leave, each of which is
/// judged when its row is read. An accumulator (see accumulate).
template <class T>
class JudgePass {
 public:
  struct Gene {
    double counts = 0, cells = 0;
  };

  /// @param of_cells  filters of cells, all of which a cell has to pass
  /// @param genes     whether genes are counted
  JudgePass(size_t cells, size_t genes, DType dtype, const std::vector<QcMetricsOptions>& qc,
            std::vector<Threshold> of_cells, bool count_genes)
      : of_cells_(std::move(of_cells)),
        numbers_(of_cells_.size(), std::vector<double>(cells)),
        groups_(cells, 0),
        of_genes_(genes, Count{}, {groups_}),
        count_genes_(count_genes) {
    for (const QcMetricsOptions& options : qc) qc_.emplace_back(cells, genes, dtype, options);
  }
  JudgePass(const JudgePass&) = delete;  // of_genes_ refers to groups_
  JudgePass& operator=(const JudgePass&) = delete;

  void add(size_t first_cell, const CsrView<T>& block) {
    for (QcOfAll<T>& qc : qc_) qc.add(first_cell, block);
    parallel_for(block.rows, 64, [&](size_t first, size_t last) {
      for (size_t i = first; i < last; ++i)
        for (size_t k = 0; k < of_cells_.size(); ++k) {
          const Threshold& t = of_cells_[k];
          const double x = number_of_cell(t, block.row_values(i));
          numbers_[k][first_cell + i] = x;
          if (t.upper ? !(x <= t.value) : !(x >= t.value)) groups_[first_cell + i] = -1;
        }
    });
    if (count_genes_) of_genes_.add(first_cell, block);
  }

  QcMetrics take_qc(size_t k) { return std::move(qc_[k]).take(); }
  /// (cells) what the k-th filter of cells compares
  const std::vector<double>& numbers(size_t k) const { return numbers_[k]; }
  std::span<const Gene> genes() const { return of_genes_.of_group(0); }

 private:
  struct Count {
    void operator()(std::span<const int32_t> genes, std::span<const T> values, Gene* of) const {
      for (size_t k = 0; k < genes.size(); ++k) {
        of[size_t(genes[k])].counts += double(values[k]);
        of[size_t(genes[k])].cells += double(values[k] > 0);
      }
    }
  };

  std::vector<QcOfAll<T>> qc_;
  std::vector<Threshold> of_cells_;
  std::vector<std::vector<double>> numbers_;
  std::vector<int32_t> groups_;  // of the cells: 0, or -1 where a filter drops it
  PerGene<Gene, Count> of_genes_;
  bool count_genes_;
};

}  // namespace detail
VCELL_END_NAMESPACE
