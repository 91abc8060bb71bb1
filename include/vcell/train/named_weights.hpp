#pragma once

#include <algorithm>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "vcell/core/callbacks.hpp"
#include "vcell/core/name_places.hpp"
#include "vcell/nn/parameters.hpp"
#include "vcell/train/choices.hpp"

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
  /// Names in both whose vectors are not those that the old model was trained with.
  std::vector<std::string> changed;
  std::string remark;  ///< what else is not as it was; empty: nothing
};

namespace detail {

/// A list of names that sizes of parameters follow.
/// @tparam Config  of the model
template <class Config>
struct NamedAxis {
  const char* what;
  std::vector<std::string> fresh, old;  ///< of the new model and of the old one, in their order
  void (*widen)(Config&, size_t);       ///< makes the sizes larger that follow from the list
  std::vector<int64_t> from = {};       ///< places of the new ones in old; -1: not there
};

/// Which names the axes of every parameter go by, found by making the lists longer: an axis that
/// grows as much is one of them. -1: none.
/// @param axes  their `from` is filled in, too
template <class Model, class Config>
std::vector<std::vector<int>> axes_of_parameters(const Model& model, const Config& config,
                                                 std::vector<NamedAxis<Config>>& axes) {
  const auto& all = model.parameters().all();
  std::vector<std::vector<int>> out;
  for (const auto& p : all) out.emplace_back(p.shape.size(), -1);
  constexpr size_t more = 8;
  for (size_t a = 0; a < axes.size(); ++a) {
    const NamePlaces places(axes[a].old);
    axes[a].from.clear();
    for (const std::string& name : axes[a].fresh) {
      const auto found = places.find(name);
      axes[a].from.push_back(found ? int64_t(*found) : -1);
    }
    Config widened = config;
    axes[a].widen(widened, more);
    const Model wider(widened);
    for (size_t i = 0; i < all.size(); ++i)
      for (size_t k = 0; k < all[i].shape.size(); ++k)
        if (wider.parameters().all()[i].shape[k] == all[i].shape[k] + more) out[i][k] = int(a);
  }
  return out;
}

/// The elements whose names both have, from the old parameter into the new one.
template <class Config>
void copy_named(const Parameter<float>& p, const Parameter<float>& old,
                const std::vector<int>& which, const std::vector<NamedAxis<Config>>& axes) {
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

/// Which names are in both lists, and which in one alone.
template <class = void>
MatchedNames match_names(std::string what, const std::vector<std::string>& fresh,
                         const std::vector<std::string>& old) {
  MatchedNames out{std::move(what), {}, {}, {}};
  const NamePlaces in_old(old), in_new(fresh);
  for (const auto& name : fresh) (in_old.contains(name) ? out.kept : out.fresh).push_back(name);
  for (const auto& name : old)
    if (!in_new.contains(name)) out.left.push_back(name);
  return out;
}

/// Gives parameters of a model the values that those of another one have under the same names.
/// Nothing changes unless all shapes fit.
/// @param why  what sizes follow from that go by no names, for a message
/// @return     the parameters that one of the two has alone; the lists are left empty
/// @throws ConfigError if an axis that goes by no names has another size
template <class Model, class Config>
StartedFrom take_named(const Model& model, const Config& config, const Model& old,
                       std::vector<NamedAxis<Config>>& axes, const char* why) {
  const auto which = axes_of_parameters(model, config, axes);
  const auto& all = model.parameters().all();
  StartedFrom out;
  for (size_t i = 0; i < all.size(); ++i) {
    const auto* found = old.parameters().find(all[i].name);
    if (!found) {
      out.fresh.push_back(all[i].name);
      continue;
    }
    bool fits = all[i].shape.size() == found->shape.size();
    for (size_t k = 0; fits && k < all[i].shape.size(); ++k)
      fits = which[i][k] >= 0 || all[i].shape[k] == found->shape[k];
    if (!fits)
      throw ConfigError(message("start_from: ", quoted(all[i].name), " is ", all[i].shape, ", and ",
                                found->shape, " in the model that training starts from, where it ",
                                "does not go by names: ", why, "; give as many as that model has"));
  }
  for (const auto& p : old.parameters().all())
    if (!model.parameters().find(p.name)) out.left.push_back(p.name);
  for (size_t i = 0; i < all.size(); ++i)
    if (const auto* found = old.parameters().find(all[i].name))
      copy_named(all[i], *found, which[i], axes);
  return out;
}

/// Settings with these keys as text, by key.
/// @param visit  calls what it is given with (key, field, ...) for each setting
template <class Visit>
std::map<std::string, std::string> setting_texts(std::span<const std::string_view> keys,
                                                 Visit&& visit) {
  std::map<std::string, std::string> out;
  visit([&](std::string_view key, const auto& field, auto&&...) {
    using T = std::decay_t<decltype(field)>;
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) return;
    if constexpr (std::is_enum_v<T>)
      out.emplace(key, name_of_choice(field));
    else if constexpr (std::is_arithmetic_v<T>)
      out.emplace(key, message(field));
  });
  return out;
}

/// @throws ConfigError naming every [model] setting that differs, with both values
template <class = void>
void check_same_settings(const std::map<std::string, std::string>& here,
                         const std::map<std::string, std::string>& there) {
  std::string differing;
  for (const auto& [key, value] : here)
    if (value != there.at(key))
      differing += message(differing.empty() ? "" : ", ", "[model] ", key, " (", there.at(key),
                           " there, ", value, " here)");
  if (!differing.empty())
    throw ConfigError(message("start_from: the model that training starts from has other settings ",
                              "than this one: ", differing, "; give those of that model"));
}

}  // namespace detail

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
    note(callbacks, "vectors that are not those it was trained with: of ",
         list_of(started.changed));
  if (!started.remark.empty()) note(callbacks, started.remark);
}

VCELL_END_NAMESPACE
