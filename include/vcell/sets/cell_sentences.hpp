#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "vcell/core/check.hpp"
#include "vcell/core/cmath.hpp"
#include "vcell/core/rng.hpp"

VCELL_BEGIN_NAMESPACE

struct SentenceOptions {
  /// L: tokens of a cell, CLS among them.
  size_t length = 2048;
  /// The gene whose value stands under CLS; nothing: 0 does.
  std::optional<size_t> cls_gene = {};
};

/// A cell as a sentence is made from it.
struct SentenceCell {
  std::span<const float> x;              ///< (G) log1p expression of the genes that have a vector
  std::span<const uint8_t> hidden = {};  ///< (G) genes that must not be seen; empty: none
};

/// The random numbers of a cell's copy: with them a sentence is a function of (seed, cell, copy).
inline Rng sentence_rng(uint64_t seed, uint64_t cell, uint64_t copy = 0) {
  return Rng(seed,
             stream_of("cell sentence") + cell * 0x9E3779B97F4A7C15u + copy * 0xC2B2AE3D27D4EB4Fu);
}

namespace detail {

struct RankedGene {
  float value;
  uint64_t key;  // decides between equal values
  int32_t gene;

  friend bool operator<(const RankedGene& a, const RankedGene& b) {
    return a.value != b.value ? a.value > b.value : a.key < b.key;
  }
};

/// The genes that may be seen, the `most` most expressed ones first and in order.
template <class = void>
std::vector<RankedGene> ranked_genes(const SentenceCell& cell, size_t most, Rng& rng) {
  std::vector<RankedGene> all;
  all.reserve(cell.x.size());
  for (size_t g = 0; g < cell.x.size(); ++g) {
    const uint64_t key = rng.next();  // of every gene: hiding one changes no other's
    if (cell.hidden.empty() || !cell.hidden[g]) all.push_back({cell.x[g], key, int32_t(g)});
  }
  const auto end = all.begin() + std::ptrdiff_t(std::min(most, all.size()));
  std::partial_sort(all.begin(), end, all.end());
  return all;
}

template <class = void>
void check_cell(const SentenceCell& cell, const SentenceOptions& options) {
  const size_t genes = cell.x.size();
  check_positive("write_sentence", "number of genes", genes);
  check_positive("write_sentence", "options.length", options.length);
  if (!cell.hidden.empty())
    check_size_match("write_sentence", "size of hidden", cell.hidden.size(), "genes", genes);
  if (options.cls_gene && *options.cls_gene >= genes)
    throw ConfigError(message("write_sentence: the gene under CLS is number ", *options.cls_gene,
                              " of ", genes, " that have a vector; choose an earlier one, or no ",
                              "value for CLS"));
  for (size_t g = 0; g < genes; ++g)
    if (!(cell.x[g] >= 0 && std::isfinite(cell.x[g])))
      throw ConfigError(message("write_sentence: gene ", g, " has log expression ", cell.x[g],
                                ", expected a finite number from 0"));
}

}  // namespace detail

/// A cell as a sentence (Adduri et al. 2025, State, Methods 4.4): CLS, then the L - 1 most
/// expressed genes. Equal values, and so unexpressed genes, come in random order. Where there are
/// fewer genes than L - 1, the rest is drawn from the unexpressed ones, each as often as it comes;
/// from all, if every gene is expressed. A token's value is 100 x its share of all log expression
/// that may be seen; of a cell of zeros every gene has the same.
///
/// @param rng     sentence_rng
/// @param genes   (L) receives numbers of genes, the one under CLS (or 0) first
/// @param values  (L) receives their values
/// @throws ConfigError if a value is no log expression, all genes are hidden, or there is no gene
///         for CLS; ShapeError
/// O(G log L)
template <class = void>
void write_sentence(const SentenceCell& cell, const SentenceOptions& options, Rng& rng,
                    std::span<int32_t> genes, std::span<float> values) {
  detail::check_cell(cell, options);
  const size_t length = options.length;
  check_size_match("write_sentence", "size of genes", genes.size(), "options.length", length);
  check_size_match("write_sentence", "size of values", values.size(), "options.length", length);
  const auto ranked = detail::ranked_genes(cell, length - 1, rng);
  if (ranked.empty())
    throw ConfigError(
        message("write_sentence: all ", cell.x.size(), " genes are hidden; ", "hide fewer"));
  double sum = 0;
  std::vector<size_t> unexpressed;
  for (size_t i = 0; i < ranked.size(); ++i) {
    sum += double(ranked[i].value);
    if (ranked[i].value == 0) unexpressed.push_back(i);
  }
  const auto share = [&](float x) {
    return float(100 * (sum > 0 ? double(x) / sum : 1 / double(ranked.size())));
  };
  const auto cls = options.cls_gene;
  const bool has_value = cls && (cell.hidden.empty() || !cell.hidden[*cls]);
  genes[0] = cls ? int32_t(*cls) : 0;
  values[0] = has_value ? share(cell.x[*cls]) : 0.f;
  for (size_t i = 1; i < length; ++i) {
    size_t place = i - 1;
    if (place >= ranked.size())
      place = unexpressed.empty() ? size_t(rng.below(ranked.size()))
                                  : unexpressed[size_t(rng.below(unexpressed.size()))];
    genes[i] = ranked[place].gene;
    values[i] = share(ranked[place].value);
  }
}

/// Counts of a cell as if fewer molecules had been read: drawn anew, a share of all, each
/// molecule's gene with the probability that its counts say (a multinomial distribution).
/// @param counts    (G) whole numbers from 0, which are replaced
/// @param fraction  of the cell's total, in (0, 1]
/// @throws ConfigError if a count is none, the total is above 10^8, or the fraction is another
/// O(total log G)
template <class = void>
void redraw_counts(std::span<float> counts, double fraction, Rng& rng) {
  if (!(fraction > 0 && fraction <= 1))
    throw ConfigError(message("redraw_counts: fraction is ", fraction, ", expected one in (0, 1]"));
  std::vector<uint64_t> ends;
  std::vector<size_t> genes;
  double total = 0;
  for (size_t g = 0; g < counts.size(); ++g) {
    const float n = counts[g];
    if (!(n >= 0 && n <= 1e8f) || n != std::trunc(n))
      throw ConfigError(message("redraw_counts: gene ", g, " has ", n,
                                ", expected a whole number from 0; only counts can be drawn anew"));
    if (n == 0) continue;
    total += double(n);
    ends.push_back(uint64_t(total));
    genes.push_back(g);
  }
  if (total > 1e8)
    throw ConfigError(
        message("redraw_counts: a cell has ", total, " counts, expected 10^8 at ", "most"));
  std::fill(counts.begin(), counts.end(), 0.f);
  for (uint64_t left = uint64_t(std::llround(fraction * total)); left; --left) {
    const auto end = std::upper_bound(ends.begin(), ends.end(), rng.below(uint64_t(total)));
    ++counts[genes[size_t(end - ends.begin())]];
  }
}

VCELL_END_NAMESPACE
