#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <vector>

#include "vcell/core/name_places.hpp"
#include "vcell/core/rng.hpp"
#include "vcell/models/fit_feature_regression.hpp"
#include "vcell/models/pair_shifts.hpp"
#include "vcell/models/shift_at_dose.hpp"

VCELL_BEGIN_NAMESPACE

/// What every set of an anchored model starts from in training: the shrunk mean shift of its
/// perturbation over the training contexts other than its own, so that training meets what
/// prediction meets.
///
/// A perturbation that trains in one context only would be learnt whole by the model, and then come
/// a second time, by its anchor, in another context. Its training cells are dealt into two halves,
/// sets are cut within a half (strata()), and the anchor of a set is the shift of the other half.
/// In validation its anchor is the shift of all its cells, as in prediction. One that has a single
/// training cell has no halves: the cell is taken out of training.
///
/// Control sets have the anchor 0.
///
/// A combination whose parts train alone has the sum of their mean shifts over all contexts, also
/// its own: what it adds is learnt, and its own cells tell nothing of its anchor. Others are as any
/// perturbation.
///
/// A perturbation at a dose is one of its own; where that dose is validated and trains nowhere, its
/// other doses tell its anchor (shift_at_dose).
///
/// With features of perturbations there is a second anchor: what a regression from features says of
/// the perturbation, fitted to those of other folds (out_of_fold_shifts), so that training meets
/// what is known of a perturbation that no context trains on. A set of a perturbation that has both
/// takes either (choose).
class TrainingAnchors {
 public:
  /// @param screen  the whole screen, the model's genes
  /// @param parts   (cells) anchors are made of Part::train alone; single cells become Part::unused
  /// @param seed    of the halves and folds
  /// @param features  of the perturbations that are trained and validated on, for the second of
  ///                  two anchors; null: there is one
  /// @param combinations  which perturbations are combinations, and of what, and which are at
  ///                      doses; null: none are
  /// @throws ConfigError if a context with training cells has no control cells, or a perturbation
  ///         no features
  template <class = void>
  TrainingAnchors(const Screen& screen, std::span<Part> parts, uint64_t seed,
                  const PerturbationFeatures* features = nullptr,
                  const PerturbationFeatures* combinations = nullptr)
      : control_(screen.control),
        contexts_(screen.context.names),
        perturbations_(screen.perturbation.names),
        zero_(screen.genes.size(), 0.f) {
    check_size_match("TrainingAnchors", "parts", parts.size(), "cells", screen.cells());
    find_pieces(screen, parts, combinations);
    deal(screen, parts, seed);
    const PairShifts whole = pair_shifts(screen, parts);
    const auto learnt = [&](size_t i) {
      return parts[i] == Part::train || parts[i] == Part::validation;
    };
    shrinkage_ = choose_shrinkage(whole, pair_shifts(screen, learnt));
    const auto trained = [&](size_t i) { return parts[i] == Part::train; };
    const PairShifts halves = pair_shifts(screen, trained, strata_);
    for (size_t i = 0; i < halves.pairs(); ++i) {
      const int32_t c = halves.context[i], p = halves.perturbation[i], h = halves.stratum[i];
      if (told_[size_t(p)]) {
        add({c, p, h}, sum_of_parts(whole, p));
        continue;
      }
      if (h == 0) {
        add({c, p, h}, shrunk_mean(whole, pairs_of(whole, p, c), shrinkage_));
        continue;
      }
      std::vector<size_t> other;  // halves are 1 and 2
      for (size_t j = 0; j < halves.pairs(); ++j)
        if (halves.perturbation[j] == p && halves.stratum[j] == 3 - h) other.push_back(j);
      add({c, p, h}, shrunk_mean(halves, other, shrinkage_));
    }
    const auto validated = [&](size_t i) {
      return parts[i] == Part::validation && !screen.is_control(i);
    };
    for (const CellGroup& group : cell_groups(screen, validated)) {
      if (told_[size_t(group.perturbation)]) {
        add({group.context, group.perturbation, -1}, sum_of_parts(whole, group.perturbation));
        continue;
      }
      auto from = pairs_of(whole, group.perturbation, group.context);
      if (from.empty()) from = pairs_of(whole, group.perturbation);
      if (!from.empty())
        add({group.context, group.perturbation, -1}, shrunk_mean(whole, from, shrinkage_));
      else if (const auto shift = by_other_doses(whole, group, combinations); !shift.empty())
        add({group.context, group.perturbation, -1}, shift);
    }
    if (features) add_features(screen, parts, whole, *features, seed);
    std::sort(anchors_.begin(), anchors_.end(),
              [](const Known& a, const Known& b) { return a.key < b.key; });
  }

  /// (cells) 0, or which half of its perturbation's training cells a cell is in: 1 or 2. For
  /// CellSetOptions::strata of the training sets.
  std::span<const int32_t> strata() const { return strata_; }
  /// k of shrunk_mean, by choose_shrinkage.
  double shrinkage() const { return shrinkage_; }
  /// Codes of perturbations with a single training cell, which are not trained on.
  const std::vector<int32_t>& untrained() const { return untrained_; }

  /// The anchor of the sets of a group, (genes).
  /// @param group  of training with strata(), or of validation without strata
  /// @throws ConfigError if nothing is known of the group's perturbation
  template <class = void>
  std::span<const float> operator()(const CellGroup& group) const {
    if (group.perturbation == control_) return zero_;
    return known(group, group.stratum);
  }

  /// The anchor of one set, and whether it is from features.
  struct Chosen {
    std::span<const float> anchor;
    bool by_features = false;
  };
  /// Of the two anchors of a group, where it has two, that from features if the draw is odd.
  /// @throws ConfigError as above
  template <class = void>
  Chosen choose(const CellGroup& group, uint64_t draw) const {
    if (group.perturbation == control_) return {zero_, false};
    const auto* features = has_features_ ? find(group, from_features) : nullptr;
    if (features && (draw % 2 == 1 || !find(group, group.stratum))) return {*features, true};
    return {known(group, group.stratum), false};
  }
  bool has_features() const { return has_features_; }

 private:
  using Key = std::array<int32_t, 3>;  // context, perturbation, stratum
  struct Known {
    Key key;
    std::vector<float> anchor;
  };
  static constexpr int32_t from_features = -2;  // in place of a stratum

  template <class = void>
  const std::vector<float>* find(const CellGroup& group, int32_t stratum) const {
    const Key key = {group.context, group.perturbation, stratum};
    const auto found =
        std::lower_bound(anchors_.begin(), anchors_.end(), key,
                         [](const Known& known, const Key& wanted) { return known.key < wanted; });
    return found == anchors_.end() || found->key != key ? nullptr : &found->anchor;
  }
  template <class = void>
  std::span<const float> known(const CellGroup& group, int32_t stratum) const {
    const auto* found = find(group, stratum);
    if (!found)
      throw ConfigError(message("TrainingAnchors: no training cell tells the shift of ",
                                quoted(perturbations_[size_t(group.perturbation)]), " in context ",
                                quoted(contexts_[size_t(group.context)]),
                                "; leave its cells out of validation, or train without an anchor"));
    return *found;
  }

  template <class = void>
  void add_features(const Screen& screen, std::span<const Part> parts, const PairShifts& shifts,
                    const PerturbationFeatures& features, uint64_t seed) {
    // Combinations are told of by their parts.
    const PairShifts alone = select_pairs(
        shifts, [&](size_t i) { return pieces_[size_t(shifts.perturbation[i])].empty(); });
    const auto groups = cell_groups(screen, [&](size_t i) {
      return !screen.is_control(i) && (parts[i] == Part::train || parts[i] == Part::validation);
    });
    std::vector<std::pair<int32_t, int32_t>> asked;
    std::vector<size_t> end;  // of each group's own
    for (const CellGroup& group : groups) {
      const auto& pieces = pieces_[size_t(group.perturbation)];
      if (pieces.empty()) asked.emplace_back(group.context, group.perturbation);
      if (std::ranges::all_of(pieces, [](int32_t piece) { return piece >= 0; }))
        for (const int32_t piece : pieces) asked.emplace_back(group.context, piece);
      end.push_back(asked.size());
    }
    const FeatureFitter<> fitter(alone, features, perturbations_, contexts_.size());
    const auto told =
        out_of_fold_shifts(fitter, fitter.fit(), asked, features, perturbations_, seed);
    for (size_t k = 0, i = 0; k < groups.size(); ++k) {
      if (i == end[k]) continue;  // a combination with a part that no cell of the screen has alone
      std::vector<float> sum(zero_.size(), 0.f);
      for (; i < end[k]; ++i)
        for (size_t g = 0; g < sum.size(); ++g) sum[g] += told(i, g);
      anchors_.push_back(
          {{groups[k].context, groups[k].perturbation, from_features}, std::move(sum)});
    }
    has_features_ = true;
  }

  template <class = void>
  void add(const Key& key, const std::vector<double>& anchor) {
    anchors_.push_back({key, std::vector<float>(anchor.begin(), anchor.end())});
  }

  /// Finds the parts of combinations, and which of these all train alone.
  template <class = void>
  void find_pieces(const Screen& screen, std::span<const Part> parts,
                   const PerturbationFeatures* combinations) {
    const auto& names = screen.perturbation.names;
    pieces_.assign(names.size(), {});
    told_.assign(names.size(), 0);
    if (!combinations) return;
    std::vector<size_t> cells(names.size(), 0);
    for (size_t i = 0; i < parts.size(); ++i)
      cells[size_t(screen.perturbation.codes[i])] += parts[i] == Part::train;
    for (size_t p = 0; p < names.size(); ++p) {
      if (!combinations->has(names[p])) continue;
      for (const size_t place : combinations->parts(combinations->place(names[p])))
        pieces_[p].push_back(screen.perturbation.code(combinations->names()[place]));
      // One with a single cell is not trained on (deal).
      told_[p] = !pieces_[p].empty() && std::ranges::all_of(pieces_[p], [&](int32_t piece) {
        return piece >= 0 && cells[size_t(piece)] > 1;
      });
    }
  }
  template <class = void>
  std::vector<double> sum_of_parts(const PairShifts& whole, int32_t combination) const {
    std::vector<double> sum(zero_.size(), 0);
    for (const int32_t piece : pieces_[size_t(combination)]) {
      const auto mean = shrunk_mean(whole, pairs_of(whole, piece), shrinkage_);
      for (size_t g = 0; g < sum.size(); ++g) sum[g] += mean[g];
    }
    return sum;
  }

  /// What other doses of a perturbation say of it at a dose.
  template <class = void>
  std::vector<double> by_other_doses(const PairShifts& whole, const CellGroup& group,
                                     const PerturbationFeatures* doses) const {
    const std::string& name = perturbations_[size_t(group.perturbation)];
    if (!doses || !doses->has(name) || !doses->is_dosed(doses->place(name))) return {};
    const NamePlaces codes(perturbations_);
    std::vector<CodeAtDose> others;
    for (const size_t other : doses->other_doses(doses->place(name)))
      if (const auto code = codes.find(doses->names()[other]))
        others.push_back({int32_t(*code), doses->at_dose(other).amount});
    return shift_at_dose(whole, doses->at_dose(doses->place(name)).amount, group.context, others);
  }

  /// Deals the cells of perturbations that train in one context only.
  template <class = void>
  void deal(const Screen& screen, std::span<Part> parts, uint64_t seed) {
    strata_.assign(screen.cells(), 0);
    const auto groups = cell_groups(screen, [&](size_t cell) {
      return parts[cell] == Part::train && !screen.is_control(cell);
    });
    std::vector<size_t> contexts(screen.perturbation.names.size(), 0);
    for (const CellGroup& group : groups) ++contexts[size_t(group.perturbation)];
    for (const CellGroup& group : groups) {
      if (contexts[size_t(group.perturbation)] > 1 || told_[size_t(group.perturbation)]) continue;
      const size_t n = group.cells.size();
      if (n == 1) {
        parts[group.cells[0]] = Part::unused;
        untrained_.push_back(group.perturbation);
        continue;
      }
      Rng rng(seed, stream_of(message("halves\n",
                                      screen.perturbation.names[size_t(group.perturbation)])));
      const auto order = permutation(n, rng);
      for (size_t i = 0; i < n; ++i) strata_[group.cells[order[i]]] = i < n / 2 ? 1 : 2;
    }
  }

  int32_t control_;
  std::vector<std::string> contexts_, perturbations_;
  std::vector<float> zero_;
  std::vector<int32_t> strata_, untrained_;
  std::vector<std::vector<int32_t>> pieces_;  // (perturbations) of combinations; -1: never alone
  std::vector<uint8_t> told_;                 // (perturbations) whether all its parts train alone
  double shrinkage_ = 2;
  bool has_features_ = false;
  std::vector<Known> anchors_;  // ascending
};

VCELL_END_NAMESPACE
