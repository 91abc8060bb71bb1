#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/core/name_places.hpp"
#include "vcell/core/parallel_for.hpp"
#include "vcell/eval/distance_ranks.hpp"
#include "vcell/eval/pearson.hpp"
#include "vcell/sets/cell_groups.hpp"
#include "vcell/sets/for_each_cell.hpp"
#include "vcell/tensor/tensor.hpp"

VCELL_BEGIN_NAMESPACE

/// What of a model shows in the mean cells that it predicts.
struct ShiftScores {
  double pearson_delta = 0, discrimination = 0;
};

/// Scores of predicted sets by their mean shifts, gathered set by set while a validation runs: of
/// every (context, perturbation) pair the mean of the predicted and of the observed cells, each
/// less the mean of all control cells of the context.
///
/// - pearson_delta: Pearson's correlation of both shifts over the genes, 0 where one is constant;
///   the mean over pairs.
/// - discrimination: discrimination_score_l1 among the pairs of each context; the mean over pairs.
///
/// These are what the metrics of those names in eval/metrics.hpp measure, of the sets that were
/// added and in the log1p means of their cells. Several predictions of the same sets can be
/// gathered side by side: memory of (variants + 1) x pairs x genes floats.
class ValidationShifts {
 public:
  /// @param groups    of the sets that will be added, by context and perturbation (cell_groups);
  ///                  those of controls are left out
  /// @param variants  predictions of each set
  template <class = void>
  ValidationShifts(const Screen& screen, std::span<const CellGroup> groups, size_t variants)
      : genes_(screen.genes.size()),
        control_means_({screen.context.names.size(), screen.genes.size()}) {
    const NamePlaces columns(screen.genes);
    const CellGroup* last = nullptr;
    for (const CellGroup& group : groups) {
      if (group.perturbation == screen.control) {
        pair_of_.push_back(no_pair);
        continue;
      }
      const bool is_new =
          !last || last->context != group.context || last->perturbation != group.perturbation;
      last = &group;
      pair_of_.push_back(contexts_.size() - !is_new);
      if (!is_new) continue;
      contexts_.push_back(group.context);
      const auto own = columns.find(screen.perturbation.names[size_t(group.perturbation)]);
      own_columns_.push_back(own ? int32_t(*own) : -1);
    }
    find_control_means(screen);
    observed_ = Tensor<float, 2>({contexts_.size(), genes_});
    predicted_.assign(variants, observed_);
    cells_.assign(contexts_.size(), 0);
  }

  /// Forgets the sets.
  template <class = void>
  void clear() {
    observed_.zero();
    for (auto& sums : predicted_) sums.zero();
    std::fill(cells_.begin(), cells_.end(), 0.0);
  }

  /// Adds what was observed of a batch.
  /// @param group    (B) which of the groups each set was cut from
  /// @param lengths  (B) cells of each set
  template <class T>
  void add_observed(std::span<const size_t> group, View<const int32_t, 1> lengths,
                    View<const T, 3> cells) {
    add(group, lengths, cells, observed_);
    for (size_t b = 0; b < group.size(); ++b)
      if (pair_of_[group[b]] != no_pair) cells_[pair_of_[group[b]]] += double(lengths(b));
  }
  /// Adds what one variant predicts of the same batch, (B, S, genes).
  template <class T>
  void add_predicted(size_t variant, std::span<const size_t> group, View<const int32_t, 1> lengths,
                     View<const T, 3> cells) {
    add(group, lengths, cells, predicted_[variant]);
  }

  /// The scores of one variant; nothing if there was no set of a perturbation. O(n^2 genes) of a
  /// context's n pairs.
  template <class = void>
  std::optional<ShiftScores> scores(size_t variant) const;

 private:
  static constexpr size_t no_pair = ~size_t(0);

  template <class = void>
  void find_control_means(const Screen& screen) {
    for (const CellGroup& group :
         cell_groups(screen, [&](size_t cell) { return screen.serves(cell, Part::validation); })) {
      const auto mean = control_means_[size_t(group.context)];
      for_each_cell(screen, group.cells, [&](auto columns, auto values) {
        for (size_t i = 0; i < columns.size(); ++i)
          mean[size_t(columns[i])] += double(values[i]) / double(group.cells.size());
      });
    }
  }

  /// Sums of the cells of sets, by pair. Genes are shared out: sets of one pair come in order.
  template <class T>
  void add(std::span<const size_t> group, View<const int32_t, 1> lengths, View<const T, 3> cells,
           Tensor<float, 2>& sums) {
    check_size_match("ValidationShifts", "genes of the cells", cells.shape[2], "of the screen",
                     genes_);
    const size_t sets = group.size(), size = cells.shape[1];
    parallel_for(genes_, 128, [&](size_t begin, size_t end) {
      std::vector<double> sum(end - begin);
      for (size_t b = 0; b < sets; ++b) {
        const size_t pair = pair_of_[group[b]];
        if (pair == no_pair) continue;
        std::fill(sum.begin(), sum.end(), 0.0);
        for (size_t s = 0; s < size_t(lengths(b)); ++s) {
          const T* cell = cells.data + (b * size + s) * genes_ + begin;
          for (size_t g = 0; g < sum.size(); ++g) sum[g] += double(cell[g]);
        }
        float* const out = sums[pair].data + begin;
        for (size_t g = 0; g < sum.size(); ++g) out[g] += float(sum[g]);
      }
    });
  }

  template <class = void>
  Tensor<double, 2> shifts(const Tensor<float, 2>& sums, std::span<const size_t> pairs) const {
    Tensor<double, 2> out({pairs.size(), genes_});
    for (size_t i = 0; i < pairs.size(); ++i) {
      const auto control = control_means_[size_t(contexts_[pairs[i]])];
      for (size_t g = 0; g < genes_; ++g)
        out(i, g) = double(sums(pairs[i], g)) / cells_[pairs[i]] - control[g];
    }
    return out;
  }

  size_t genes_;
  Tensor<double, 2> control_means_;          // (contexts, genes)
  std::vector<size_t> pair_of_;              // (groups)
  std::vector<int32_t> contexts_;            // (pairs)
  std::vector<int32_t> own_columns_;         // (pairs) of the perturbed gene; -1: none
  std::vector<double> cells_;                // (pairs) that were added
  Tensor<float, 2> observed_;                // (pairs, genes) sums
  std::vector<Tensor<float, 2>> predicted_;  // of each variant
};

template <class Void>
std::optional<ShiftScores> ValidationShifts::scores(size_t variant) const {
  size_t pairs = 0;
  ShiftScores out;
  std::vector<size_t> here;  // pairs of one context, which lie together
  std::vector<int32_t> own;
  for (size_t p = 0; p < contexts_.size(); ++p) {
    if (cells_[p] > 0) {
      here.push_back(p);
      own.push_back(own_columns_[p]);
    }
    if (here.empty() || (p + 1 < contexts_.size() && contexts_[p + 1] == contexts_[p])) continue;
    const auto predicted = shifts(predicted_[variant], here), real = shifts(observed_, here);
    for (size_t i = 0; i < here.size(); ++i) {
      const double r = pearson({predicted[i].data, genes_}, {real[i].data, genes_});
      out.pearson_delta += r == r ? r : 0;
    }
    for (const double score : discrimination_scores<L1Distance>(predicted.view(), real.view(), own))
      out.discrimination += score;
    pairs += here.size();
    here.clear();
    own.clear();
  }
  if (pairs == 0) return std::nullopt;
  out.pearson_delta /= double(pairs);
  out.discrimination /= double(pairs);
  return out;
}

VCELL_INSTANTIATE(models, std::optional<ShiftScores> ValidationShifts::scores<void>(size_t) const);

VCELL_END_NAMESPACE
