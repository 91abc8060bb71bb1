#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vcell/io/torch_archive.hpp"
#include "vcell/models/perturbation_features.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// The names of one-hot vectors in the order of their places; nothing if they are others.
template <class = void>
std::optional<std::vector<std::string>> one_hot_names(
    const std::map<std::string, std::vector<float>>& vectors) {
  std::vector<std::string> names(vectors.size());
  std::vector<uint8_t> taken(vectors.size(), 0);
  for (const auto& [name, vector] : vectors) {
    size_t ones = 0, place = 0;
    for (size_t i = 0; i < vector.size(); ++i) {
      if (vector[i] != 0 && vector[i] != 1) return std::nullopt;
      if (vector[i] == 1) place = i;
      ones += vector[i] == 1;
    }
    if (vector.size() != names.size() || ones != 1 || taken[place]++) return std::nullopt;
    names[place] = name;
  }
  return names;
}

/// The names of a dict of places, in their order.
template <class = void>
std::vector<std::string> names_by_place(const PickleValue& places) {
  std::vector<std::string> names(places.size());
  std::vector<uint8_t> taken(places.size(), 0);
  for (size_t i = 0; i < places.size(); ++i) {
    const int64_t at = places.value(i).integer();
    if (at < 0 || size_t(at) >= names.size() || taken[size_t(at)]++)
      places.value(i).fail(
          message("is ", at, ", expected a place below ", names.size(), " that no other name has"));
    names[size_t(at)] = places.key(i).text();
  }
  return names;
}

/// The file of a map, whichever ending it has; nothing if there is none.
template <class = void>
std::optional<std::filesystem::path> map_file(const std::filesystem::path& folder,
                                              const std::string& name) {
  for (const char* ending : {".torch", ".pt", ".pkl"})
    if (std::filesystem::exists(folder / (name + ending))) return folder / (name + ending);
  return std::nullopt;
}

}  // namespace detail

/// A map of a run folder of the reference (`pert_onehot_map`, `batch_onehot_map`,
/// `cell_type_onehot_map`, with `.torch`, `.pt` or `.pkl`): a dict of a vector, or a number that is
/// its place, for each name.
///
/// @return one-hot, in the order of the places; or the vectors, if they are others. Nothing if the
///         folder has no such file
/// @throws FormatError naming the file if it is something else, or a name that comes twice
template <class = void>
std::optional<PerturbationFeatures> read_reference_map(const std::filesystem::path& folder,
                                                       const std::string& name) {
  const auto path = detail::map_file(folder, name);
  if (!path) return std::nullopt;
  TorchArchive archive(*path);
  const PickleValue root = archive.root();
  if (!root.is(PickleKind::dict) || root.size() == 0)
    root.fail("stands where a dict of a vector for each name is expected");
  if (root.value(0).is(PickleKind::integer))
    return PerturbationFeatures::one_hot(detail::names_by_place(root));
  std::map<std::string, std::vector<float>> vectors;
  for (auto& entry : archive.arrays(root)) vectors[entry.first] = entry.second.as<float>();
  if (const auto names = detail::one_hot_names(vectors))
    return PerturbationFeatures::one_hot(*names);
  PerturbationFeatures out(vectors.begin()->second.size());
  for (const auto& entry : vectors) {
    if (entry.second.size() != out.width())
      throw FormatError(message("read_reference_map: ", quoted(path->string()), ": ",
                                quoted(entry.first), " has ", entry.second.size(),
                                " numbers, expected ", out.width(), " as the first has"));
    out.add(entry.first, entry.second);
  }
  return out;
}

VCELL_END_NAMESPACE
