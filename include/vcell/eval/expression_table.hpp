#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vcell/eval/differential_expression.hpp"

VCELL_BEGIN_NAMESPACE

/// How much of a table of differential expression is in memory at a time.
struct ExpressionMemory {
  /// Tables that take at most this are measured or read once and kept; of larger ones a block is
  /// made whenever it is asked for.
  size_t kept_bytes = size_t(256) << 20;
  /// What a block of for_each_expression_block takes of a table that is not kept; one target at
  /// least.
  size_t block_bytes = size_t(128) << 20;
};

/// What the numbers of one target take in memory, for each of its features.
template <class = void>
size_t expression_entry_bytes() {
  size_t bytes = 0;
  const DifferentialExpression table;
  for_each_column([&]<class T>(const Tensor<T, 2>&) { bytes += sizeof(T); }, table);
  return bytes;
}

namespace detail {

/// Whether a table is small enough to be kept.
template <class = void>
bool is_kept_in(const ExpressionMemory& memory, const ExpressionNames& names) {
  return names.targets.size() * names.features.size() * expression_entry_bytes() <=
         memory.kept_bytes;
}

/// @throws ShapeError if the numbers of a table are not as many as its names say
template <class = void>
void check_shapes(const DifferentialExpression& de) {
  constexpr auto function = "ExpressionTable";
  const size_t targets = de.targets.size(), features = de.features.size();
  check_size_match(function, "numbers of cells", de.target_membership.size(), "targets", targets);
  check_size_match(function, "means of the reference", de.ref_mean.shape(1), "features", features);
  check_size_match(function, "rows of means of the reference", de.ref_mean.shape(0),
                   de.against_others ? "targets" : "references", de.against_others ? targets : 1);
  const auto check = [&](const auto& column) {
    check_size_match(function, "rows of a column", column.shape(0), "targets", targets);
    check_size_match(function, "entries of a row", column.shape(1), "features", features);
  };
  for_each_column(check, de);
  for_each_optional_column(
      [&](const auto& column) {
        if (column.count()) check(column);
      },
      de);
}

/// What the copies of a table share.
struct ExpressionTableState {
  ExpressionNames names;
  std::shared_ptr<const DifferentialExpression> whole;  // null: made when asked for
  std::function<DifferentialExpression(std::span<const size_t>, const Progress&)> measure;
  ExpressionMemory memory;

  template <class = void>
  DifferentialExpression rows(std::span<const size_t> targets, const Progress& progress) const;
};

template <class>
DifferentialExpression ExpressionTableState::rows(std::span<const size_t> targets,
                                                  const Progress& progress) const {
  if (!whole) {
    DifferentialExpression out = measure(targets, progress);
    static_cast<ExpressionNames&>(out) = select_names(names, targets);
    check_shapes(out);
    return out;
  }
  DifferentialExpression out = make_expression(select_names(names, targets));
  out.geometric_mean = whole->geometric_mean;
  const auto copy = [&](auto& to, const auto& from) {
    for (size_t i = 0; i < targets.size(); ++i)
      std::copy_n(from[targets[i]].data, from.shape(1), to[i].data);
  };
  for_each_column(copy, out, *whole);
  if (names.against_others)
    copy(out.ref_mean, whole->ref_mean);
  else
    out.ref_mean = whole->ref_mean;
  const auto copy_optional = [&]<class T>(Tensor<T, 2>& to, const Tensor<T, 2>& from) {
    if (!from.count()) return;
    to = Tensor<T, 2>({targets.size(), names.features.size()});
    copy(to, from);
  };
  for_each_optional_column(copy_optional, out, *whole);
  return out;
}

}  // namespace detail

/// A table of differential expression that is given in blocks of targets, so that one that is
/// larger than memory can be read through: for_each_expression_block. Its numbers are in memory, or
/// are measured or read from a file for each block that is asked for; what they come from lives as
/// long as the table and its copies, which share it. Nothing of it changes.
class ExpressionTable {
 public:
  /// The numbers of some targets, which are given as places in the names, ascending; to be filled
  /// into make_expression(select_names(names, targets)). What is found of a target may not depend
  /// on the others that are asked for.
  using Measure =
      std::function<DifferentialExpression(std::span<const size_t> targets, const Progress&)>;

  /// No target and no feature.
  template <class = void>
  ExpressionTable();

  /// A table that is in memory. Move it in where it is not needed any more.
  /// @throws ShapeError if its numbers are not as many as its names say
  template <class = void>
  ExpressionTable(DifferentialExpression whole);

  /// A table that a function measures: at once and whole where it is small enough to be kept, else
  /// in blocks, each time that they are asked for.
  /// @param measure   kept by the table, and called by whichever thread reads it
  /// @param progress  given to `measure` now; later calls have their own
  /// @throws ShapeError if the numbers are not as many as the names say; whatever `measure` throws
  template <class = void>
  ExpressionTable(ExpressionNames names, Measure measure, const ExpressionMemory& memory = {},
                  const Progress& progress = {});

  const std::vector<std::string>& targets() const { return state_->names.targets; }
  const std::vector<std::string>& features() const { return state_->names.features; }
  /// How many cells each target has.
  const std::vector<size_t>& target_membership() const { return state_->names.target_membership; }
  /// How many cells the control has.
  size_t ref_membership() const { return state_->names.ref_membership; }
  /// See ExpressionNames.
  bool against_others() const { return state_->names.against_others; }

  /// Whether all of it is in memory.
  bool is_kept() const { return state_->whole != nullptr; }

  /// What the numbers of one target take in memory.
  template <class = void>
  size_t bytes_per_target() const {
    return features().size() * expression_entry_bytes();
  }

  /// How many targets a block has, for as much as the table's ExpressionMemory says: all of a table
  /// that is kept.
  template <class = void>
  size_t targets_per_block() const;

  /// Targets first .. last - 1 with all genes. All of a table that is kept is shared, not copied.
  /// @throws ShapeError if there are no such targets; Stopped if progress asks for it; and what
  ///         measuring or reading them throws
  template <class = void>
  std::shared_ptr<const DifferentialExpression> block(size_t first, size_t last,
                                                      const Progress& progress = {}) const;

  /// All of it: of a table that is not kept, as much memory as it takes.
  /// @throws as block
  template <class = void>
  std::shared_ptr<const DifferentialExpression> whole(const Progress& progress = {}) const {
    return block(0, targets().size(), progress);
  }

  /// The table of some of its targets, which is read from this one: in blocks where this one is,
  /// unless it is small enough to be kept.
  /// @param targets   places in targets(), ascending
  /// @param progress  of measuring those that are kept
  /// @throws ShapeError if one is no place; else as block
  template <class = void>
  ExpressionTable select(std::span<const size_t> targets, const Progress& progress = {}) const;

 private:
  std::shared_ptr<const detail::ExpressionTableState> state_;
};

template <class>
ExpressionTable::ExpressionTable() : ExpressionTable(make_expression({})) {}

template <class>
ExpressionTable::ExpressionTable(DifferentialExpression whole) {
  detail::check_shapes(whole);
  ExpressionNames names = whole;
  state_ = std::make_shared<const detail::ExpressionTableState>(detail::ExpressionTableState{
      std::move(names), std::make_shared<const DifferentialExpression>(std::move(whole)), {}, {}});
}

template <class>
ExpressionTable::ExpressionTable(ExpressionNames names, Measure measure,
                                 const ExpressionMemory& memory, const Progress& progress) {
  detail::ExpressionTableState state{std::move(names), nullptr, std::move(measure), memory};
  const size_t n = state.names.targets.size();
  if (detail::is_kept_in(memory, state.names)) {
    state.whole =
        std::make_shared<const DifferentialExpression>(state.rows(detail::places(n), progress));
    state.measure = nullptr;  // nor what it holds on to
  }
  state_ = std::make_shared<const detail::ExpressionTableState>(std::move(state));
}

template <class>
size_t ExpressionTable::targets_per_block() const {
  if (is_kept() || bytes_per_target() == 0) return targets().size();
  return std::clamp<size_t>(state_->memory.block_bytes / bytes_per_target(), 1, targets().size());
}

template <class>
std::shared_ptr<const DifferentialExpression> ExpressionTable::block(
    size_t first, size_t last, const Progress& progress) const {
  const size_t n = targets().size();
  if (first > last || last > n) [[unlikely]]
    detail::fail<ShapeError>("ExpressionTable::block: targets ", first, " .. ", last,
                             " of a table with ", n);
  if (is_kept() && last - first == n) return state_->whole;
  const auto all = detail::places(last);
  return std::make_shared<const DifferentialExpression>(
      state_->rows(std::span(all).subspan(first), progress));
}

template <class>
ExpressionTable ExpressionTable::select(std::span<const size_t> targets,
                                        const Progress& progress) const {
  for (const size_t target : targets)
    check_index("ExpressionTable::select", "target", target, this->targets().size());
  ExpressionMemory memory = state_->memory;
  if (is_kept()) memory.kept_bytes = 0;  // it is in memory, and no second time
  return ExpressionTable(
      select_names(state_->names, targets),
      [all = state_, chosen = std::vector<size_t>(targets.begin(), targets.end())](
          std::span<const size_t> places, const Progress& watcher) {
        std::vector<size_t> of_all;
        for (const size_t place : places) of_all.push_back(chosen[place]);
        return all->rows(of_all, watcher);
      },
      memory, progress);
}

namespace detail {

/// A watcher of piece k of n pieces of some work, to whom they are told as one.
template <class = void>
Progress progress_of_piece(const Progress& progress, size_t k, size_t n) {
  if (!progress || n == 1) return progress;
  return [&progress, k, n](const ProgressUpdate& update) {
    return progress({update.stage, k * update.total + update.done, n * update.total, update.note});
  };
}

}  // namespace detail

/// Calls f(first, block) for blocks of targets in order: a DifferentialExpression of the targets
/// from `first` on, with all genes, which is gone when f returns unless the table is kept. No more
/// than one block is in memory at a time.
/// @throws as ExpressionTable::block
template <class F>
void for_each_expression_block(const ExpressionTable& table, F&& f, const Progress& progress = {}) {
  const size_t n = table.targets().size(), step = std::max<size_t>(1, table.targets_per_block());
  for (size_t first = 0; first < n; first += step) {
    const auto watcher = detail::progress_of_piece(progress, first / step, (n + step - 1) / step);
    const auto block = table.block(first, std::min(n, first + step), watcher);
    f(first, *block);
  }
}

/// Calls f(first, real, predicted) for blocks of the same targets of two tables, as above: a block
/// of each is in memory.
/// @throws ShapeError if the tables differ in size; as ExpressionTable::block
template <class F>
void for_each_expression_block(const ExpressionTable& real, const ExpressionTable& predicted, F&& f,
                               const Progress& progress = {}) {
  const size_t n = real.targets().size();
  check_size_match("for_each_expression_block", "targets", n, "targets of the second table",
                   predicted.targets().size());
  check_size_match("for_each_expression_block", "features", real.features().size(),
                   "features of the second table", predicted.features().size());
  const size_t step =
      std::max<size_t>(1, std::min(real.targets_per_block(), predicted.targets_per_block()));
  const size_t pieces = 2 * ((n + step - 1) / step);
  for (size_t first = 0, piece = 0; first < n; first += step, piece += 2) {
    const size_t last = std::min(n, first + step);
    const auto a = real.block(first, last, detail::progress_of_piece(progress, piece, pieces));
    const auto b =
        predicted.block(first, last, detail::progress_of_piece(progress, piece + 1, pieces));
    f(first, *a, *b);
  }
}

VCELL_END_NAMESPACE
