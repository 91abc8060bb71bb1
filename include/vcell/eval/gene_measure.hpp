#pragma once

#include <cstdint>
#include <numeric>
#include <optional>
#include <span>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/eval/compared_cells.hpp"
#include "vcell/eval/pooled_rank_sweep.hpp"
#include "vcell/eval/rank_sum.hpp"
#include "vcell/eval/welch_t_test.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Sums over the cells of each group, and over all of them in their order, so that what is found of
/// one group does not depend on how the others are divided.
struct GroupSums {
  std::vector<double> groups;
  double all = 0;
  std::vector<uint32_t> in_run;  // equal values of each group

  /// @param f  of a value and its group
  template <class F>
  void run(std::span<const double> values, std::span<const uint32_t> of_value, size_t n, F&& f) {
    groups.assign(n, 0.0);
    all = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      const double x = f(values[i]);
      groups[of_value[i]] += x;
      all += x;
    }
  }
  /// The same of ascending values: equal ones of a group as a product, as below.
  template <class F>
  void run_sorted(std::span<const double> values, std::span<const uint32_t> of_value, size_t n,
                  F&& f) {
    groups.assign(n, 0.0);
    all = 0;
    in_run.assign(n, 0);
    for (size_t first = 0, last; first < values.size(); first = last) {
      for (last = first; last < values.size() && values[last] == values[first]; ++last)
        ++in_run[of_value[last]];
      const double x = f(values[first]);
      for (size_t i = first; i < last; ++i)
        groups[of_value[i]] += double(std::exchange(in_run[of_value[i]], 0)) * x;
      all += double(last - first) * x;
    }
  }
  /// The same of counts.
  template <class F>
  void run(const CountHistogram& counts, size_t n, F&& f) {
    groups.assign(n, 0.0);
    all = 0;
    double value = 0;
    counts.for_each([&](auto every, auto cells) {
      const double x = f(value++);
      double of_all = 0;
      for (const uint32_t g : every) {
        groups[g] += double(cells[g]) * x;
        of_all += double(cells[g]);
      }
      all += of_all * x;
    });
  }
};

/// What one gene says about every group: means, and the test of each against what it is compared
/// with. One serves gene after gene.
class GeneMeasure {
 public:
  /// @param cells, options  borrowed
  template <class = void>
  GeneMeasure(const ComparedCells& cells, const DifferentialExpressionOptions& options);

  /// Whether keys name a cell in their lower half, its place in cells.rows; else a group.
  bool names_cells() const { return options_.target_sum.has_value(); }

  /// Measures a gene.
  /// @param keys  its values other than 0, as GenePanel has them
  template <class = void>
  void run(std::span<const uint64_t> keys);

  struct Test {
    double statistic = 0, z = 0, p_value = 1;
  };
  double mean(size_t group) const { return means_[group]; }
  double reference_mean(size_t group) const { return references_[group]; }
  template <class = void>
  Test test(size_t group) const;
  /// Arithmetic means of counts of a group, and of what it is compared with.
  template <class = void>
  std::pair<double, double> mean_counts(size_t group) const {
    return {mean_of(counts_, group), mean_of_others(counts_, group)};
  }

 private:
  template <class = void>
  void decode(std::span<const uint64_t> keys);
  template <class F>
  void add_up(GroupSums& sums, F&& f);
  template <class = void>
  void sort();
  template <class = void>
  void float_means(std::span<const uint64_t> keys);
  template <class = void>
  void double_means();
  template <class = void>
  void moments();
  template <class = void>
  GroupMoments moments_of(double sum, double squares, double cells) const;

  double mean_of(const GroupSums& sums, size_t g) const { return sums.groups[g] / cells_of(g); }
  template <class = void>
  double mean_of_others(const GroupSums& sums, size_t g) const;
  double cells_of(size_t g) const { return double(cells_.sizes[g]); }
  bool is_ranked() const { return options_.test == ExpressionTest::wilcoxon; }
  /// What is averaged of a value: log1p of counts for geometric means, counts for arithmetic ones.
  template <class T>
  T averaged(T x) const {
    if (options_.is_log1p == options_.geometric_mean) return x;
    return options_.is_log1p ? std::expm1(x) : std::log1p(x);
  }

  const ComparedCells& cells_;
  const DifferentialExpressionOptions& options_;
  const bool is_counts_;        // and not scaled: their sums know no order of cells
  const bool in_float_;         // means are summed as pdex does
  bool has_histogram_ = false;  // of the gene, in histogram_
  RankSweep sweep_;             // against group 0
  PooledRankSweep pooled_;      // against all others
  CountHistogram histogram_;
  std::vector<uint64_t> keys_, scratch_;   // sorted, with groups
  std::vector<double> values_;             // other than 0, in the order of the cells
  std::vector<uint32_t> groups_, stored_;  // beside values_; values of each group
  size_t stored_of_all_ = 0;
  std::vector<float> shares_, sums_;
  GroupSums double_sums_, counts_, deviations_, squares_;
  std::vector<double> means_, references_;
  double centre_ = 0;  // from which deviations are measured
};

template <class>
GeneMeasure::GeneMeasure(const ComparedCells& cells, const DifferentialExpressionOptions& options)
    : cells_(cells),
      options_(options),
      is_counts_(!options.is_log1p && !options.target_sum),
      in_float_(options.is_log1p && !options.double_sums && !cells.against_others),
      sweep_(cells.sizes, 0),
      pooled_(cells.sizes),
      histogram_(cells.sizes) {}

/// Splits keys into values and groups.
template <class>
void GeneMeasure::decode(std::span<const uint64_t> keys) {
  values_.resize(keys.size());
  groups_.resize(keys.size());
  stored_.assign(cells_.sizes.size(), 0);
  for (size_t i = 0; i < keys.size(); ++i) {
    values_[i] = double(value_of_key(uint32_t(keys[i] >> 32)));
    groups_[i] = uint32_t(keys[i]);
    if (names_cells()) {
      // In this order, as scanpy's normalize_total rounds.
      values_[i] /= cells_.totals[groups_[i]] / *options_.target_sum;
      groups_[i] = cells_.groups[groups_[i]];
    }
    ++stored_[groups_[i]];
  }
}

/// Whether two scaled counts, a < b, are one when their logarithms are rounded to double, which is
/// what makes ties of equal shares of different totals.
inline bool is_one_log1p(double a, double b) {
  constexpr double surely_two = 1e-12;  // relative; below it the logarithms are asked
  // The function for double is wrong in its last bit now and then.
  const auto log = [](double x) { return double(std::log1p(static_cast<long double>(x))); };
  return b - a <= surely_two * b && log(a) == log(b);
}

/// Makes keys_ of values that are no float32: the number of its block of values that are equal as
/// logarithms takes the place of each.
template <class>
void GeneMeasure::sort() {
  keys_.resize(values_.size());
  for (size_t i = 0; i < values_.size(); ++i)
    keys_[i] = uint64_t(ordered_key(float(values_[i]))) << 32 | i;
  sort_keys(keys_, scratch_);
  const auto value = [this](uint64_t key) { return values_[uint32_t(key)]; };
  // Rounding keeps their order but for values that become one.
  for (size_t first = 0, last; first < keys_.size(); first = last) {
    for (last = first + 1; last < keys_.size() && keys_[last] >> 32 == keys_[first] >> 32;) ++last;
    std::sort(keys_.begin() + std::ptrdiff_t(first), keys_.begin() + std::ptrdiff_t(last),
              [&](uint64_t a, uint64_t b) { return value(a) < value(b); });
  }
  uint32_t block = ordered_key(0.0f);  // all of them are above 0
  double before = 0;
  for (uint64_t& key : keys_) {
    const double x = value(key);
    block += x != before && !is_one_log1p(before, x);
    before = x;
    key = uint64_t(block) << 32 | groups_[uint32_t(key)];
  }
}

/// Sums x / n over the n cells of each group, in float32 and in the order of the cells: then means
/// are those of pdex to the last bit.
template <class>
void GeneMeasure::float_means(std::span<const uint64_t> keys) {
  // A pass of its own: a compiler that sees x / n beside the sum rounds both at once.
  shares_.resize(keys.size());
  for (size_t i = 0; i < keys.size(); ++i)
    shares_[i] =
        averaged(value_of_key(uint32_t(keys[i] >> 32))) * cells_.weights[uint32_t(keys[i])];
  sums_.assign(cells_.sizes.size(), 0.0f);
  for (size_t i = 0; i < keys.size(); ++i) sums_[uint32_t(keys[i])] += shares_[i];
  for (size_t g = 0; g < sums_.size(); ++g)
    means_[g] = double(options_.geometric_mean ? std::expm1(sums_[g]) : sums_[g]);
  references_.assign(means_.size(), means_[0]);
}

template <class>
double GeneMeasure::mean_of_others(const GroupSums& sums, size_t g) const {
  if (!cells_.against_others) return mean_of(sums, 0);
  // And not what rounding leaves of a difference.
  if (stored_[g] == stored_of_all_) return 0;
  return (sums.all - sums.groups[g]) / double(cells_.reference_size(g));
}

/// Sums f of the values other than 0.
template <class F>
void GeneMeasure::add_up(GroupSums& sums, F&& f) {
  if (is_counts_ && has_histogram_)
    sums.run(histogram_, means_.size(), f);
  else if (is_counts_)
    sums.run_sorted(values_, groups_, means_.size(), f);
  else
    sums.run(values_, groups_, means_.size(), f);
}

template <class>
void GeneMeasure::double_means() {
  add_up(double_sums_, [this](double x) { return averaged(x); });
  const auto finished = [this](double x) { return options_.geometric_mean ? std::expm1(x) : x; };
  for (size_t g = 0; g < means_.size(); ++g) {
    means_[g] = finished(mean_of(double_sums_, g));
    references_[g] = finished(mean_of_others(double_sums_, g));
  }
}

/// Sums of the deviations from one number near the mean and of their squares, from which no digit
/// is lost where values hardly vary. The number is that of the cells which every target is compared
/// with.
template <class>
void GeneMeasure::moments() {
  double sum = 0;
  for (size_t i = 0; i < values_.size(); ++i)
    if (cells_.against_others || groups_[i] == 0) sum += values_[i];
  const double cells = cells_.against_others ? double(cells_.rows.size()) : cells_of(0);
  centre_ = double(float(sum / cells));  // of equal values, that value
  const double zero = -centre_, zero_square = centre_ * centre_;
  deviations_.run(values_, groups_, means_.size(), [this](double x) { return x - centre_; });
  squares_.run(values_, groups_, means_.size(),
               [this](double x) { return (x - centre_) * (x - centre_); });
  for (size_t g = 0; g < means_.size(); ++g) {
    const double zeros = cells_of(g) - double(stored_[g]);
    deviations_.groups[g] += zeros * zero;
    squares_.groups[g] += zeros * zero_square;
  }
  const double zeros = double(cells_.rows.size() - values_.size());
  deviations_.all += zeros * zero;
  squares_.all += zeros * zero_square;
}

template <class>
GroupMoments GeneMeasure::moments_of(double sum, double squares, double cells) const {
  return {cells, centre_ + sum / cells, std::max(0.0, squares - sum * sum / cells) / (cells - 1)};
}

template <class>
void GeneMeasure::run(std::span<const uint64_t> keys) {
  means_.resize(cells_.sizes.size());
  references_.resize(means_.size());
  has_histogram_ = is_ranked() && !names_cells() && histogram_.fill(keys);
  const bool sorts = !has_histogram_ && !names_cells() && (is_ranked() || is_counts_);
  if (sorts) {
    keys_.assign(keys.begin(), keys.end());
    sort_keys(keys_, scratch_);
  }
  // Counts are summed from the least on, so that the order of the cells does not round.
  if (!is_counts_ || !has_histogram_) {
    if (!in_float_ || !is_ranked() || options_.cpm_filter)
      decode(is_counts_ ? std::span<const uint64_t>(keys_) : keys);
  } else {
    stored_ = histogram_.stored();
  }
  stored_of_all_ = std::accumulate(stored_.begin(), stored_.end(), size_t(0));
  if (in_float_)
    float_means(keys);
  else
    double_means();
  if (options_.cpm_filter)
    add_up(counts_, [this](double x) { return options_.is_log1p ? std::expm1(x) : x; });
  if (!is_ranked()) return moments();
  const auto rank = [this](const auto& values) {
    if (cells_.against_others)
      pooled_.run(values);
    else
      sweep_.run(values);
  };
  if (has_histogram_) return rank(histogram_);
  if (names_cells()) sort();
  rank(std::span<const uint64_t>(keys_));
}

template <class>
GeneMeasure::Test GeneMeasure::test(size_t group) const {
  const size_t n1 = cells_.sizes[group], n2 = cells_.reference_size(group);
  if (is_ranked()) {
    const bool pooled = cells_.against_others;
    const double u = double(pooled ? pooled_.twice_u(group) : sweep_.twice_u(group)) / 2,
                 ties = pooled ? pooled_.ties(group) : sweep_.ties(group);
    const double counted = options_.tie_correction ? ties : 0,
                 z = options_.float_p ? rank_sum_z<float>(u, n1, n2, counted, options_.continuity)
                                      : rank_sum_z(u, n1, n2, counted, options_.continuity);
    if (const ExactRankSum* exact = ties == 0 ? cells_.exact_of(group) : nullptr)
      return {u, z, exact->p_value(u)};
    return {u, z, two_sided_p_value(z)};
  }
  const bool pooled = cells_.against_others;
  const auto others = [&](const GroupSums& sums) {
    return pooled ? sums.all - sums.groups[group] : sums.groups[0];
  };
  auto reference = moments_of(others(deviations_), others(squares_), double(n2));
  if (options_.test == ExpressionTest::t_test_overestim_var) reference.cells = double(n1);
  const auto found = welch_t_test(
      moments_of(deviations_.groups[group], squares_.groups[group], double(n1)), reference);
  return {found.statistic, 0, found.p_value};
}

}  // namespace detail
VCELL_END_NAMESPACE
