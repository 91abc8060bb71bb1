#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vcell/eval/evaluation_side.hpp"
#include "vcell/eval/score_table.hpp"
#include "vcell/eval/target_expression.hpp"
#include "vcell/sets/gene_symbols.hpp"

VCELL_BEGIN_NAMESPACE

struct MetricOptions {
  /// A gene is differentially expressed when its false discovery rate is below this.
  double alpha = 0.05;
  /// How perturbations are matched with their own genes; null: by the genes' names. It has to live
  /// as long as the call.
  const GeneSymbols* symbols = nullptr;
  /// Watches, and may stop.
  Progress progress = {};
};

/// What a metric reads of both sides, which says what computing it again costs.
enum class MetricReads {
  means,       ///< mean cells and shifts alone
  embedding,   ///< the same, but those of an embedding where the sides have one
  expression,  ///< tables of differential expression
  cells,       ///< cells, and anything else there is
};

/// A score of predicted cells against real ones, and how people read it. Tables, the program's help
/// and the report take everything they say of a score from here.
struct Metric {
  /// The scores of the perturbations of one context, in the order of both sides' perturbations(),
  /// which are the same and have the same genes. Of their tables of differential expression, which
  /// may be larger than memory, for_each_expression_block(real.expression, predicted.expression,
  /// f, options.progress) gives one block of perturbations after the other.
  using Scores = std::function<std::vector<Score>(
      const EvaluationSide& real, const EvaluationSide& predicted, const MetricOptions&)>;
  /// One score of all of them together.
  using Aggregate = std::function<Score(const EvaluationSide& real, const EvaluationSide& predicted,
                                        const MetricOptions&)>;
  /// The score of one perturbation by its differential expression. All metrics of this kind and the
  /// next share one pass over the tables. Several threads call it.
  using OfTarget = std::function<Score(const TargetExpression&)>;
  /// One score of all of them by how many genes are significant of each.
  using OfCounts = std::function<Score(std::span<const SignificantCounts>)>;

  std::string name;                    ///< in tables, e.g. "mae"
  std::string title = name;            ///< for people, e.g. "Expression error"
  std::string meaning = {};            ///< what it measures and what its ends mean, in sentences
  int direction = 0;                   ///< 1: larger is better, -1: smaller is, 0: neither
  std::optional<double> best = {};     ///< the best possible, where there is one
  std::optional<double> lowest = {};   ///< the least value there can be, where there is one
  std::optional<double> highest = {};  ///< the greatest value there can be, where there is one
  /// Anything, unless it says less: mean scores have intervals at no great cost, and scores of some
  /// of the genes, where it reads means.
  MetricReads reads = MetricReads::cells;
  /// A correlation, rank or share, of which halves of the cells say what all of them could have
  /// (evaluation_ceilings).
  bool is_reliability = false;
  int digits = 3;            ///< shown behind the point where room is short
  Scores scores = {};        ///< per perturbation; this
  OfTarget of_target = {};   ///< or this;
  Aggregate aggregate = {};  ///< or this, and every perturbation then has the same score;
  OfCounts of_counts = {};   ///< or this, likewise

  /// Whether it reads means alone, of cells or of an embedding.
  bool is_of_means() const {
    return reads == MetricReads::means || reads == MetricReads::embedding;
  }
  /// Whether all perturbations have one score.
  bool is_of_all() const { return aggregate || of_counts; }
};

VCELL_END_NAMESPACE
