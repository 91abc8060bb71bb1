#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <vector>

#include "vcell/core/rng.hpp"
#include "vcell/models/fit_feature_regression.hpp"
#include "vcell/models/pair_shifts.hpp"

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
/// With features of perturbations there is a second anchor: what a regression from features says of
/// the perturbation, fitted to those of other folds (out_of_fold_shifts), so that training meets
/// what is known of a perturbation that no context trains on. A set of a perturbation that has both
/// takes either (choose).
class TrainingAnchors {
 public:
  /// @param screen  the whole screen, the model's genes
  /// @param parts   (cells) anchors are made of Part::train alone; single cells become Part::unused
  /// @param seed    of the halves and folds
  /// @param features  of the perturbations that are trained and validated on, for the second
  /// anchor;
  ///                  null: there is none
  /// @throws ConfigError if a context with training cells has no control cells, or a perturbation
  ///         no features
  template <class = void>
  TrainingAnchors(const Screen& screen, std::span<Part> parts, uint64_t seed,
                  const PerturbationFeatures* features = nullptr)
      : control_(screen.control),
        contexts_(screen.context.names),
        perturbations_(screen.perturbation.names),
        zero_(screen.genes.size(), 0.f) {
    check_size_match("TrainingAnchors", "parts", parts.size(), "cells", screen.cells());
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
      auto from = pairs_of(whole, group.perturbation, group.context);
      if (from.empty()) from = pairs_of(whole, group.perturbation);
      if (!from.empty())
        add({group.context, group.perturbation, -1}, shrunk_mean(whole, from, shrinkage_));
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
    if (has_features_ && (draw % 2 == 1 || !find(group, group.stratum)))
      return {known(group, from_features), true};
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
    std::vector<std::pair<int32_t, int32_t>> asked;
    for (const CellGroup& group : cell_groups(screen, [&](size_t i) {
           return !screen.is_control(i) &&
                  (parts[i] == Part::train || parts[i] == Part::validation);
         }))
      asked.emplace_back(group.context, group.perturbation);
    const FeatureFitter<> fitter(shifts, features, perturbations_, contexts_.size());
    const auto told =
        out_of_fold_shifts(fitter, fitter.fit(), asked, features, perturbations_, seed);
    for (size_t i = 0; i < asked.size(); ++i)
      anchors_.push_back(
          {{asked[i].first, asked[i].second, from_features}, {told[i].begin(), told[i].end()}});
    has_features_ = true;
  }

  template <class = void>
  void add(const Key& key, const std::vector<double>& anchor) {
    anchors_.push_back({key, std::vector<float>(anchor.begin(), anchor.end())});
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
      if (contexts[size_t(group.perturbation)] > 1) continue;
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
  double shrinkage_ = 2;
  bool has_features_ = false;
  std::vector<Known> anchors_;  // ascending
};

VCELL_END_NAMESPACE
