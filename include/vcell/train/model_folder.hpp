#pragma once

#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/io/atomic_folder.hpp"
#include "vcell/models/reference_arrays.hpp"
#include "vcell/models/trained_model.hpp"
#include "vcell/nn/load_parameters.hpp"
#include "vcell/train/anchors_file.hpp"
#include "vcell/train/check_fits_weights.hpp"
#include "vcell/train/json_fields.hpp"
#include "vcell/train/model_fields.hpp"
#include "vcell/train/perturbation_features_file.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

inline constexpr uint64_t model_format_version = 2;

template <class = void>
void write_names(const std::filesystem::path& path, const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    if (name.find('\n') != name.npos)
      throw ConfigError(message("save_model: the name ", quoted(name), " has a line end, which ",
                                quoted(path.filename().string()), " cannot hold"));
    text += name + '\n';
  }
  write_text(path, text);
}

/// One name a line; every name once.
template <class = void>
std::vector<std::string> read_names(const std::filesystem::path& path) {
  const std::string text = read_text(path);
  if (!text.empty() && text.back() != '\n')
    throw FormatError(message("load_model: ", quoted(path.string()), " is cut off: its last line ",
                              "has no end"));
  std::vector<std::string> names;
  std::set<std::string_view> seen;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = text.find('\n', begin);
    const auto name = std::string_view(text).substr(begin, end - begin);
    names.emplace_back(name);
    if (!seen.insert(name).second)
      throw FormatError(message("load_model: ", quoted(path.string()), ", line ", names.size(),
                                ": ", quoted(name), " comes twice"));
    begin = end + 1;
  }
  return names;
}

/// The part of config.json that both directions share.
template <class Labels, class F>
void visit_labels(Labels& labels, F&& f) {
  f("perturbation_key", labels.perturbation_key);
  f("control", labels.control);
  f("context_keys", labels.context_keys);
  f("context_name", labels.context_name);
  f("batch_key", labels.batch_key);
}

template <class = void>
std::string config_text(const Json& config) {
  try {
    return json_text(config, 2) + '\n';
  } catch (const FormatError& error) {
    throw ConfigError(message("save_model: config.json: ", error.what(), "; names must be UTF-8"));
  }
}

template <class = void>
StateTransition<float> model_of(const StateTransitionConfig& config, const std::string& where) {
  try {
    return StateTransition<float>(config);
  } catch (const Error& error) {
    throw ConfigError(message(where, ": ", error.what()));
  }
}

/// The features of these perturbations, in this order.
/// @param doses  the least and the greatest; 0: there are none
template <class = void>
PerturbationFeatures read_features(const std::filesystem::path& folder,
                                   const std::vector<std::string>& names,
                                   const ScreenOptions& labels,
                                   const std::pair<double, double>& doses) {
  const auto path = folder / "perturbation_features.safetensors";
  const PerturbationFeatures file = read_perturbation_features(path);
  check_size_match("load_model", "vectors in perturbation_features.safetensors",
                   file.names().size(), "lines of perturbations.txt", names.size());
  PerturbationFeatures features(file.width());
  if (doses.first > 0) features.set_doses(doses.first, doses.second);
  for (const std::string& name : names)
    if (dose_of(name, labels) || !parts_of(name, labels).empty())
      features.derive(name, labels);
    else
      features.add(name, file.vector(name));
  return features;
}

/// A model into a folder that is there and empty.
template <class = void>
void write_model(const std::filesystem::path& fresh, const TrainedModel& m) {
  const auto into = [](Json& object) {
    return [&object](const char* key, const auto& field, auto...) {
      if constexpr (std::is_enum_v<std::decay_t<decltype(field)>>)
        object.add(key, json_of(name_of_choice(field)));
      else
        object.add(key, json_of(field));
    };
  };
  Json config, shape, labels;
  visit_shape(m.model.config(), into(shape));
  visit_widths(m.model.config(), into(shape));
  detail::visit_labels(m.labels, into(labels));
  const auto add = into(config);
  add("format_version", detail::model_format_version);
  add("kind", ModelKind::state_transition);
  config.add("model", std::move(shape));
  add("one_hot", m.perturbations.is_one_hot());
  if (!m.perturbations.silent().empty()) add("silent", m.perturbations.silent());
  add("set_size", m.set_size);
  if (!m.labels.combination_separator.empty())
    labels.add("combination_separator", json_of(m.labels.combination_separator));
  if (!m.labels.dose_key.empty()) {
    labels.add("dose_key", json_of(m.labels.dose_key));
    add("least_dose", m.perturbations.least_dose());
    add("greatest_dose", m.perturbations.greatest_dose());
  }
  config.add("labels", std::move(labels));
  add("scale", m.scale);
  add("target_sum", m.target_sum);
  if (!m.unnamed.empty()) add("unnamed", m.unnamed);
  if (!m.embedding_key.empty()) add("embedding_key", m.embedding_key);
  write_text(fresh / "config.json", detail::config_text(config));
  write_safetensors(fresh / "weights.safetensors", {{}, parameter_arrays(m.model.parameters())});
  detail::write_names(fresh / "genes.txt", m.genes);
  detail::write_names(fresh / "perturbations.txt", m.perturbations.names());
  detail::write_names(fresh / "contexts.txt", m.contexts);
  detail::write_names(fresh / "batches.txt", m.batches);
  if (!m.decoded_genes.empty()) detail::write_names(fresh / "decoded_genes.txt", m.decoded_genes);
  if (!m.perturbations.is_one_hot())
    write_perturbation_features(fresh / "perturbation_features.safetensors", m.perturbations);
  if (m.anchors) detail::write_anchors(fresh / "anchors.safetensors", *m.anchors);
  if (m.anchors && m.anchors->regression)
    write_feature_regression(fresh / "feature_regression.safetensors", *m.anchors->regression);
}

/// The folder of a member within that of its ensemble; counted from 1.
inline std::string member_folder(size_t member) { return message("member_", member); }

}  // namespace detail

/// Writes a model into a folder, whole or not at all, with all that prediction on another machine
/// takes:
///
///   config.json           format_version, shape of the model, labels, scale, target_sum
///   weights.safetensors   parameters under their names
///   genes.txt             a name a line, in the order of the columns; so are
///   perturbations.txt, contexts.txt, batches.txt
///   decoded_genes.txt     of a model with a gene decoder
///   perturbation_features.safetensors   unless perturbations are one-hot
///   anchors.safetensors   of an anchored model: shift and variance (pairs, genes), context and
///                         perturbation (pairs) as lines of their files, cells (pairs), shrinkage,
///                         alpha
///   feature_regression.safetensors   of one anchored at features: FeatureRegression
///
/// @throws ConfigError or ShapeError if names and widths do not fit each other; IoError
template <class = void>
void save_model(const std::filesystem::path& folder, const TrainedModel& m) {
  check_trained_model(m);
  write_folder(folder, [&](const std::filesystem::path& fresh) { detail::write_model(fresh, m); });
}

/// The same of the members of an ensemble: one alone is written as above, of several each into a
/// folder `member_1`, `member_2`, ... that is a model's by itself, beside a config.json which says
/// how many there are (`members`).
/// @throws ConfigError as check_members does, too
template <class = void>
void save_model(const std::filesystem::path& folder, std::span<const TrainedModel> members) {
  check_members(members);
  if (members.size() == 1) return save_model(folder, members[0]);
  for (const TrainedModel& m : members) check_trained_model(m);
  Json config;
  config.add("format_version", json_of(detail::model_format_version));
  config.add("kind", json_of(name_of_choice(ModelKind::state_transition)));
  config.add("members", json_of(members.size()));
  write_folder(folder, [&](const std::filesystem::path& fresh) {
    write_text(fresh / "config.json", detail::config_text(config));
    for (size_t i = 0; i < members.size(); ++i) {
      const auto own = fresh / detail::member_folder(i + 1);
      std::error_code error;  // where it matters, writing fails and says so
      std::filesystem::create_directory(own, error);
      detail::write_model(own, members[i]);
    }
  });
}

namespace detail {

template <class = void>
TrainedEnsemble load_members(const std::filesystem::path& folder, JsonFields& fields,
                             const std::string& where);

/// The rest of a folder whose kind is state_transition.
template <class = void>
TrainedModel load_state_transition(const std::filesystem::path& folder, JsonFields& fields,
                                   const std::string& where) {
  StateTransitionConfig config;
  JsonFields shape = fields.object("model");
  const auto read_shape = [&](const char* key, auto& field, auto) {
    if (is_first_key(key))
      shape.read(key, field);
    else
      shape.read_if_there(key, field);
  };
  visit_shape(config, read_shape);
  visit_widths(config, read_shape);
  shape.finish();

  const auto weights_path = folder / "weights.safetensors";
  auto weights = read_safetensors(weights_path).tensors;
  check_fits_weights(config, weights, where);
  auto names = read_names(folder / "perturbations.txt");
  bool one_hot = false;
  fields.read("one_hot", one_hot);
  std::vector<std::string> silent;
  fields.read_if_there("silent", silent);
  ScreenOptions labels;
  JsonFields label_fields = fields.object("labels");
  visit_labels(labels, [&](const char* key, auto& field) { label_fields.read(key, field); });
  label_fields.read_if_there("combination_separator", labels.combination_separator);
  label_fields.read_if_there("dose_key", labels.dose_key);
  std::pair<double, double> doses;
  fields.read_if_there("least_dose", doses.first);
  fields.read_if_there("greatest_dose", doses.second);
  if (labels.dose_key.empty() ? doses.first != 0 || doses.second != 0
                              : !(doses.first > 0 && doses.first <= doses.second))
    throw FormatError(message(where, ": 'least_dose' is ", doses.first, " and 'greatest_dose' ",
                              doses.second, ", expected ",
                              labels.dose_key.empty() ? "neither without a 'dose_key'"
                                                      : "numbers above 0, the least first"));
  label_fields.finish();
  TrainedModel m{.model = model_of(config, where),
                 .genes = read_names(folder / "genes.txt"),
                 .perturbations = one_hot ? PerturbationFeatures::one_hot(singles(names, labels))
                                          : read_features(folder, names, labels, doses),
                 .contexts = read_names(folder / "contexts.txt"),
                 .batches = read_names(folder / "batches.txt"),
                 .labels = labels};
  if (doses.first > 0) m.perturbations.set_doses(doses.first, doses.second);
  m.perturbations.combine(names, labels);
  for (const auto& name : silent) m.perturbations.silence(name);
  if (config.gene_width) m.decoded_genes = read_names(folder / "decoded_genes.txt");
  if (config.anchor != Anchor::none)
    m.anchors = read_anchors(folder / "anchors.safetensors", m.genes.size());
  if (config.anchor == Anchor::features)
    m.anchors->regression = read_feature_regression(folder / "feature_regression.safetensors");
  fields.read("set_size", m.set_size);
  fields.read("scale", m.scale);
  fields.read("target_sum", m.target_sum);
  fields.read_if_there("unnamed", m.unnamed);
  fields.read_if_there("embedding_key", m.embedding_key);
  fields.finish();
  try {
    check_trained_model(m);
  } catch (const Error& error) {
    throw ConfigError(message("load_model: ", quoted(folder.string()), ": ", error.what()));
  }
  load_parameters(
      m.model.parameters(), std::move(weights),
      [&](std::string_view name) { return plays_no_part(config, name); },
      message("load_model: ", quoted(weights_path.string())));
  m.model.parameters().values();  // laid out here, not in whatever prediction comes first
  return m;
}

/// The kind that a config.json begins with, after a version that this vcell reads.
template <class = void>
ModelKind read_kind(JsonFields& fields, const std::string& where) {
  uint64_t version = 0;
  fields.read("format_version", version);
  if (version < 1 || version > model_format_version)
    throw FormatError(message(where, ": 'format_version' is ", version, ", this vcell reads 1 to ",
                              model_format_version,
                              "; use the version of vcell that wrote the model, or a newer one"));
  ModelKind kind{};
  fields.read("kind", kind);
  return kind;
}

}  // namespace detail

/// A model of any kind that a folder can hold: a closed list, so that whoever loads one says what
/// it does with each.
using AnyModel = std::variant<TrainedModel, TrainedEnsemble>;

/// The models to predict with: the one, or all members.
inline std::span<const TrainedModel> members_of(const AnyModel& any) {
  if (const auto* ensemble = std::get_if<TrainedEnsemble>(&any))
    return {ensemble->members.data(), ensemble->members.size()};
  return {&std::get<TrainedModel>(any), 1};
}
inline std::span<TrainedModel> members_of(AnyModel& any) {
  if (auto* ensemble = std::get_if<TrainedEnsemble>(&any))
    return {ensemble->members.data(), ensemble->members.size()};
  return {&std::get<TrainedModel>(any), 1};
}

std::span<const TrainedModel> members_of(AnyModel&&) = delete;  // they would be gone

/// Reads a model that save_model wrote. Everything is checked: files, keys, names, shapes.
/// @throws IoError if a file cannot be read; FormatError, ConfigError or ShapeError naming the file
///         and the key or name
template <class = void>
AnyModel load_model(const std::filesystem::path& named) {
  const auto whole = whole_folder(named);
  const auto& folder = whole.empty() ? named : whole;
  const auto path = folder / "config.json";
  const std::string where = message("load_model: ", quoted(path.string()));
  const Json json = parse_json_object(read_text(path), where);
  JsonFields fields(json, where);
  const ModelKind kind = detail::read_kind(fields, where);
  if (json.find("members")) return detail::load_members(folder, fields, where);
  switch (kind) {
    case ModelKind::state_transition:
      return detail::load_state_transition(folder, fields, where);
    case ModelKind::state_embedding:
      throw FormatError(message(where, ": 'kind' is 'state_embedding', a model that embeds cells ",
                                "and predicts no perturbation (load_embedding)"));
  }
  detail::fail<FormatError>(where, ": 'kind' has no reader");
}

namespace detail {

/// The members that the config.json of an ensemble speaks of.
template <class>
TrainedEnsemble load_members(const std::filesystem::path& folder, JsonFields& fields,
                             const std::string& where) {
  size_t members = 0;
  fields.read("members", members);
  fields.finish();
  if (members == 0 || members > most_members)
    throw FormatError(message(where, ": 'members' is ", members, ", expected 1 to ", most_members));
  TrainedEnsemble out;
  for (size_t i = 1; i <= members; ++i) {
    const auto own = folder / member_folder(i);
    if (!std::filesystem::is_directory(own))
      throw IoError(message(where, ": 'members' is ", members, ", and there is no folder ",
                            quoted(own.string()), "; copy the model's folder whole"));
    auto member = load_model(own);
    auto* model = std::get_if<TrainedModel>(&member);
    if (!model) throw FormatError(message(where, ": ", member_folder(i), " is an ensemble itself"));
    out.members.push_back(std::move(*model));
  }
  try {
    check_members(std::span<const TrainedModel>(out.members));
  } catch (const Error& error) {
    throw ConfigError(message(where, ": ", error.what()));
  }
  return out;
}

}  // namespace detail

VCELL_INSTANTIATE(files, void save_model<void>(const std::filesystem::path&, const TrainedModel&));
VCELL_INSTANTIATE(files, void save_model<void>(const std::filesystem::path&,
                                               std::span<const TrainedModel>));
VCELL_INSTANTIATE(files, AnyModel load_model<void>(const std::filesystem::path&));

VCELL_END_NAMESPACE
