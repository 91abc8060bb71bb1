#pragma once

#include <filesystem>
#include <string>

#include "vcell/core/instantiate.hpp"
#include "vcell/io/named_vectors.hpp"
#include "vcell/models/perturbation_features.hpp"

VCELL_BEGIN_NAMESPACE

/// Reads what a model is to know of perturbations: a vector for each name, all of one width, out of
/// one of the files of read_named_vectors.
///
/// @throws IoError; FormatError naming file and place; ConfigError naming the file if its ending is
///         another, a name comes twice, a number is not finite, or there is none
template <class = void>
PerturbationFeatures read_perturbation_features(const std::filesystem::path& path) {
  const VectorsOf of{"read_perturbation_features", "perturbation", "features"};
  const NamedVectors file = read_named_vectors(path, of);
  try {
    PerturbationFeatures features(file.width);
    for (size_t i = 0; i < file.names.size(); ++i) features.add(file.names[i], file.vector(i));
    return features;
  } catch (const ConfigError& error) {
    throw ConfigError(message(of.function, ": ", quoted(path.string()), ": ", error.what()));
  }
}

/// Writes features as safetensors, which read_perturbation_features reads back.
/// @throws IoError
template <class = void>
void write_perturbation_features(const std::filesystem::path& path,
                                 const PerturbationFeatures& features) {
  Safetensors file;
  for (const std::string& name : features.names()) {
    const auto values = features.vector(name);
    file.tensors[name] = Array::of<float>({values.size()}, values);
  }
  write_safetensors(path, file);
}

VCELL_INSTANTIATE(
    files, PerturbationFeatures read_perturbation_features<void>(const std::filesystem::path&));
VCELL_INSTANTIATE(files, void write_perturbation_features<void>(const std::filesystem::path&,
                                                                const PerturbationFeatures&));

VCELL_END_NAMESPACE
