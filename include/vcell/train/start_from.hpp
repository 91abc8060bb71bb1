#pragma once

#include <algorithm>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vcell/core/callbacks.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/core/name_places.hpp"
#include "vcell/models/trained_model.hpp"
#include "vcell/train/choices.hpp"
#include "vcell/train/model_fields.hpp"

VCELL_BEGIN_NAMESPACE

/// One list of a model's names beside that of the model it starts from.
struct MatchedNames {
  std::string what;                ///< genes, perturbations, ...
  std::vector<std::string> kept;   ///< in both: with the weights that they had
  std::vector<std::string> fresh;  ///< of the new model alone: as in a model that starts afresh
  std::vector<std::string> left;   ///< of the old one alone: left out
};

/// What a model got of the one that it starts from.
struct StartedFrom {
  std::vector<MatchedNames> names;  ///< of every list that weights go by
  std::vector<std::string> fresh;   ///< parameters that the old model has none of
  std::vector<std::string> left;    ///< parameters that the new model has none of
  /// Perturbations whose features are not those that the old model was trained with.
  std::vector<std::string> changed;
};

namespace detail {

/// A list of names that sizes of parameters follow.
struct NamedAxis {
  const char* what;
  std::vector<std::string> fresh, old;  ///< of the new model and of the old one, in their order
  void (*widen)(StateTransitionConfig&, size_t);  ///< the sizes that follow from the list
  std::vector<int64_t> from = {};                 ///< places of the new ones in old; -1: not there
};

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
std::vector<NamedAxis> named_axes(const TrainedModel& m, const TrainedModel& old) {
  using Config = StateTransitionConfig;
  const std::string& control = m.labels.control;
  std::vector<NamedAxis> out = {
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
  for (NamedAxis& axis : out) {
    const NamePlaces places(axis.old);
    for (const std::string& name : axis.fresh) {
      const auto found = places.find(name);
      axis.from.push_back(found ? int64_t(*found) : -1);
    }
  }
  return out;
}

/// Which names the axes of every parameter go by, found by making the lists longer: an axis that
/// grows as much is one of them. -1: none.
template <class = void>
std::vector<std::vector<int>> axes_of_parameters(const TrainedModel& m,
                                                 const std::vector<NamedAxis>& axes) {
  const auto& all = m.model.parameters().all();
  std::vector<std::vector<int>> out;
  for (const auto& p : all) out.emplace_back(p.shape.size(), -1);
  constexpr size_t more = 8;
  for (size_t a = 0; a < axes.size(); ++a) {
    StateTransitionConfig config = m.model.config();
    if (config.decoder != GeneDecoderKind::none) config.decoder_widths = decoder_widths(config);
    axes[a].widen(config, more);
    const StateTransition<float> wider(config);
    for (size_t i = 0; i < all.size(); ++i)
      for (size_t k = 0; k < all[i].shape.size(); ++k)
        if (wider.parameters().all()[i].shape[k] == all[i].shape[k] + more) out[i][k] = int(a);
  }
  return out;
}

/// The settings that a model must share with the one that it starts from.
template <class = void>
std::map<std::string, std::string> shared_settings(const StateTransitionConfig& config) {
  static constexpr std::string_view shared[] = {
      "hidden",        "backbone",         "attention", "layers",
      "heads",         "head_dim",         "mlp_width", "anchor",
      "basal_mlp",     "encoder_layers",   "head",      "decoder_layers",
      "output_space",  "predict_residual", "decoder",   "embedding_bottleneck",
      "clip_embedding"};
  std::map<std::string, std::string> out;
  visit_shape(config, [&](std::string_view key, const auto& field, auto) {
    if (std::find(std::begin(shared), std::end(shared), key) == std::end(shared)) return;
    if constexpr (std::is_enum_v<std::decay_t<decltype(field)>>)
      out.emplace(key, name_of_choice(field));
    else if constexpr (std::is_same_v<std::decay_t<decltype(field)>, bool>)
      out.emplace(key, field ? "true" : "false");
    else if constexpr (std::is_arithmetic_v<std::decay_t<decltype(field)>>)
      out.emplace(key, message(field));
  });
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
  const auto here = shared_settings(c), there = shared_settings(o);
  std::string differing;
  for (const auto& [key, value] : here) {
    // With features the model learns one thing more: whether they told its anchor.
    if (key == "anchor" && c.anchor != Anchor::none && o.anchor != Anchor::none) continue;
    if (key == "decoder" && (c.gene_width == 0 || o.gene_width == 0)) continue;  // of one alone
    if (value != there.at(key))
      differing += message(differing.empty() ? "" : ", ", "[model] ", key, " (", there.at(key),
                           " there, ", value, " here)");
  }
  if (!differing.empty())
    throw ConfigError(message("start_from: the model that training starts from has other settings ",
                              "than this one: ", differing, "; give those of that model"));
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

/// @throws ConfigError if an axis that goes by no names has another size
template <class = void>
void check_axes(const Parameter<float>& p, const Parameter<float>& old,
                const std::vector<int>& axes) {
  bool fits = p.shape.size() == old.shape.size();
  for (size_t k = 0; fits && k < p.shape.size(); ++k)
    fits = axes[k] >= 0 || p.shape[k] == old.shape[k];
  if (!fits)
    throw ConfigError(
        message("start_from: ", quoted(p.name), " is ", p.shape, ", and ", old.shape,
                " in the model that training starts from, where it does not go by names: the ",
                "inner widths of [model] output_space all_genes follow from the number of genes, ",
                "those of a decoder from [model] decoder_widths; give as many as that model has"));
}

/// The elements whose names both have, from the old parameter into the new one.
template <class = void>
void copy_named(const Parameter<float>& p, const Parameter<float>& old,
                const std::vector<int>& which, const std::vector<NamedAxis>& axes) {
  const auto from = old.value();
  const auto to = p.mutable_value();
  std::vector<size_t> at(p.shape.size(), 0);
  for (size_t i = 0; i < p.count; ++i) {
    size_t place = 0;
    bool there = true;
    for (size_t k = 0; k < at.size(); ++k) {
      const int64_t own = which[k] < 0 ? int64_t(at[k]) : axes[size_t(which[k])].from[at[k]];
      there &= own >= 0;
      place = place * old.shape[k] + (own < 0 ? 0 : size_t(own));
    }
    if (there) to(i) = from(place);
    for (size_t k = at.size(); k-- > 0 && ++at[k] == p.shape[k];) at[k] = 0;
  }
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
  const auto axes = detail::named_axes(m, old);
  const auto which = detail::axes_of_parameters(m, axes);
  const auto &all = m.model.parameters().all(), &before = old.model.parameters().all();
  StartedFrom out;
  for (size_t i = 0; i < all.size(); ++i) {
    const auto* found = old.model.parameters().find(all[i].name);
    if (found)
      detail::check_axes(all[i], *found, which[i]);
    else
      out.fresh.push_back(all[i].name);
  }
  for (const auto& p : before)
    if (!m.model.parameters().find(p.name)) out.left.push_back(p.name);
  for (size_t i = 0; i < all.size(); ++i)
    if (const auto* found = old.model.parameters().find(all[i].name))
      detail::copy_named(all[i], *found, which[i], axes);
  if (m.anchors && old.anchors) m.anchors->alpha = old.anchors->alpha;
  for (const auto& axis : axes) {
    const bool features =
        std::string_view(axis.what) == "perturbations" && !m.perturbations.is_one_hot();
    MatchedNames names{axis.what, {}, {}, {}};
    const auto &here = features ? m.perturbations.names() : axis.fresh,
               &there = features ? old.perturbations.names() : axis.old;
    const NamePlaces in_old(there), in_new(here);
    for (const auto& name : here)
      (in_old.contains(name) ? names.kept : names.fresh).push_back(name);
    for (const auto& name : there)
      if (!in_new.contains(name)) names.left.push_back(name);
    if (features)
      for (const auto& name : names.kept)
        if (m.perturbations.vector(name) != old.perturbations.vector(name))
          out.changed.push_back(name);
    out.names.push_back(std::move(names));
  }
  return out;
}

/// Says what a model got of the one that it starts from, a line for every list.
template <class = void>
void note_start(const StartedFrom& started, const Callbacks& callbacks) {
  for (const MatchedNames& n : started.names)
    note(callbacks, "starts from a model, ", n.what, ": ", n.kept.size(), " as there, ",
         n.fresh.size(), " new", n.fresh.empty() ? "" : message(" (", list_of(n.fresh), ")"), ", ",
         n.left.size(), " left out", n.left.empty() ? "" : message(" (", list_of(n.left), ")"));
  if (!started.fresh.empty())
    note(callbacks,
         "parameters that it does not have and that start afresh: ", list_of(started.fresh));
  if (!started.left.empty())
    note(callbacks, "parameters of it that are left out: ", list_of(started.left));
  if (!started.changed.empty())
    note(callbacks, "features that are not those it was trained with: of ",
         list_of(started.changed));
}

VCELL_INSTANTIATE(models, StartedFrom start_from<void>(TrainedModel&, const TrainedModel&));

VCELL_END_NAMESPACE
