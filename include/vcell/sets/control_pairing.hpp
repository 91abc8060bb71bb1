#pragma once

#include <array>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "vcell/core/rng.hpp"
#include "vcell/sets/cell_groups.hpp"

VCELL_BEGIN_NAMESPACE

/// Which of the controls that a cell may be paired with it gets.
enum class ControlMapping {
  random,  ///< one that is drawn anew at every visit
  cached,  ///< one that is drawn once: a cell has the same control at every visit
  cycle    ///< the next in a random order, so that all are used as often
};

constexpr std::array<std::string_view, 3> choices(ControlMapping) {
  return {"random", "cached", "cycle"};
}

struct ControlPairingOptions {
  /// Whether a cell's controls are of its own batch. A batch without controls falls back to the
  /// whole context (see ControlPairing::fallbacks). Needs a screen with batches.
  bool within_batch = false;
  ControlMapping mapping = ControlMapping::random;
  /// Of which part the cells are, where the screen keeps controls apart (Screen::control_parts);
  /// else it says nothing.
  std::optional<Part> part = {};
};

/// The control cells that a cell may be paired with: those of its context, of any part or of its
/// own where controls are kept apart, and of its batch if asked for. The screen must outlive this
/// object.
class ControlPairing {
 public:
  /// Cells whose batch has no controls in their context.
  struct Fallback {
    int32_t context = 0, batch = 0;
    size_t cells = 0;  ///< perturbed ones
  };

  /// @throws ConfigError if within_batch is asked of a screen without batches, or no part is named
  ///         and the screen keeps controls apart
  template <class = void>
  explicit ControlPairing(const Screen& screen, const ControlPairingOptions& options = {})
      : screen_(&screen),
        batches_(options.within_batch ? screen.batch.names.size() : 1),
        part_(screen.control_parts.empty() ? std::nullopt : options.part) {
    check_screen(screen);
    if (!screen.control_parts.empty() && !part_)
      throw ConfigError(
          "ControlPairing: the screen keeps controls apart by part, and "
          "ControlPairingOptions::part does not say which part is paired");
    const auto control = [&](size_t cell) {
      return part_ ? screen.serves(cell, *part_) : screen.is_control(cell);
    };
    const auto groups = cell_groups(screen, control, options.within_batch);
    const size_t contexts = screen.context.names.size();
    begin_.assign(contexts * batches_ + 1, 0);
    for (const CellGroup& group : groups) {
      begin_[place(group.context, group.batch) + 1] = group.cells.size();
      controls_.insert(controls_.end(), group.cells.begin(), group.cells.end());
    }
    for (size_t i = 0; i + 1 < begin_.size(); ++i) begin_[i + 1] += begin_[i];
    if (!options.within_batch) return;
    std::map<std::pair<int32_t, int32_t>, size_t> without;
    for (size_t cell = 0; cell < screen.cells(); ++cell)
      if (!screen.is_control(cell) && of_batch(cell).empty())
        ++without[{screen.context.codes[cell], screen.batch.codes[cell]}];
    for (const auto& [where, cells] : without)
      fallbacks_.push_back({where.first, where.second, cells});
  }

  /// All control cells of a context, ascending within a batch.
  /// @throws ConfigError if there are none
  template <class = void>
  std::span<const size_t> controls(int32_t context) const {
    check_index("ControlPairing::controls", "context", size_t(context),
                screen_->context.names.size());
    const size_t first = begin_[size_t(context) * batches_];
    const size_t last = begin_[(size_t(context) + 1) * batches_];
    if (first == last)
      throw ConfigError(message(
          "ControlPairing: context ", quoted(screen_->context.names[size_t(context)]),
          " has no control cells (", quoted(screen_->perturbation.names[size_t(screen_->control)]),
          ")", part_ ? message(" of ", name_of(*part_)) : "", " to predict from"));
    return std::span(controls_).subspan(first, last - first);
  }

  /// The control cells that a cell may be paired with.
  /// @throws ConfigError if its context has none
  template <class = void>
  std::span<const size_t> controls_of_cell(size_t cell) const {
    const auto own = of_batch(cell);
    return own.empty() ? controls(screen_->context.codes[cell]) : own;
  }

  /// The control of a cell that keeps it: a function of cell and seed alone.
  template <class = void>
  size_t cached(size_t cell, uint64_t seed) const {
    Rng rng(seed, stream_of("cached controls"));
    rng.seek(uint64_t(cell) << 16);  // one never takes as many draws
    return draw(cell, rng);
  }

  /// Controls of cells one after the other, each of those that a cell may be paired with in turn:
  /// in a random order, and when all were used in another one.
  /// @param cells  no_cell stays no_cell
  template <class = void>
  std::vector<size_t> cycle(std::span<const size_t> cells, Rng& rng) const {
    struct Order {
      std::vector<size_t> controls;
      size_t used = 0;
    };
    std::map<std::pair<const size_t*, size_t>, Order> orders;  // by where the controls are
    std::vector<size_t> out(cells.begin(), cells.end());
    for (size_t& cell : out) {
      if (cell == no_cell) continue;
      const auto from = controls_of_cell(cell);
      Order& order = orders[{from.data(), from.size()}];
      if (order.controls.empty()) order = {{from.begin(), from.end()}, from.size()};
      if (order.used == from.size()) {
        shuffle(order.controls.begin(), order.controls.end(), rng);
        order.used = 0;
      }
      cell = order.controls[order.used++];
    }
    return out;
  }

  /// One of them, each as likely as the others, drawn with replacement.
  template <class = void>
  size_t draw(size_t cell, Rng& rng) const {
    const auto from = controls_of_cell(cell);
    return from[rng.below(from.size())];
  }

  /// Where batches have perturbed cells and no controls, so that the context's controls are used.
  const std::vector<Fallback>& fallbacks() const { return fallbacks_; }

 private:
  template <class = void>
  size_t place(int32_t context, int32_t batch) const {
    return size_t(context) * batches_ + (batch < 0 ? 0 : size_t(batch));
  }
  template <class = void>
  std::span<const size_t> of_batch(size_t cell) const {
    const size_t i =
        place(screen_->context.codes[cell], batches_ > 1 ? screen_->batch.codes[cell] : 0);
    return std::span(controls_).subspan(begin_[i], begin_[i + 1] - begin_[i]);
  }

  const Screen* screen_;
  size_t batches_;                // that controls are told apart by; 1 when they are not
  std::optional<Part> part_;      // whose controls these are; nothing: of every part
  std::vector<size_t> controls_;  // rows by context, then batch
  std::vector<size_t> begin_;     // (contexts * batches + 1) places in controls_
  std::vector<Fallback> fallbacks_;
};

VCELL_END_NAMESPACE
