#pragma once

#include "vcell/core/instantiate.hpp"
#include "vcell/core/parallel_for.hpp"
#include "vcell/core/progress.hpp"
#include "vcell/data/anndata.hpp"
#include "vcell/simulate/draw_truth.hpp"
#include "vcell/simulate/feature_table.hpp"
#include "vcell/simulate/sample_negative_binomial.hpp"

VCELL_BEGIN_NAMESPACE

/// A screen, and the truth about it apart.
struct SimulatedScreen {
  /// What an experiment would give: counts as sparse floats; obs `perturbation`, `context`, `batch`
  /// and `guide`, all categorical, and with doses `dose`, 0 for controls; var names are gene names.
  AnnData screen;
  ScreenTruth truth;
  /// The weight of every programme for every perturbation that is no combination, with noise; the
  /// control's row is 0.
  FeatureTable features;
};

namespace detail {

/// The cell's own draws but its counts.
template <class = void>
void draw_cell(CellTruth& c, const ScreenTruth& t, const SimulateOptions& o, Rng& rng) {
  c.batch = int32_t(rng.below(o.batches));
  c.guide = int32_t(rng.below(o.guides));
  const auto shares = t.state_shares.row(size_t(c.context));
  double u = rng.uniform();
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

/// Draws cells and counts. Every cell has a random stream of its own, so neither the number of
/// threads nor the blocks matter.
template <class = void>
CsrMatrix<float> draw_counts(ScreenTruth& t, const SimulateOptions& o, const Progress& progress) {
  constexpr size_t block = 1024;
  CsrMatrix<float> out;
  out.columns = o.genes;
  std::vector<std::vector<float>> rows(std::min(block, t.cells.size()));
  for (size_t start = 0; start < t.cells.size(); start += block) {
    report(progress, {"simulate", start, t.cells.size(), {}});
    const size_t n = std::min(block, t.cells.size() - start);
    parallel_for(n, 8, [&](size_t first, size_t last) {
      std::vector<double> means(o.genes);
      for (size_t i = first; i < last; ++i) {
        Rng rng(o.seed, stream_of("simulate.cell") + start + i);
        draw_cell(t.cells[start + i], t, o, rng);
        expected_counts(t, start + i, means);
        rows[i].resize(o.genes);
        for (size_t g = 0; g < o.genes; ++g)
          rows[i][g] = float(sample_negative_binomial(means[g], t.dispersion[g], rng));
      }
    });
    for (size_t i = 0; i < n; ++i) {
      for (size_t g = 0; g < o.genes; ++g) {
        if (rows[i][g] == 0) continue;
        out.indices.push_back(int32_t(g));
        out.values.push_back(rows[i][g]);
      }
      out.end_row();
    }
  }
  report(progress, {"simulate", t.cells.size(), t.cells.size(), {}});
  return out;
}

template <class F>
Column categorical(const ScreenTruth& t, std::vector<std::string> categories, F&& code) {
  Categorical out{std::vector<int32_t>(t.cells.size()), std::move(categories), false};
  for (size_t i = 0; i < out.codes.size(); ++i) out.codes[i] = code(t.cells[i]);
  return out;
}

/// The control label before the names of the perturbations, for codes from -1.
template <class = void>
std::vector<std::string> with_control(const SimulateOptions& o, std::vector<std::string> v) {
  v.insert(v.begin(), o.control);
  return v;
}

template <class = void>
DataFrame observed_labels(const ScreenTruth& t, const SimulateOptions& o) {
  DataFrame obs(numbered("cell_", t.cells.size()));
  obs.set("perturbation", categorical(t, with_control(o, t.perturbations),
                                      [](const CellTruth& c) { return c.perturbation + 1; }));
  obs.set("context", categorical(t, t.contexts, [](const CellTruth& c) { return c.context; }));
  obs.set("batch", categorical(t, t.batches, [](const CellTruth& c) { return c.batch; }));
  std::vector<std::string> guides = numbered(o.control + "_g", o.guides);
  guides.insert(guides.end(), t.guides.begin(), t.guides.end());
  obs.set("guide", categorical(t, guides, [&](const CellTruth& c) {
            return (c.perturbation + 1) * int32_t(o.guides) + c.guide;
          }));
  if (o.doses) {
    std::vector<double> doses;
    for (const CellTruth& c : t.cells) doses.push_back(c.perturbation < 0 ? 0 : c.dose);
    obs.set("dose", doses);
  }
  return obs;
}

template <class = void>
FeatureTable draw_features(const ScreenTruth& t, const SimulateOptions& o) {
  Rng rng(o.seed, stream_of("simulate.features"));
  const size_t n = t.programs.size();
  const auto end = t.perturbations.begin() + std::ptrdiff_t(o.perturbations);
  FeatureTable out{with_control(o, {t.perturbations.begin(), end}), t.programs, {}};
  out.vectors = {out.perturbations.size(), n, std::vector<float>(out.perturbations.size() * n)};
  for (size_t p = 0; p < o.perturbations; ++p)
    for (size_t q = 0; q < n; ++q)
      out.vectors.row(p + 1)[q] = float(t.weights.row(p)[q] + o.feature_noise * rng.normal());
  return out;
}

}  // namespace detail

/// A screen with known truth: cells of several contexts, batches and basal states, whose genes
/// programmes move when a target is knocked down, fully, partially or not at all; the model is the
/// one that ScreenTruth states. The bytes depend on the options alone.
///
/// @param progress  stage "simulate", in cells
/// @throws ConfigError if an option makes no sense, Stopped if progress asks for it
template <class = void>
SimulatedScreen simulate_screen(const SimulateOptions& options = {},
                                const Progress& progress = {}) {
  SimulatedScreen out;
  out.truth = draw_truth(options);
  out.screen.X = detail::draw_counts(out.truth, options, progress);
  out.screen.obs = detail::observed_labels(out.truth, options);
  out.screen.var = DataFrame(out.truth.genes);
  out.screen.uns["simulated"] = Dict{{"seed", int64_t(options.seed)}};
  out.features = detail::draw_features(out.truth, options);
  return out;
}

VCELL_INSTANTIATE(data,
                  SimulatedScreen simulate_screen<void>(const SimulateOptions&, const Progress&));

VCELL_END_NAMESPACE
