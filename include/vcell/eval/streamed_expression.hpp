#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/data/row_source.hpp"
#include "vcell/eval/differential_expression.hpp"
#include "vcell/eval/gene_blocks.hpp"

VCELL_BEGIN_NAMESPACE

/// What differential expression of cells that are not in memory may take there.
struct StreamedExpressionOptions {
  /// For the values of as many genes as fit, 6 bytes each; the cells are read once for each such
  /// part. Where this has no room for as many values as X might hold, small counts are counted
  /// instead, in one reading.
  size_t panel_bytes = size_t(1) << 30;
  /// Of what is read at a time.
  BlockLimits blocks = {.bytes = size_t(16) << 20};
};

namespace detail {

/// Reads the compared cells of a source block by block: f(block, rows of the block, place of the
/// first of them in cells.rows), until it returns false.
template <class S, class F>
void for_each_compared_block(const S& X, const ComparedCells& cells, BlockLimits limits,
                             const Progress& progress, size_t pass, size_t passes, F&& f) {
  limits.rows = std::min(limits.rows, GeneBlocks::most_cells);
  size_t end = 0;            // of the rows in cells.rows that were read
  std::vector<size_t> rows;  // of the block
  for_each_row_block<float>(
      X,
      [&](size_t first_row, const CsrView<float>& block) {
        const size_t begin = end;
        rows.clear();
        while (end < cells.rows.size() && cells.rows[end] < first_row + block.rows)
          rows.push_back(cells.rows[end++] - first_row);
        const bool goes_on = f(block, std::span<const size_t>(rows), begin);
        report(progress, {"read", pass * X.rows() + first_row + block.rows, passes * X.rows(), {}});
        return goes_on;
      },
      limits);
}

/// How often each small count is there, (groups, genes, values), and the values that are none.
struct StreamedCounts {
  size_t values = 0;  // counts 1 .. values have a place
  size_t genes = 0;
  std::vector<uint32_t> counts;
  std::vector<std::vector<uint64_t>> others;  // of each gene, keys
  GeneCuts cuts;

  StreamedCounts(size_t values_, size_t genes_, size_t groups)
      : values(values_),
        genes(genes_),
        counts(groups * genes_ * values_),
        others(genes_),
        cuts(0, genes_) {}

  uint32_t* of(size_t group, size_t gene) {
    return counts.data() + (group * genes + gene) * values;
  }
  /// Counts the values of some cells.
  /// @param groups  of the rows
  /// @param check   as GeneBlocks::append has it
  template <class F>
  void append(const CsrView<float>& block, std::span<const size_t> rows,
              std::span<const uint32_t> groups, F&& check);
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

template <class F>
void StreamedCounts::append(const CsrView<float>& block, std::span<const size_t> rows,
                            std::span<const uint32_t> groups, F&& check) {
  std::vector<size_t> order = places(rows.size());  // group by group: their counts are neighbours
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return groups[a] < groups[b]; });
  const auto most = float(values);
  cuts.find(block, rows, check);
  cuts.for_each([&](size_t, size_t, const uint32_t* begins, size_t step) {
    for (const size_t i : order) {
      const int32_t* const of_row = block.row_indices(rows[i]).data();
      const float* const found = block.row_values(rows[i]).data();
      const uint32_t group = groups[i];
      for (size_t k = begins[i * step]; k < begins[i * step + 1]; ++k) {
        const float x = found[k];
        const auto count = uint32_t(std::min(x, most));
        const auto gene = size_t(of_row[k]);
        if (count && float(count) == x)
          ++of(group, gene)[count - 1];
        else if (x != 0)
          others[gene].push_back(uint64_t(ordered_key(x)) << 32 | group);
      }
    }
  });
}

/// Looks for values of cells that are none, a row's at a time.
struct StreamedCheck {
  const ComparedCells& cells;
  std::span<const std::string> genes;
  bool is_log1p;

  /// @param row    of the block
  /// @param first  row of X that the block begins with
  template <class = void>
  void operator()(const CsrView<float>& block, size_t first, size_t row, size_t begin,
                  size_t end) const {
    const auto values = block.row_values(row);
    const float least = is_log1p ? -std::numeric_limits<float>::max() : 0.0f;
    constexpr float most = std::numeric_limits<float>::max();
    uint32_t wrong = 0;  // no bool, which compilers take one by one
    for (size_t k = begin; k < end; ++k)
      wrong |= uint32_t(!(values[k] >= least)) | uint32_t(!(values[k] <= most));
    if (!wrong) return;
    for (size_t k = begin; k < end; ++k)
      if (is_wrong_expression(values[k], is_log1p))
        fail_expression(first + row, genes[size_t(block.row_indices(row)[k])], values[k], is_log1p);
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
  const detail::StreamedCheck check{cells, genes, options.is_log1p};
  const auto measure = [&](size_t first, size_t last, auto&& keys_of) {
    parallel_for_watched(
        last - first, 16,
        [&](size_t from, size_t to) {
          detail::GeneMeasure one(cells, options);
          std::vector<uint64_t> keys;
          for (size_t gene = first + from; gene < first + to; ++gene) {
            if (!maker.is_wanted(gene)) continue;
            keys_of(gene, keys);
            maker.put(gene, keys, one);
          }
        },
        options.progress, "differential expression");
  };
  const auto read = [&](size_t pass, size_t passes, auto&& f) {
    detail::for_each_compared_block(
        X, cells, streamed.blocks, options.progress, pass, passes,
        [&](const CsrView<float>& block, std::span<const size_t> rows, size_t place) {
          const size_t first = rows.empty() ? 0 : cells.rows[place] - rows[0];
          return bool(f(block, rows, place, [&, first](size_t row, size_t begin, size_t end) {
            check(block, first, row, begin, end);
          }));
        });
  };

  const auto bytes_of = [](double values) { return double(GeneBlocks::value_bytes) * values; };
  // Small counts: how many of each, in one reading.
  const size_t levels = streamed.panel_bytes / 2 / sizeof(uint32_t) /
                        std::max<size_t>(1, n_groups) / std::max<size_t>(1, n_genes);
  const double most_values = double(cells.rows.size()) * double(n_genes);
  const bool has_room = bytes_of(most_values) <= double(streamed.panel_bytes);
  if (!options.is_log1p && !options.target_sum && levels >= 8 && !has_room) {
    detail::StreamedCounts counts(std::min<size_t>(levels, 255), n_genes, n_groups);
    bool fits = true;
    read(0, 1, [&](const CsrView<float>& block, auto rows, size_t place, const auto& check_row) {
      counts.append(block, rows, std::span(cells.groups).subspan(place), check_row);
      return fits = counts.bytes_of_others() <= streamed.panel_bytes / 2;
    });
    if (fits) {
      measure(0, n_genes,
              [&](size_t gene, std::vector<uint64_t>& keys) { counts.keys(gene, n_groups, keys); });
      return maker.finish();
    }
  }
  // Values of as many genes as have room. At first that is a guess.
  if (options.target_sum) cells.totals.assign(cells.rows.size(), 0.0);
  const auto labels = maker.labels();
  std::vector<size_t> stored(n_genes, 0);
  const auto end_of = [&](size_t first, double share) {
    size_t last = first;
    double values = 0;
    while (last < n_genes &&
           bytes_of(values += double(stored[last]) * share) <= double(streamed.panel_bytes))
      ++last;
    return last;
  };
  const auto take_part = [&](GeneBlocks& part, size_t pass, size_t passes, auto&& after) {
    read(pass, passes,
         [&](const CsrView<float>& block, auto rows, size_t place, const auto& check_row) {
           part.append(block, rows, check_row);
           after(block, rows, place);
           return true;
         });
    measure(part.first(), part.last(),
            [&](size_t gene, std::vector<uint64_t>& keys) { part.keys(gene, labels, keys); });
  };
  size_t end = 0, passes = 1;
  {
    GeneBlocks part(0, n_genes);
    take_part(part, 0, 1, [&](const CsrView<float>& block, auto rows, size_t place) {
      if (options.target_sum)
        parallel_for(rows.size(), 64, [&](size_t from, size_t to) {
          for (size_t i = from; i < to; ++i)
            for (const float x : block.row_values(rows[i])) cells.totals[place + i] += double(x);
        });
      if (part.bytes() <= streamed.panel_bytes) return;
      for (size_t gene = 0; gene < n_genes; ++gene) stored[gene] = part.stored(gene);
      part.cut(std::min(part.last() * 9 / 10,
                        end_of(0, double(cells.rows.size()) / double(place + rows.size()))));
    });
    end = part.last();
    for (size_t gene = 0; gene < n_genes; ++gene) stored[gene] = part.stored(gene);
  }
  const auto part_end = [&](size_t first) { return std::max(first + 1, end_of(first, 1)); };
  for (size_t gene = end; gene < n_genes; gene = part_end(gene)) ++passes;
  for (size_t pass = 1; pass < passes; ++pass) {
    GeneBlocks part(end, part_end(end));
    take_part(part, pass, passes, [](const auto&, auto, size_t) {});
    end = part.last();
  }
  return maker.finish();
}

VCELL_END_NAMESPACE
