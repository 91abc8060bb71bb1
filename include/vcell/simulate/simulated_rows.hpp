#pragma once

#include <memory>
#include <numeric>
#include <vector>

#include "vcell/core/parallel_for.hpp"
#include "vcell/data/row_source.hpp"
#include "vcell/simulate/draw_truth.hpp"
#include "vcell/simulate/sample_negative_binomial.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// What seeds a cell's own draws: neither the number of threads nor the blocks matter.
template <class = void>
Rng rng_of_cell(const SimulateOptions& o, size_t cell) {
  return Rng(o.seed, stream_of("simulate.cell") + cell);
}

/// The cell's own draws but its counts.
template <class = void>
void draw_cell(CellTruth& c, const ScreenTruth& t, const SimulateOptions& o, Rng& rng) {
  c.batch = int32_t(rng.below(o.batches));
  c.guide = int32_t(rng.below(o.guides));
  const auto shares = t.state_shares.row(size_t(c.context));
  double u = rng.uniform();
  c.state = 0;
  while (size_t(c.state) + 1 < o.states && u >= shares[size_t(c.state)])
    u -= shares[size_t(c.state++)];
  const double half_square = 0.5 * o.library_spread * o.library_spread;
  c.library = o.library * std::exp(o.library_spread * rng.normal() - half_square);
  if (c.perturbation < 0) return;
  const double efficiency = t.guide_efficiency.row(size_t(c.perturbation))[size_t(c.guide)];
  const bool responds = rng.uniform() < efficiency, partial = rng.uniform() < o.partial;
  c.response = !responds ? Response::escaped : partial ? Response::partial : Response::full;
  c.strength = !responds ? 0 : partial ? o.partial_strength : 1;
  if (!o.doses) return;
  c.dose = double(1 + rng.below(o.doses)) / double(o.doses);
  c.strength *= c.dose;
}

template <class = void>
void draw_cells(ScreenTruth& t, const SimulateOptions& o) {
  parallel_for(t.cells.size(), 4096, [&](size_t first, size_t last) {
    for (size_t i = first; i < last; ++i) {
      Rng rng = rng_of_cell(o, i);
      draw_cell(t.cells[i], t, o, rng);
    }
  });
}

/// The share of counts above 0 that is expected where all libraries are so many times as large.
/// @param means  (cells, genes) expected counts
template <class = void>
double expected_density(const DenseMatrix<double>& means, std::span<const double> dispersion,
                        double times) {
  std::vector<double> above(means.rows);
  parallel_for(means.rows, 1, [&](size_t first, size_t last) {
    for (size_t i = first; i < last; ++i)
      for (size_t g = 0; g < means.columns; ++g) {
        const double mean = times * means.row(i)[g], d = dispersion[g];
        above[i] -= std::expm1(d > 0 ? -std::log1p(d * mean) / d : -mean);
      }
  });
  return std::accumulate(above.begin(), above.end(), 0.0) / double(means.values.size());
}

/// The mean library at which the share of counts above 0 is `o.density`, by bisection over what is
/// expected of up to 256 cells.
/// @param t  with cells drawn for o.library
template <class = void>
double library_of_density(const ScreenTruth& t, const SimulateOptions& o) {
  const size_t n = std::min<size_t>(t.cells.size(), 256);
  DenseMatrix<double> means{n, o.genes, std::vector<double>(n * o.genes)};
  for (size_t i = 0; i < n; ++i) expected_counts(t, i * t.cells.size() / n, means.row(i));
  double low = std::log(least_library), high = std::log(most_library);
  const auto density = [&](double log_library) {
    return expected_density(means, t.dispersion, std::exp(log_library) / o.library);
  };
  if (const double least = density(low), most = density(high);
      o.density < least || o.density > most)
    throw ConfigError(message("simulate_screen: density is ", o.density, ", expected ", least,
                              " .. ", most, ", which cells of ", least_library, " .. ",
                              most_library, " counts have"));
  while (high - low > 1e-4) {
    const double middle = (low + high) / 2;
    (density(middle) < o.density ? low : high) = middle;
  }
  return std::exp((low + high) / 2);
}

}  // namespace detail

/// Cells x genes of a simulated screen (see simulate_screen), whose rows are drawn when they are
/// read (see RowSource), any of them at any time: a screen of any size takes the memory of a block,
/// beside what the truth takes (about 200 bytes a cell, and effects of all genes). Every cell has a
/// random stream of its own, so the counts depend on the options alone. Copies share the truth.
class SimulatedRows {
 public:
  /// Draws all but the counts.
  /// @throws ConfigError if an option makes no sense
  template <class = void>
  explicit SimulatedRows(const SimulateOptions& options);

  const ScreenTruth& truth() const { return *truth_; }
  /// What it was drawn by: with the library that gives the density, where that was asked for.
  const SimulateOptions& options() const { return options_; }

  size_t rows() const { return truth_->cells.size(); }
  size_t columns() const { return truth_->genes.size(); }
  DType dtype() const { return DType::f32; }
  bool is_sparse() const { return true; }
  SparseLayout layout = {};

  /// One cell: genes with counts above 0, and those counts.
  /// @param scratch  (genes)
  template <class = void>
  void draw(size_t cell, std::span<double> scratch, std::vector<int32_t>& places,
            std::vector<float>& counts) const;

 private:
  SimulateOptions options_;
  std::shared_ptr<ScreenTruth> truth_;
};

template <class>
SimulatedRows::SimulatedRows(const SimulateOptions& options)
    : options_(options), truth_(std::make_shared<ScreenTruth>(draw_truth(options))) {
  detail::draw_cells(*truth_, options_);
  if (options_.density == 0) return;
  options_.library = detail::library_of_density(*truth_, options_);
  detail::draw_cells(*truth_, options_);
}

template <class>
void SimulatedRows::draw(size_t cell, std::span<double> scratch, std::vector<int32_t>& places,
                         std::vector<float>& counts) const {
  Rng rng = detail::rng_of_cell(options_, cell);
  CellTruth own = truth_->cells[cell];
  detail::draw_cell(own, *truth_, options_, rng);  // the counts are drawn after these
  expected_counts(*truth_, cell, scratch);
  places.clear();
  counts.clear();
  for (size_t g = 0; g < scratch.size(); ++g) {
    const auto n = float(sample_negative_binomial(scratch[g], truth_->dispersion[g], rng));
    if (n == 0) continue;
    places.push_back(int32_t(g));
    counts.push_back(n);
  }
}

/// As that of a Matrix without zeros: how many are stored is not known beforehand.
template <class = void>
size_t block_end(const SimulatedRows& s, size_t first, size_t bytes) {
  return std::min(s.rows(), first + std::max<size_t>(1, bytes / (8 * s.columns())));
}

template <class T>
CsrView<T> row_block(const SimulatedRows& s, size_t first, size_t last, CsrMatrix<T>& scratch) {
  if (first > last || last > s.rows()) [[unlikely]]
    detail::fail<ShapeError>("SimulatedRows: rows ", first, " .. ", last, " of ", s.rows(),
                             " cells");
  struct Row {
    std::vector<int32_t> places;
    std::vector<float> counts;
  };
  std::vector<Row> rows(last - first);
  parallel_for(rows.size(), 4, [&](size_t from, size_t to) {
    std::vector<double> means(s.columns());
    Row row;  // has room for any row, where those that are kept have no more than they need
    for (size_t i = from; i < to; ++i) {
      s.draw(first + i, means, row.places, row.counts);
      rows[i] = row;
    }
  });
  scratch = CsrMatrix<T>{};
  scratch.columns = s.columns();
  size_t stored = 0;
  for (const Row& row : rows) stored += row.places.size();
  scratch.indices.reserve(stored);
  scratch.values.reserve(stored);
  for (Row& row : rows) {
    scratch.indices.insert(scratch.indices.end(), row.places.begin(), row.places.end());
    scratch.values.insert(scratch.values.end(), row.counts.begin(), row.counts.end());
    scratch.end_row();
    row = {};
  }
  return scratch.view();
}

VCELL_END_NAMESPACE
