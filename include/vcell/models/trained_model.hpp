#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vcell/models/anchors.hpp"
#include "vcell/models/perturbation_features.hpp"
#include "vcell/models/shift_at_dose.hpp"
#include "vcell/models/state_transition.hpp"
#include "vcell/preprocess/declared_scale.hpp"
#include "vcell/sets/screen.hpp"

VCELL_BEGIN_NAMESPACE

/// A State Transition model with all that it takes to use it on other data: what its inputs and
/// outputs are called, and how expression was brought to its scale.
struct TrainedModel {
  StateTransition<float> model;
  std::vector<std::string> genes;      ///< of every input and output column, in order
  PerturbationFeatures perturbations;  ///< those it can predict, the control among them
  std::vector<std::string> contexts;   ///< those it was trained on
  std::vector<std::string> batches;    ///< in the order of its batch encoder and of what its batch
                                       ///< token tells; empty without either
  ScreenOptions labels;                ///< the obs columns it was trained with, and the control
  Scale scale = Scale::log1p;          ///< of X in the file it was trained on
  /// The total that counts were normalised to before log1p; not known when X was log1p already.
  std::optional<double> target_sum = {};
  size_t set_size = 32;                         ///< S: cells in a training set
  std::vector<std::string> decoded_genes = {};  ///< of its gene decoder; empty without one
  /// Of obsm, the embedding of cells that it reads; empty: X, or what a State Embedding model makes
  /// of it.
  std::string embedding_key = {};
  /// What an anchored model predicts from, by the codes of contexts and of perturbations' places.
  std::optional<Anchors> anchors = {};
  /// Of "genes", "decoded genes" and "perturbations" those whose names are not known, as in a
  /// checkpoint that came without them: numbers stand in their place, and prediction asks for the
  /// names (name_model).
  std::vector<std::string> unnamed = {};
};

/// Whether the names of "genes", "decoded genes" or "perturbations" are not known.
inline bool is_unnamed(const TrainedModel& m, std::string_view what) {
  return std::find(m.unnamed.begin(), m.unnamed.end(), what) != m.unnamed.end();
}

/// @throws ConfigError or ShapeError if names and widths do not fit each other
template <class = void>
void check_trained_model(const TrainedModel& m) {
  const auto& c = m.model.config();
  check_size_match("TrainedModel", "genes", m.genes.size(), "config.input_width", c.input_width);
  check_size_match("TrainedModel", "genes", m.genes.size(), "config.output_width", c.output_width);
  check_size_match("TrainedModel", "width of the perturbations",
                   m.perturbations.width() + (c.anchor == Anchor::features),
                   "config.perturbation_width", c.perturbation_width);
  check_size_match("TrainedModel", "batches", m.batches.size(), "config.batches or token_batches",
                   std::max(c.batches, c.token_batches));
  check_size_match("TrainedModel", "decoded_genes", m.decoded_genes.size(), "config.gene_width",
                   c.gene_width);
  for (const std::string& what : m.unnamed)
    if (what != "genes" && what != "decoded genes" && what != "perturbations")
      throw ConfigError(message("TrainedModel: unnamed has ", quoted(what),
                                ", expected genes, decoded genes or perturbations"));
  if (!is_unnamed(m, "perturbations")) m.perturbations.place(m.labels.control);
  check_positive("TrainedModel", "set_size", m.set_size);
  if (m.anchors.has_value() != (c.anchor != Anchor::none))
    throw ConfigError(message("TrainedModel: there are ", m.anchors ? "" : "no ",
                              "anchors, and config.anchor says otherwise"));
  if (m.anchors) {
    const PairShifts& shifts = m.anchors->shifts;
    check_size_match("TrainedModel", "genes of the anchors", shifts.genes(), "genes",
                     m.genes.size());
    for (size_t i = 0; i < shifts.pairs(); ++i) {
      check_index("TrainedModel", "context of an anchor", size_t(shifts.context[i]),
                  m.contexts.size());
      check_index("TrainedModel", "perturbation of an anchor", size_t(shifts.perturbation[i]),
                  m.perturbations.names().size());
    }
  }
  if ((m.anchors && m.anchors->regression) != (c.anchor == Anchor::features))
    throw ConfigError(message("TrainedModel: there is ",
                              c.anchor == Anchor::features ? "no " : "a ",
                              "regression from features, and config.anchor says otherwise"));
  if (c.anchor == Anchor::features) {
    const FeatureRegression& r = *m.anchors->regression;
    check_feature_regression(r);
    check_size_match("TrainedModel", "features of the regression", r.features(),
                     "width of the perturbations", m.perturbations.width());
    check_size_match("TrainedModel", "contexts of the regression", r.contexts(), "contexts",
                     m.contexts.size());
    check_size_match("TrainedModel", "genes of the regression", r.genes(), "genes", m.genes.size());
  }
  if (m.target_sum) check_positive("TrainedModel", "target_sum", *m.target_sum);
}

/// Models that were trained on the same cells, each with another seed: what they predict is
/// averaged.
struct TrainedEnsemble {
  std::vector<TrainedModel> members;  ///< one or more
};

/// @throws ConfigError if there is no member, or two of them differ in genes, perturbations,
///         contexts, batches, labels or scale
template <class = void>
void check_members(std::span<const TrainedModel> members) {
  check_positive("TrainedEnsemble", "number of members", members.size());
  for (size_t i = 1; i < members.size(); ++i) {
    const TrainedModel &a = members[0], &b = members[i];
    const auto check = [&](bool same, const char* what) {
      if (!same)
        throw ConfigError(message("TrainedEnsemble: the ", what, " of member ", i + 1,
                                  " are not those of member 1; members are of one training"));
    };
    check(a.genes == b.genes, "genes");
    check(a.perturbations.names() == b.perturbations.names(), "perturbations");
    check(a.contexts == b.contexts, "contexts");
    check(a.decoded_genes == b.decoded_genes && a.embedding_key == b.embedding_key,
          "decoded genes and embedding");
    check(a.batches == b.batches, "batches");
    check(a.labels.perturbation_key == b.labels.perturbation_key &&
              a.labels.control == b.labels.control && a.labels.batch_key == b.labels.batch_key &&
              a.labels.context_keys == b.labels.context_keys &&
              a.labels.context_name == b.labels.context_name &&
              a.labels.combination_separator == b.labels.combination_separator &&
              a.labels.dose_key == b.labels.dose_key,
          "labels");
    check(a.scale == b.scale && a.target_sum == b.target_sum, "scale and target_sum");
  }
}

/// What a model reads of a perturbation in a context.
struct PerturbationInput {
  std::vector<float> vector;  ///< config.perturbation_width
  std::vector<float> anchor;  ///< (genes), zeros for the control; empty of a model without anchors
  double alpha = 1;           ///< how much of what the model adds to the anchor is believed
};

namespace detail {

/// An anchor, and whether features told it; empty where nothing does.
struct ToldAnchor {
  std::vector<float> anchor;
  bool by_features = false;
};

/// What other doses of a perturbation say of it at a dose; empty where nothing does.
template <class = void>
std::vector<float> by_other_doses(const TrainedModel& m, size_t place, int32_t context) {
  std::vector<CodeAtDose> others;
  for (const size_t other : m.perturbations.other_doses(place))
    others.push_back({int32_t(other), m.perturbations.at_dose(other).amount});
  if (others.empty()) return {};
  const auto shift =
      shift_at_dose(m.anchors->shifts, m.perturbations.at_dose(place).amount, context, others);
  return {shift.begin(), shift.end()};
}

/// @param parts  whether a combination is told of by its parts
template <class = void>
ToldAnchor told_anchor(const TrainedModel& m, size_t place, int32_t context, bool parts = true) {
  const Anchors& anchors = *m.anchors;
  const auto pieces = parts ? m.perturbations.parts(place) : std::span<const size_t>();
  if (pieces.empty()) {
    auto anchor = anchor_of(anchors, int32_t(place), context);
    if (anchor.empty()) anchor = by_other_doses(m, place, context);
    if (!anchor.empty() || !anchors.regression || m.perturbations.is_combination(place))
      return {std::move(anchor), false};
    std::vector<float> features(m.perturbations.width());
    m.perturbations.copy<float>(place, features);
    return {shift_of(*anchors.regression, features, context), true};
  }
  // The parts as they were learnt anywhere, this context too: their cells are not predicted here.
  ToldAnchor out{std::vector<float>(m.genes.size(), 0.f), false};
  bool shifts = true;
  for (const size_t piece : pieces) shifts &= !pairs_of(anchors.shifts, int32_t(piece)).empty();
  if (!shifts) {
    auto own = told_anchor(m, place, context, false);
    if (!own.anchor.empty()) return own;
  }
  for (const size_t piece : pieces) {
    const auto told = told_anchor(m, piece, shifts ? -1 : context);
    if (told.anchor.empty()) return {};
    for (size_t g = 0; g < out.anchor.size(); ++g) out.anchor[g] += told.anchor[g];
    out.by_features |= told.by_features;
  }
  return out;
}

}  // namespace detail

/// The input of a perturbation in a context, by their names. The anchor is the mean shift of what
/// was learnt of it, and of what was learnt nowhere that of the regression from features. Where
/// features tell nothing (FeatureKernel::none), the model can have learnt nothing from them either,
/// and alpha is 0. A combination has the sum of its parts' mean shifts; if a part was not learnt
/// alone, it is as any other perturbation, and if it was not learnt itself, the sum of what is said
/// of its parts. A dose that was not learnt has the shift that the others tell (shift_at_dose).
/// @param context  may be one that the model does not know
/// @throws ConfigError if the perturbation has no features, or was learnt nowhere and the model is
///         anchored at shifts alone
template <class = void>
PerturbationInput input_of(const TrainedModel& m, const std::string& perturbation,
                           const std::string& context) {
  PerturbationInput out{m.perturbations.vector(perturbation), {}, 1};
  if (!m.anchors) return out;
  detail::ToldAnchor told;
  if (perturbation == m.labels.control) {
    told.anchor.assign(m.genes.size(), 0.f);
  } else {
    const auto found = std::find(m.contexts.begin(), m.contexts.end(), context);
    told =
        detail::told_anchor(m, m.perturbations.place(perturbation),
                            found == m.contexts.end() ? -1 : int32_t(found - m.contexts.begin()));
  }
  if (told.anchor.empty())
    throw ConfigError(message("anchor_of: the model has learnt from no cell of ",
                              quoted(perturbation), ", so there is no shift to start from; train ",
                              "a model with anchor features to predict perturbations that no ",
                              "context trains on"));
  const bool blind = told.by_features && m.anchors->regression->kernel == FeatureKernel::none;
  out.alpha = blind ? 0 : m.anchors->alpha;
  out.anchor = std::move(told.anchor);
  if (m.anchors->regression) out.vector.push_back(told.by_features);
  return out;
}

/// Lets a model predict perturbations that it never saw, by features, and other doses.
/// @param features  of them, or of a combination's parts; names that the model knows are left as
///                  they are
/// @throws ConfigError naming the perturbation, if the model knows perturbations by name alone
///         (one-hot), or was trained with doses and the name has none; ShapeError if the features
///         have another width than those it was trained with
template <class = void>
void add_perturbations(TrainedModel& m, const PerturbationFeatures& features,
                       const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const auto dosed = dose_of(name, m.labels);
    if (!dosed && !m.labels.dose_key.empty() && name != m.labels.control)
      throw ConfigError(message("add_perturbations: the model was trained with doses, and ",
                                quoted(name), " has none; write ",
                                quoted(label_of({name, m.perturbations.greatest_dose()})),
                                " for it at dose ", m.perturbations.greatest_dose()));
    if (m.perturbations.has(name)) continue;
    if (const auto pieces = parts_of(name, m.labels); !pieces.empty()) {
      add_perturbations(m, features, pieces);
      m.perturbations.combine(name, pieces);
      continue;
    }
    const std::string& single = dosed ? dosed->name : name;
    if (!m.perturbations.has(single)) {
      if (m.perturbations.is_one_hot())
        throw ConfigError(
            message("add_perturbations: the model knows perturbations by their names ",
                    "alone (one-hot), and ", quoted(single), " was none of them; train ",
                    "with [data] perturbation_features to predict what was never seen"));
      m.perturbations.add(single, features.vector(single));
    }
    if (dosed) m.perturbations.add_dose(name, *dosed);
  }
}

VCELL_END_NAMESPACE
