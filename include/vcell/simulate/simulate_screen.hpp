#pragma once

#include "vcell/core/instantiate.hpp"
#include "vcell/core/progress.hpp"
#include "vcell/data/anndata.hpp"
#include "vcell/data/row_sink.hpp"
#include "vcell/data/watched_rows.hpp"
#include "vcell/simulate/feature_table.hpp"
#include "vcell/simulate/simulated_rows.hpp"

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

/// What an experiment would tell of the cells of a simulated screen: all of it but X.
template <class = void>
AnnData simulated_annotations(const SimulatedRows& rows) {
  AnnData out;
  out.obs = detail::observed_labels(rows.truth(), rows.options());
  out.var = DataFrame(rows.truth().genes);
  out.uns["simulated"] = Dict{{"seed", int64_t(rows.options().seed)}};
  return out;
}

/// The features that come with a simulated screen (see SimulatedScreen).
template <class = void>
FeatureTable simulated_features(const SimulatedRows& rows) {
  return detail::draw_features(rows.truth(), rows.options());
}

/// All of a simulated screen, in memory.
/// @param progress  stage "simulate", in cells
/// @throws Stopped if progress asks for it
template <class = void>
SimulatedScreen simulate_screen(const SimulatedRows& rows, const Progress& progress = {}) {
  SimulatedScreen out{simulated_annotations(rows), rows.truth(), simulated_features(rows)};
  CsrMatrix<float> X;
  X.columns = rows.columns();
  copy_rows<float>(WatchedRows<SimulatedRows>(rows, progress, "simulate"), X, {.rows = 1024});
  out.screen.X = std::move(X);
  return out;
}

/// A screen with known truth: cells of several contexts, batches and basal states, whose genes
/// programmes move when a target is knocked down, fully, partially or not at all; the model is the
/// one that ScreenTruth states. The bytes depend on the options alone.
///
/// @param progress  stage "simulate", in cells
/// @throws ConfigError if an option makes no sense, Stopped if progress asks for it
template <class = void>
SimulatedScreen simulate_screen(const SimulateOptions& options = {},
                                const Progress& progress = {}) {
  return simulate_screen(SimulatedRows(options), progress);
}

VCELL_INSTANTIATE(data,
                  SimulatedScreen simulate_screen<void>(const SimulateOptions&, const Progress&));

VCELL_END_NAMESPACE
