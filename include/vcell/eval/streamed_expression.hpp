#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vcell/data/row_source.hpp"
#include "vcell/eval/differential_expression.hpp"

VCELL_BEGIN_NAMESPACE

/// What differential expression of cells that are not in memory may take there.
struct StreamedExpressionOptions {
  /// For the values of as many genes as fit; the cells are read once for each such part, and once
  /// before. Small counts are counted instead, in one reading, where this has room for that.
  size_t panel_bytes = size_t(1) << 30;
  /// Of what is read at a time.
  BlockLimits blocks = {};
};

namespace detail {

/// In which order the rows of a block are looked at.
enum class BlockOrder { of_cells, of_groups };

/// Reads the compared cells of a source block by block, each block by several threads, which are
/// given all its rows in one order and genes of their own: f(first_gene, last_gene, block, row of
/// the block, place in cells.rows). After each block, goes_on says whether to go on.
template <class S, class F, class G>
void for_each_compared_block(const S& X, const ComparedCells& cells, const BlockLimits& limits,
                             const Progress& progress, size_t pass, size_t passes, BlockOrder order,
                             F&& f, G&& goes_on) {
  size_t end = 0;              // of the rows in cells.rows that were read
  std::vector<size_t> places;  // there of the block's rows
  for_each_row_block<float>(
      X,
      [&](size_t first_row, const CsrView<float>& block) {
        const size_t genes = X.columns();
        places.clear();
        while (end < cells.rows.size() && cells.rows[end] < first_row + block.rows)
          places.push_back(end++);
        if (order == BlockOrder::of_groups)
          std::stable_sort(places.begin(), places.end(),
                           [&](size_t a, size_t b) { return cells.groups[a] < cells.groups[b]; });
        parallel_for(genes, std::max<size_t>(1, (genes + 15) / 16), [&](size_t first, size_t last) {
          for (const size_t i : places) f(first, last, block, cells.rows[i] - first_row, i);
        });
        report(progress, {"read", pass * X.rows() + first_row + block.rows, passes * X.rows(), {}});
        return bool(goes_on());
      },
      limits);
}

/// Calls f(gene, value) for the values other than 0 of a row in some genes.
template <class F>
void for_each_value(const CsrView<float>& block, size_t row, size_t first, size_t last, F&& f) {
  const auto genes = block.row_indices(row);
  const auto values = block.row_values(row);
  size_t k = size_t(std::lower_bound(genes.begin(), genes.end(), int32_t(first)) - genes.begin());
  for (; k < genes.size() && size_t(genes[k]) < last; ++k)
    if (values[k] != 0) f(size_t(genes[k]), values[k]);
}

/// How often each small count is there, (groups, genes, values), and the values that are none.
struct StreamedCounts {
  size_t values = 0;  // counts 1 .. values have a place
  size_t genes = 0;
  std::vector<uint32_t> counts;
  std::vector<std::vector<uint64_t>> others;  // of each gene, keys

  uint32_t* of(size_t group, size_t gene) {
    return counts.data() + (group * genes + gene) * values;
  }
  /// The keys of a gene, group by group.
  template <class = void>
  void keys(size_t gene, size_t groups, std::vector<uint64_t>& out) {
    out.assign(others[gene].begin(), others[gene].end());
    for (size_t g = 0; g < groups; ++g)
      for (size_t v = 0; v < values; ++v)
        out.insert(out.end(), of(g, gene)[v], uint64_t(ordered_key(float(v + 1))) << 32 | g);
  }
  template <class = void>
  size_t bytes_of_others() const {
    size_t bytes = 0;
    for (const auto& keys : others) bytes += keys.capacity() * sizeof(uint64_t);
    return bytes;
  }
};

}  // namespace detail

/// Differential expression of cells that need not be in memory: of all targets at once, whose table
/// is. The same bytes as differential_expression gives for them.
/// @param X        (cells, genes), as differential_expression wants them
/// @param genes    (genes) names
/// @param groups   which rows of X are compared; others are not looked at
/// @param streamed what is in memory beside the table
/// @throws as measured_expression, and what reading X throws
template <class S>
requires RowSource<S, float> DifferentialExpression
streamed_expression(const S& X, std::span<const std::string> genes, const ExpressionGroups& groups,
                    const DifferentialExpressionOptions& options = {},
                    const StreamedExpressionOptions& streamed = {}) {
  check_size_match("streamed_expression", "columns of X", X.columns(), "genes", genes.size());
  detail::check_compared(groups, X.rows(), genes, options);
  const auto targets = detail::places(groups.targets.size());
  detail::ComparedCells cells = detail::compared_cells(X.rows(), groups, targets, options);
  detail::ExpressionMaker maker(genes, groups, targets, options, cells);
  const size_t n_groups = cells.sizes.size(), n_genes = genes.size();
  const auto check = [&](size_t place, size_t gene, float x) {
    if (detail::is_wrong_expression(x, options.is_log1p)) [[unlikely]]
      detail::fail_expression(cells.rows[place], genes[gene], x, options.is_log1p);
  };
  const auto measure = [&](size_t first, size_t last, size_t grain, auto&& keys_of) {
    parallel_for_watched(
        last - first, grain,
        [&](size_t from, size_t to) {
          detail::GeneMeasure one(cells, options);
          std::vector<uint64_t> keys;
          for (size_t gene = first + from; gene < first + to; ++gene)
            if (maker.is_wanted(gene)) maker.put(gene, keys_of(gene, keys), one);
        },
        options.progress, "differential expression");
  };

  // Small counts: how many of each, in one reading.
  const size_t levels = streamed.panel_bytes / 2 / sizeof(uint32_t) /
                        std::max<size_t>(1, n_groups) / std::max<size_t>(1, n_genes);
  if (!options.is_log1p && !options.target_sum && levels >= 8) {
    detail::StreamedCounts counts;
    counts.values = std::min<size_t>(levels, 255);
    counts.genes = n_genes;
    counts.counts.assign(n_groups * n_genes * counts.values, 0);
    counts.others.resize(n_genes);
    bool fits = true;
    const auto most = float(counts.values);
    detail::for_each_compared_block(
        X, cells, streamed.blocks, options.progress, 0, 1,
        detail::BlockOrder::of_groups,  // whose counts are near each other
        [&](size_t first, size_t last, const CsrView<float>& block, size_t row, size_t place) {
          const uint32_t group = cells.groups[place];
          detail::for_each_value(block, row, first, last, [&](size_t gene, float x) {
            check(place, gene, x);
            const auto count = uint32_t(std::min(x, most));
            if (float(count) == x)
              ++counts.of(group, gene)[count - 1];
            else
              counts.others[gene].push_back(uint64_t(ordered_key(x)) << 32 | group);
          });
        },
        [&] { return fits = counts.bytes_of_others() <= streamed.panel_bytes / 2; });
    if (fits) {
      measure(0, n_genes, 16, [&](size_t gene, std::vector<uint64_t>& keys) {
        counts.keys(gene, n_groups, keys);
        return std::span<const uint64_t>(keys);
      });
      return maker.finish();
    }
  }
  // Values of as many genes as have room, and first how many each of them has.
  std::vector<size_t> stored(n_genes, 0);
  const auto always = [] { return true; };
  if (options.target_sum) cells.totals.assign(cells.rows.size(), 0.0);
  detail::for_each_compared_block(
      X, cells, streamed.blocks, options.progress, 0, 2, detail::BlockOrder::of_cells,
      [&](size_t first, size_t last, const CsrView<float>& block, size_t row, size_t place) {
        detail::for_each_value(block, row, first, last, [&](size_t gene, float x) {
          check(place, gene, x);
          ++stored[gene];
        });
        if (first == 0 && options.target_sum)
          for (const float x : block.row_values(row)) cells.totals[place] += double(x);
      },
      always);
  const auto end_of = [&](size_t first) {
    size_t last = first, values = 0;
    while (last < n_genes &&
           (last == first || (values + stored[last]) * sizeof(uint64_t) <= streamed.panel_bytes))
      values += stored[last++];
    return last;
  };
  size_t passes = 1;
  for (size_t first = 0; first < n_genes; first = end_of(first)) ++passes;
  const auto labels = maker.labels();
  std::vector<uint64_t> values;
  std::vector<size_t> begins, ends;  // of the genes of a part, in values
  for (size_t begin = 0, end, pass = 1; begin < n_genes; begin = end, ++pass) {
    end = end_of(begin);
    begins.assign(1, 0);
    for (size_t gene = begin; gene < end; ++gene) begins.push_back(begins.back() + stored[gene]);
    ends = begins;
    values.resize(begins.back());
    detail::for_each_compared_block(
        X, cells, streamed.blocks, options.progress, pass, passes, detail::BlockOrder::of_cells,
        [&](size_t first, size_t last, const CsrView<float>& block, size_t row, size_t place) {
          first = std::max(first, begin);
          last = std::min(last, end);
          if (first >= last) return;
          detail::for_each_value(block, row, first, last, [&](size_t gene, float x) {
            values[ends[gene - begin]++] = uint64_t(ordered_key(x)) << 32 | labels[place];
          });
        },
        always);
    measure(begin, end, 16, [&](size_t gene, std::vector<uint64_t>&) {
      return std::span<const uint64_t>(values).subspan(begins[gene - begin], stored[gene]);
    });
  }
  return maker.finish();
}

VCELL_END_NAMESPACE
