#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/models/trained_model.hpp"
#include "vcell/train/choices.hpp"
#include "vcell/train/model_fields.hpp"
#include "vcell/train/named_weights.hpp"

VCELL_BEGIN_NAMESPACE

namespace detail {

/// What the columns of a perturbation's vector are called. Features are told apart by place alone.
template <class = void>
std::vector<std::string> perturbation_columns(const TrainedModel& m, const std::string& control) {
  std::vector<std::string> out;
  if (m.perturbations.is_one_hot()) {
    const auto& names = m.perturbations.names();  // combinations come after those with a place
    out.assign(names.begin(), names.begin() + std::ptrdiff_t(m.perturbations.width()));
    // The control is what it is under any label.
    if (std::find(out.begin(), out.end(), control) == out.end())
      std::replace(out.begin(), out.end(), m.labels.control, control);
    return out;
  }
  for (size_t i = 0; i < m.perturbations.width(); ++i) out.push_back(message("feature ", i));
  if (m.model.config().anchor == Anchor::features) out.push_back("whether features tell");
  return out;
}

template <class = void>
std::vector<NamedAxis<StateTransitionConfig>> named_axes(const TrainedModel& m,
                                                         const TrainedModel& old) {
  using Config = StateTransitionConfig;
  const std::string& control = m.labels.control;
  std::vector<NamedAxis<Config>> out = {
      {"genes", m.genes, old.genes,
       [](Config& c, size_t n) { c.input_width += n, c.output_width += n; }},
      {"perturbations", perturbation_columns(m, control), perturbation_columns(old, control),
       [](Config& c, size_t n) { c.perturbation_width += n; }}};
  const auto &c = m.model.config(), &o = old.model.config();
  if (std::max(c.batches, c.token_batches) && std::max(o.batches, o.token_batches))
    out.push_back({"batches", m.batches, old.batches, [](Config& w, size_t n) {
                     if (w.batches) w.batches += n;
                     if (w.token_batches) w.token_batches += n;
                   }});
  if (c.gene_width && o.gene_width)
    out.push_back({"decoded genes", m.decoded_genes, old.decoded_genes,
                   [](Config& w, size_t n) { w.gene_width += n; }});
  return out;
}

/// @throws ConfigError naming what the two cannot agree on
template <class = void>
void check_can_start(const TrainedModel& m, const TrainedModel& old) {
  if (!old.unnamed.empty()) {
    std::string flags;
    for (const std::string& what : old.unnamed)
      flags += message(flags.empty() ? "" : " and ",
                       what == "perturbations" ? "--perturbation-names" : "--genes", " FILE");
    throw ConfigError(message("start_from: the model has no names for its ", list_of(old.unnamed),
                              ", by which weights are matched; import it with `vcell import ",
                              flags, "`"));
  }
  const auto &c = m.model.config(), &o = old.model.config();
  static constexpr std::string_view shared[] = {
      "hidden",        "backbone",         "attention", "layers",
      "heads",         "head_dim",         "mlp_width", "anchor",
      "basal_mlp",     "encoder_layers",   "head",      "decoder_layers",
      "output_space",  "predict_residual", "decoder",   "embedding_bottleneck",
      "clip_embedding"};
  const auto texts = [](const StateTransitionConfig& config) {
    return setting_texts(shared, [&](auto&& f) { visit_shape(config, f); });
  };
  auto here = texts(c), there = texts(o);
  // With features the model learns one thing more: whether they told its anchor.
  if (c.anchor != Anchor::none && o.anchor != Anchor::none) here.erase("anchor");
  if (c.gene_width == 0 || o.gene_width == 0) here.erase("decoder");  // of one alone
  check_same_settings(here, there);
  if (m.perturbations.is_one_hot() != old.perturbations.is_one_hot())
    throw ConfigError(message(
        "start_from: perturbations are ", old.perturbations.is_one_hot() ? "one-hot" : "features",
        " to the model that training starts from, and here ",
        m.perturbations.is_one_hot() ? "one-hot" : "features", "; ",
        m.perturbations.is_one_hot() ? "give its [data] perturbation_features"
                                     : "leave out [data] perturbation_features"));
  if (!m.perturbations.is_one_hot() && m.perturbations.width() != old.perturbations.width())
    throw ConfigError(message("start_from: a perturbation has ", old.perturbations.width(),
                              " features in the model that training starts from, and ",
                              m.perturbations.width(),
                              " here; give [data] perturbation_features of the same kind"));
  if (c.output_space == OutputSpace::embedding && c.input_width != o.input_width)
    throw ConfigError(message("start_from: the model that training starts from is of an embedding ",
                              "of ", o.input_width, " values, and this one of ", c.input_width,
                              "; embed the cells with the same model"));
}

}  // namespace detail

/// Gives a new model the weights of one that was trained, for other genes, perturbations and
/// batches: what goes by a name that both have keeps its weights, wherever it stands; the rest of
/// the new model stays as it is, and the rest of the old one is left out. The control goes by its
/// label in either. Features of perturbations have no names: they go by their places. Of an
/// anchored model alpha is taken over; shifts are those of the new one's data.
///
/// @param m    whose values may be in use already; nothing changes where something does not fit
/// @param old  a model of the same settings, but for those of losses, tokens and batches
/// @throws ConfigError naming settings that differ, with both values; or names that the old model
///         does not have
template <class = void>
StartedFrom start_from(TrainedModel& m, const TrainedModel& old) {
  detail::check_can_start(m, old);
  auto axes = detail::named_axes(m, old);
  StateTransitionConfig config = m.model.config();  // with widths that do not follow from genes
  if (config.decoder != GeneDecoderKind::none) config.decoder_widths = decoder_widths(config);
  StartedFrom out = detail::take_named(
      m.model, config, old.model, axes,
      "the inner widths of [model] output_space all_genes follow from the number of genes, those "
      "of a decoder from [model] decoder_widths");
  if (m.anchors && old.anchors) m.anchors->alpha = old.anchors->alpha;
  const auto &doses = m.perturbations, &old_doses = old.perturbations;
  if (doses.least_dose() > 0 && old_doses.least_dose() > 0 &&
      (doses.least_dose() != old_doses.least_dose() ||
       doses.greatest_dose() != old_doses.greatest_dose()))
    out.remark = message("doses are from ", doses.least_dose(), " to ", doses.greatest_dose(),
                         " here, and were from ", old_doses.least_dose(), " to ",
                         old_doses.greatest_dose(), ": the same dose is another amount");
  for (const auto& axis : axes) {
    const bool features =
        std::string_view(axis.what) == "perturbations" && !m.perturbations.is_one_hot();
    auto names = detail::match_names(axis.what, features ? m.perturbations.names() : axis.fresh,
                                     features ? old.perturbations.names() : axis.old);
    if (features)
      for (const auto& name : names.kept)
        if (m.perturbations.vector(name) != old.perturbations.vector(name))
          out.changed.push_back(name);
    out.names.push_back(std::move(names));
  }
  return out;
}

VCELL_INSTANTIATE(models, StartedFrom start_from<void>(TrainedModel&, const TrainedModel&));

VCELL_END_NAMESPACE
