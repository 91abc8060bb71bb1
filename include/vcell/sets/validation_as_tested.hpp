#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/sets/combination.hpp"
#include "vcell/sets/validation_pairs.hpp"

VCELL_BEGIN_NAMESPACE

/// What was drawn for validation.
struct DrawnValidation {
  size_t pairs = 0;          ///< of context and perturbation, which trains in another context
  size_t perturbations = 0;  ///< with all of their training cells
};

namespace detail {

/// What tells of a perturbation that is predicted: its other contexts; where it trains in none, its
/// parts, its other doses, or its features alone.
enum class ToldBy { contexts, parts, doses, features };

/// What trains of each perturbation, and what that tells of the others.
template <class = void>
class TrainedPerturbations {
 public:
  /// @param by_features  what nothing else tells of is told by features; else by nothing
  TrainedPerturbations(const Screen& screen, std::span<const Part> parts,
                       const ScreenOptions& labels, bool by_features)
      : control_(screen.control), by_features_(by_features) {
    const auto& names = screen.perturbation.names;
    cells_.assign(names.size(), 0);
    for (size_t i = 0; i < parts.size(); ++i)
      cells_[size_t(screen.perturbation.codes[i])] += parts[i] == Part::train;
    for (const std::string& name : names) {
      const auto dosed = dose_of(name, labels);
      plain_.push_back(dosed ? dosed->name : name);
      std::vector<int32_t> pieces;
      for (const std::string& piece : parts_of(name, labels))
        pieces.push_back(screen.perturbation.code(piece));
      pieces_.push_back(std::move(pieces));
    }
    const Factor plain = factor(plain_);
    plain_codes_ = plain.codes;
    doses_.assign(plain.names.size(), {});
    for (size_t p = 0; p < names.size(); ++p) doses_[size_t(plain.codes[p])].push_back(p);
  }

  ToldBy told(size_t p) const {
    if (cells_[p] || int32_t(p) == control_) return ToldBy::contexts;
    if (by_parts(p)) return ToldBy::parts;
    if (by_doses(p)) return ToldBy::doses;
    return by_features_ ? ToldBy::features : ToldBy::contexts;
  }

  /// Perturbations that can be held out together so that they are told of in that way, if nothing
  /// else is held out; each by its name in the order that they are drawn by.
  std::vector<std::pair<std::string, std::vector<size_t>>> candidates(
      ToldBy how, const std::vector<std::string>& names) const {
    std::vector<std::pair<std::string, std::vector<size_t>>> out;
    for (size_t p = 0; p < names.size(); ++p) {
      if (!cells_[p] || int32_t(p) == control_) continue;
      if (how == ToldBy::parts ? by_parts(p) : how == ToldBy::doses && !by_parts(p) && by_doses(p))
        out.push_back({names[p], {p}});
      if (how != ToldBy::features || !pieces_[p].empty()) continue;
      std::vector<size_t> all;  // doses that train
      for (const size_t dose : doses_[size_t(plain_codes_[p])])
        if (cells_[dose]) all.push_back(dose);
      if (all[0] == p) out.push_back({plain_[p], std::move(all)});
    }
    return out;
  }

  /// Takes perturbations out of training, if these and what was taken before are then told of in
  /// that way.
  bool take(const std::vector<size_t>& perturbations, ToldBy how) {
    std::vector<size_t> before;
    for (const size_t p : perturbations) before.push_back(std::exchange(cells_[p], 0));
    const auto stays = [&](const auto& taken) { return told(taken.first) == taken.second; };
    const auto is_told = [&](size_t p) { return told(p) == how; };
    if (std::ranges::all_of(perturbations, is_told) && std::ranges::all_of(taken_, stays)) {
      for (const size_t p : perturbations) taken_.emplace_back(p, how);
      return true;
    }
    for (size_t i = 0; i < before.size(); ++i) cells_[perturbations[i]] = before[i];
    return false;
  }

 private:
  // A perturbation of which a single cell trains tells nothing (TrainingAnchors).
  bool by_parts(size_t p) const {
    return !pieces_[p].empty() && std::ranges::all_of(pieces_[p], [&](int32_t piece) {
      return piece >= 0 && cells_[size_t(piece)] > 1;
    });
  }
  bool by_doses(size_t p) const {
    return std::ranges::any_of(doses_[size_t(plain_codes_[p])],
                               [&](size_t other) { return other != p && cells_[other] > 1; });
  }

  int32_t control_;
  bool by_features_;
  std::vector<size_t> cells_;                 // (perturbations) that train
  std::vector<std::string> plain_;            // (perturbations) names without doses
  std::vector<int32_t> plain_codes_;          // (perturbations) which of these
  std::vector<std::vector<size_t>> doses_;    // (plain names) perturbations
  std::vector<std::vector<int32_t>> pieces_;  // (perturbations) of combinations; -1: never alone
  std::vector<std::pair<size_t, ToldBy>> taken_;
};

}  // namespace detail

/// Sees to it that a model is validated on what is asked of it: when no perturbed cell is in
/// validation, what is held out for it is of the kinds that are in test. Of the pairs (context,
/// perturbation) in test a share s is of perturbations that train in another context, and others of
/// perturbations that train in none, told of by their parts, their other doses or their features
/// alone. So
///
/// - pairs move by add_validation_pairs, with s times the share that is asked for;
/// - of the n trained perturbations that could be told of in one of the other ways, of which a
///   share t of the pairs in test is, max(1, floor(n * share * t)) move with all their training
///   cells, but never the last, in an order drawn for each by the seed and its name alone. By
///   features a perturbation moves with all its doses. Fewer may move: those that moved must be
///   told of by what still trains.
///
/// Where test has pairs of the first kind alone, or none, that is add_validation_pairs; where none
/// of the others can move, too.
/// @param parts   (cells)
/// @param labels  what is a combination, and what a dose
/// @throws ConfigError, ShapeError as add_validation_pairs
template <class = void>
DrawnValidation add_validation_as_tested(const Screen& screen, std::span<Part> parts,
                                         const ScreenOptions& labels,
                                         const ValidationPairOptions& options = {}) {
  using detail::ToldBy;
  check_size_match("add_validation_as_tested", "parts", parts.size(), "cells", screen.cells());
  detail::check_validation_share(options);
  const auto groups = cell_groups(screen, [&](size_t cell) {
    return parts[cell] != Part::train && parts[cell] != Part::unused && !screen.is_control(cell);
  });
  const auto is_validated = [&](const CellGroup& group) {
    return std::ranges::any_of(group.cells,
                               [&](size_t cell) { return parts[cell] == Part::validation; });
  };
  const auto pairs_alone = [&](double share) {
    return DrawnValidation{
        .pairs = add_validation_pairs(screen, parts, {.share = share, .seed = options.seed})};
  };
  if (groups.empty() || std::ranges::any_of(groups, is_validated))
    return pairs_alone(options.share);
  const bool by_features = !untold_perturbations(screen, parts, labels).empty();
  std::array<size_t, 4> tested{};  // pairs of each kind
  const detail::TrainedPerturbations<> split(screen, parts, labels, by_features);
  for (const CellGroup& group : groups) ++tested[size_t(split.told(size_t(group.perturbation)))];
  const auto share_of = [&](ToldBy how) {
    return double(tested[size_t(how)]) / double(groups.size());
  };
  if (tested[size_t(ToldBy::contexts)] == groups.size() || options.share == 0)
    return pairs_alone(options.share);
  DrawnValidation out;
  if (share_of(ToldBy::contexts) > 0) out = pairs_alone(options.share * share_of(ToldBy::contexts));
  detail::TrainedPerturbations<> trained(screen, parts, labels, by_features);
  std::vector<uint8_t> moves(screen.perturbation.names.size(), 0);
  // Combinations last: what they are made of, and could be held out itself, is known by then.
  for (const ToldBy how : {ToldBy::features, ToldBy::doses, ToldBy::parts}) {
    if (share_of(how) == 0) continue;
    const auto candidates = trained.candidates(how, screen.perturbation.names);
    std::vector<std::pair<uint64_t, size_t>> order;
    for (size_t i = 0; i < candidates.size(); ++i) {
      Rng rng(options.seed, stream_of(message("add_validation_as_tested\n", candidates[i].first)));
      order.emplace_back(rng.next(), i);
    }
    std::sort(order.begin(), order.end());
    const size_t n = candidates.size();
    const size_t wanted =
        n < 2
            ? 0
            : std::clamp<size_t>(detail::floored_share(options.share * share_of(how), n), 1, n - 1);
    size_t moved = 0;
    for (const auto& place : order) {
      if (moved == wanted) break;
      const auto& perturbations = candidates[place.second].second;
      if (!trained.take(perturbations, how)) continue;
      ++moved;
      out.perturbations += perturbations.size();
      for (const size_t p : perturbations) moves[p] = 1;
    }
  }
  if (out.perturbations == 0 && out.pairs == 0) return pairs_alone(options.share);
  for (size_t i = 0; i < parts.size(); ++i)
    if (parts[i] == Part::train && moves[size_t(screen.perturbation.codes[i])])
      parts[i] = Part::validation;
  return out;
}

VCELL_INSTANTIATE(data,
                  DrawnValidation add_validation_as_tested<void>(const Screen&, std::span<Part>,
                                                                 const ScreenOptions&,
                                                                 const ValidationPairOptions&));

VCELL_END_NAMESPACE
