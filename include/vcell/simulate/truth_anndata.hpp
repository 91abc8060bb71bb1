#pragma once

#include "vcell/simulate/simulate_screen.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// The transpose in float: one row per gene.
template <class = void>
Matrix by_gene(const DenseMatrix<double>& m) {
  DenseMatrix<float> out{m.columns, m.rows, std::vector<float>(m.values.size())};
  for (size_t i = 0; i < m.rows; ++i)
    for (size_t j = 0; j < m.columns; ++j) out.row(j)[i] = float(m.row(i)[j]);
  return out;
}

}  // namespace detail

/// obs of a simulated screen and, of each cell, its `basal_state`, `response` (control, escaped,
/// partial, full), `strength` (part of the full shift) and `library`.
template <class = void>
DataFrame cell_truth_labels(const ScreenTruth& t, DataFrame obs) {
  obs.set("basal_state", detail::categorical(t, t.states, [](auto& c) { return c.state; }));
  std::vector<std::string> responses;
  for (int r = 0; r < 4; ++r) responses.push_back(name_of(Response(r)));
  obs.set("response",
          detail::categorical(t, responses, [](auto& c) { return int32_t(c.response); }));
  std::vector<double> strength, library;
  for (const CellTruth& c : t.cells) {
    strength.push_back(c.strength);
    library.push_back(c.library);
  }
  obs.set("strength", strength);
  obs.set("library", library);
  return obs;
}

/// The truth of every cell, in the order of the screen:
///
/// - X: expected counts; layers `basal`: those had the cell been left alone; `noise`: counts - X
///   (all dense float, so three times cells x genes);
/// - obs: cell_truth_labels.
template <class = void>
AnnData cell_truth_anndata(const SimulatedScreen& s) {
  const ScreenTruth& t = s.truth;
  const size_t cells = t.cells.size(), genes = t.genes.size();
  DenseMatrix<float> mean{cells, genes, std::vector<float>(cells * genes)}, basal = mean,
                                                                            noise = mean;
  parallel_for(cells, 64, [&](size_t first, size_t last) {
    std::vector<double> expected(genes), counts(genes);
    for (size_t c = first; c < last; ++c) {
      expected_counts(t, c, expected, false);
      for (size_t g = 0; g < genes; ++g) basal.row(c)[g] = float(expected[g]);
      expected_counts(t, c, expected);
      copy_row(*s.screen.X, c, std::span(counts));
      for (size_t g = 0; g < genes; ++g) {
        mean.row(c)[g] = float(expected[g]);
        noise.row(c)[g] = float(counts[g] - expected[g]);
      }
    }
  });
  AnnData out;
  out.obs = cell_truth_labels(t, s.screen.obs);
  out.var = s.screen.var;
  out.X = std::move(mean);
  out.layers.emplace("basal", std::move(basal));
  out.layers.emplace("noise", std::move(noise));
  return out;
}

/// The true effects, one row per context and perturbation ("context_1|GENE004"):
///
/// - X: the shift at full strength, of the natural logarithm of the expected counts;
/// - obs: `context`, `perturbation`, `has_effect`; obsm `programs`: what each programme adds
///   (activity x weight);
/// - var: `dispersion`; varm `loadings` (genes, programmes), `basal` (genes, contexts x states),
///   `batch_effect` (genes, batches), whose columns uns `programs`, `basal` and `batches` name;
/// - uns `guide_efficiency`: share of each guide's cells that do not escape; `state_shares`
///   (contexts, states).
template <class = void>
AnnData effect_truth_anndata(const ScreenTruth& t) {
  const size_t n = t.perturbations.size(), programs = t.programs.size();
  AnnData out;
  Categorical contexts{{}, t.contexts, false}, perturbations{{}, t.perturbations, false};
  std::vector<std::string> basal_names;
  std::vector<uint8_t> has_effect;
  DenseMatrix<float> added{t.contexts.size() * n, programs, {}};
  for (size_t k = 0; k < t.contexts.size(); ++k) {
    for (size_t p = 0; p < n; ++p) {
      out.obs.index.push_back(message(t.contexts[k], '|', t.perturbations[p]));
      contexts.codes.push_back(int32_t(k));
      perturbations.codes.push_back(int32_t(p));
      has_effect.push_back(t.has_effect[p]);
      for (size_t q = 0; q < programs; ++q)
        added.values.push_back(float(t.activity.row(k)[q] * t.weights.row(p)[q]));
    }
    for (const auto& state : t.states) basal_names.push_back(message(t.contexts[k], '|', state));
  }
  out.obs.set("context", Column(std::move(contexts)));
  out.obs.set("perturbation", Column(std::move(perturbations)));
  out.obs.set("has_effect", Numbers::truths(has_effect));
  out.obsm.emplace("programs", std::move(added));
  out.X = to_dense<float>(Matrix(t.shift));
  out.var = DataFrame(t.genes);
  out.var.set("dispersion", t.dispersion);
  out.varm.emplace("loadings", detail::by_gene(t.loadings));
  out.varm.emplace("basal", detail::by_gene(t.basal));
  out.varm.emplace("batch_effect", detail::by_gene(t.batch_effect));
  out.uns["programs"] = t.programs;
  out.uns["basal"] = basal_names;
  out.uns["batches"] = t.batches;
  DataFrame guides(t.guides);
  guides.set("efficiency", t.guide_efficiency.values);
  out.uns["guide_efficiency"] = std::move(guides);
  out.uns["state_shares"] = Array::of({t.contexts.size(), t.states.size()},
                                      std::span<const double>(t.state_shares.values));
  return out;
}

VCELL_END_NAMESPACE
