#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/io/csv.hpp"
#include "vcell/io/number_text.hpp"
#include "vcell/io/safetensors.hpp"
#include "vcell/models/perturbation_features.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

template <class = void>
PerturbationFeatures features_from_csv(const std::filesystem::path& path) {
  const CsvTable table = read_csv(path);
  PerturbationFeatures features(table.header.size() - 1);
  std::vector<float> values(features.width());
  for (size_t i = 0; i < table.rows.size(); ++i) {
    const auto& row = table.rows[i];
    for (size_t j = 0; j < values.size(); ++j) {
      const auto number = parse_number(row[j + 1]);
      if (!number)
        throw FormatError(message("read_perturbation_features: ", quoted(path.string()), ", row ",
                                  i + 1, " (", quoted(row[0]), "), column ",
                                  quoted(table.header[j + 1]), ": ", quoted(row[j + 1]),
                                  ", expected a number"));
      values[j] = float(*number);
    }
    features.add(row[0], values);
  }
  return features;
}

template <class = void>
PerturbationFeatures features_from_safetensors(const std::filesystem::path& path) {
  const auto tensors = read_safetensors(path).tensors;
  const size_t width = tensors.empty() ? 0 : tensors.begin()->second.count();
  PerturbationFeatures features(width);
  for (const auto& entry : tensors) {
    const std::string& name = entry.first;
    const Array& array = entry.second;
    if (array.shape != std::vector<size_t>{width} || array.dtype() < DType::f16)
      throw FormatError(message("read_perturbation_features: ", quoted(path.string()), ", array ",
                                quoted(name), ": ", name_of(array.dtype()), ' ', array.shape,
                                ", expected floating-point numbers of shape (", width,
                                "), as the first has"));
    features.add(name, array.as<float>());
  }
  return features;
}

}  // namespace detail

/// Reads what a model is to know of perturbations: a vector for each name, all of one width.
///
/// - `.csv`: a line of column names, then on every line a name and its numbers;
/// - `.safetensors`: a vector for each perturbation, under its name.
///
/// @throws IoError; FormatError naming file and place; ConfigError naming the file if its ending is
///         another, a name comes twice, a number is not finite, or there is none
template <class = void>
PerturbationFeatures read_perturbation_features(const std::filesystem::path& path) {
  const bool is_csv = path.extension() == ".csv";
  if (!is_csv && path.extension() != ".safetensors")
    throw ConfigError(message("read_perturbation_features: ", quoted(path.string()),
                              ": expected a file that ends in .csv or .safetensors"));
  try {
    PerturbationFeatures features =
        is_csv ? detail::features_from_csv(path) : detail::features_from_safetensors(path);
    if (features.width() == 0 || features.names().empty())
      throw ConfigError("it holds no features");
    return features;
  } catch (const ConfigError& error) {
    throw ConfigError(
        message("read_perturbation_features: ", quoted(path.string()), ": ", error.what()));
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
