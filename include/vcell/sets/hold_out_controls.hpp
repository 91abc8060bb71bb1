#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "vcell/sets/hold_out_cells.hpp"

VCELL_BEGIN_NAMESPACE

/// Whose cells the controls of a context are inputs of.
enum class ControlUse {
  shared,   ///< of every part: what a model is scored with may have been its input in training
  disjoint  ///< each of its own part alone
};

constexpr std::array<std::string_view, 2> choices(ControlUse) { return {"shared", "disjoint"}; }

/// Which shares of a context's control cells are for validation and test alone.
struct HeldOutControls {
  double validation = 0.16;  ///< of a context's controls, in [0, 1)
  double test = 0.2;         ///< of a context's controls, in [0, 1); both together below 1
  uint64_t seed = 42;        ///< which cells

  friend bool operator==(const HeldOutControls&, const HeldOutControls&) = default;
};

/// @throws ConfigError if a share is not in [0, 1) or both together are not below 1
template <class = void>
void check_held_out_controls(const HeldOutControls& held) {
  if (!(held.validation >= 0 && held.test >= 0 && held.validation + held.test < 1))
    throw ConfigError(message("hold_out_controls: the shares of controls held out are ",
                              held.validation, " for validation and ", held.test,
                              " for test, expected numbers from 0 whose sum is below 1"));
}

/// Moves controls out of train: of the n training controls of each context round(n * test) to test
/// and round(n * validation) to validation (halves up), at least one for a share above 0 and at
/// least one left in train, as far as they reach: test before validation. Where the screen has
/// batches, each gives of its own in proportion, to within one cell of it. Which ones depends on
/// the seed and the context's name, not on other contexts; controls of contexts that do not train
/// stay in their part.
/// @param parts  (cells)
/// @throws ConfigError as check_held_out_controls
template <class = void>
void hold_out_controls(const Screen& screen, const HeldOutControls& held, std::span<Part> parts) {
  check_size_match("hold_out_controls", "parts", parts.size(), "cells", screen.cells());
  check_held_out_controls(held);
  const auto wanted = [](double share, size_t n, size_t left) {
    return std::min(share > 0 ? std::max<size_t>(1, detail::rounded_share(share, n)) : 0, left);
  };
  // Every so-many-th cell, so that each stretch, such as a batch, gives its share.
  const auto take = [&](std::vector<size_t>& cells, size_t count, Part part) {
    std::vector<size_t> rest;
    const size_t n = cells.size();
    for (size_t i = 0; i < n; ++i) {
      const bool taken = (i + 1) * count / n > i * count / n;
      if (taken)
        parts[cells[i]] = part;
      else
        rest.push_back(cells[i]);
    }
    cells = std::move(rest);
  };
  const auto trains = [&](size_t cell) {
    return parts[cell] == Part::train && screen.is_control(cell);
  };
  for (CellGroup& group : cell_groups(screen, trains)) {
    Rng rng(held.seed,
            stream_of(message("hold_out_controls\n", screen.context.names[size_t(group.context)])));
    auto& cells = group.cells;
    shuffle(cells.begin(), cells.end(), rng);
    if (screen.has_batches())
      std::stable_sort(cells.begin(), cells.end(), [&](size_t a, size_t b) {
        return screen.batch.codes[a] < screen.batch.codes[b];
      });
    const size_t n = cells.size();
    const size_t test = wanted(held.test, n, n - 1);
    const size_t validation = wanted(held.validation, n, n - 1 - test);
    take(cells, test, Part::test);
    take(cells, validation, Part::validation);
  }
}

VCELL_END_NAMESPACE
