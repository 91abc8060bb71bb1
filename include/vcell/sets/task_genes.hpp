#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "vcell/sets/cell_sentences.hpp"

VCELL_BEGIN_NAMESPACE

/// Which genes of a cell are to be predicted.
enum class TaskRule {
  package,  ///< expressed and unexpressed ones at random, seen or not: what the State package does
  masked    ///< over the whole range of expression, and left out of the sentence
};

struct TaskGeneOptions {
  TaskRule rule = TaskRule::package;
  size_t expressed = 512;    ///< P of the package's rule
  size_t unexpressed = 512;  ///< N of the package's rule: log expression below 1
  /// Of the masked rule; at most half of the genes that are not shared are.
  size_t masked = 1280;
  /// S: drawn once for a batch, the same for all its cells; needed by tabular losses.
  size_t shared = 512;
  bool binary = false;  ///< targets are whether a gene is expressed, 0 or 1

  bool operator==(const TaskGeneOptions&) const = default;
};

/// Task genes of a cell of G genes, shared ones among them.
template <class = void>
size_t task_gene_count(const TaskGeneOptions& n, size_t genes) {
  const size_t shared = std::min(n.shared, genes);
  return shared + (n.rule == TaskRule::package ? n.expressed + n.unexpressed
                                               : std::min(n.masked, (genes - shared) / 2));
}

/// The genes that all cells of a batch share: S of G without repetition, at most all.
/// @param rng  the batch's
template <class = void>
std::vector<int32_t> draw_shared_genes(const TaskGeneOptions& options, size_t genes, Rng& rng) {
  const auto order = permutation(genes, rng);
  return {order.begin(), order.begin() + std::ptrdiff_t(std::min(options.shared, genes))};
}

namespace detail {

/// So many of `from`: without repetition where there are enough, else each as often as it comes.
template <class = void>
void draw_some(std::vector<int32_t> from, size_t count, Rng& rng, std::vector<int32_t>& out) {
  for (size_t k = 0; k < count; ++k) {
    if (from.size() < count) {
      out.push_back(from[size_t(rng.below(from.size()))]);
      continue;
    }
    std::swap(from[k], from[k + size_t(rng.below(from.size() - k))]);
    out.push_back(from[k]);
  }
}

template <class = void>
void draw_by_package(std::span<const float> x, const TaskGeneOptions& n, Rng& rng,
                     std::vector<int32_t>& out) {
  std::vector<int32_t> expressed, low;
  for (size_t g = 0; g < x.size(); ++g) {
    if (x[g] > 0) expressed.push_back(int32_t(g));
    if (x[g] < 1) low.push_back(int32_t(g));
  }
  if (expressed.empty()) expressed.push_back(0);
  if (low.empty())  // where the package fails
    for (const RankedGene& gene : ranked_genes({x}, x.size(), rng)) low.push_back(gene.gene);
  if (low.size() > n.unexpressed && x[size_t(low.back())] >= 1)
    low.erase(low.begin(), low.end() - std::ptrdiff_t(n.unexpressed));
  draw_some(std::move(expressed), n.expressed, rng, out);
  draw_some(std::move(low), n.unexpressed, rng, out);
}

/// Half of them expressed, one out of each of as many parts of equal size of the expressed genes by
/// their rank, half unexpressed; where one kind is too few, more of the other.
template <class = void>
void draw_stratified(const SentenceCell& cell, size_t count, Rng& rng, std::vector<int32_t>& out) {
  const auto ranked = ranked_genes(cell, cell.x.size(), rng);
  const size_t positive =
      size_t(std::ranges::count_if(ranked, [](const RankedGene& gene) { return gene.value > 0; }));
  const size_t zeros =
      std::min(ranked.size() - positive, count - std::min(positive, (count + 1) / 2));
  const size_t strata = count - zeros;
  for (size_t k = 0; k < strata; ++k) {
    const size_t begin = k * positive / strata, end = (k + 1) * positive / strata;
    out.push_back(ranked[begin + size_t(rng.below(end - begin))].gene);
  }
  for (size_t k = 0; k < zeros; ++k) out.push_back(ranked[positive + k].gene);  // in random order
}

}  // namespace detail

/// Draws the genes that a cell's embedding is to predict, and says what they are.
///
/// - TaskRule::package: P expressed genes and N of log expression below 1, with repetition where
///   there are fewer. A cell of zeros has gene 0 in place of expressed ones, a cell without low
///   genes its lowest ones.
/// - TaskRule::masked: stratified over the range of expression.
///
/// Then the shared ones.
/// @param x        (G) log1p expression
/// @param shared   draw_shared_genes
/// @param rng      of the cell's copy
/// @param genes    (task_gene_count) receives their numbers
/// @param targets  (task_gene_count) receives their log expression, or 0 and 1
/// @param hidden   (G) receives 1 for genes that must leave the sentence, else 0
/// @throws ShapeError
template <class = void>
void draw_task_genes(std::span<const float> x, const TaskGeneOptions& options,
                     std::span<const int32_t> shared, Rng& rng, std::span<int32_t> genes,
                     std::span<float> targets, std::span<uint8_t> hidden) {
  check_positive("draw_task_genes", "number of genes", x.size());
  const size_t count = task_gene_count(options, x.size());
  check_size_match("draw_task_genes", "size of genes", genes.size(), "task genes", count);
  check_size_match("draw_task_genes", "size of targets", targets.size(), "task genes", count);
  check_size_match("draw_task_genes", "size of hidden", hidden.size(), "genes", x.size());
  check_size_match("draw_task_genes", "shared genes", shared.size(), "expected",
                   std::min(options.shared, x.size()));
  std::fill(hidden.begin(), hidden.end(), uint8_t(0));
  std::vector<int32_t> drawn;
  if (options.rule == TaskRule::package) {
    detail::draw_by_package(x, options, rng, drawn);
    drawn.insert(drawn.end(), shared.begin(), shared.end());
  } else {
    for (const int32_t g : shared) hidden[size_t(g)] = 1;
    detail::draw_stratified({x, hidden}, count - shared.size(), rng, drawn);
    drawn.insert(drawn.end(), shared.begin(), shared.end());
    for (const int32_t g : drawn) hidden[size_t(g)] = 1;
  }
  for (size_t k = 0; k < count; ++k) {
    const float value = x[size_t(drawn[k])];
    genes[k] = drawn[k];
    targets[k] = options.binary ? float(value > 0) : value;
  }
}

VCELL_END_NAMESPACE
