#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/io/csv.hpp"
#include "vcell/io/npz.hpp"
#include "vcell/io/number_text.hpp"
#include "vcell/io/safetensors.hpp"
#include "vcell/io/torch_archive.hpp"
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
PerturbationFeatures features_of(const std::filesystem::path& path,
                                 const std::map<std::string, Array>& arrays) {
  const size_t width = arrays.empty() ? 0 : arrays.begin()->second.count();
  PerturbationFeatures features(width);
  for (const auto& entry : arrays) {
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

/// A vector for each name, or one list of names and one matrix of as many rows.
template <class = void>
PerturbationFeatures features_from_npz(const std::filesystem::path& path) {
  auto entries = read_npz(path);
  std::map<std::string, Array> arrays;
  const std::vector<std::string>* names = nullptr;
  for (auto& [name, entry] : entries) {
    if (entry.is_texts)
      names = &entry.texts;
    else
      arrays.emplace(name, std::move(entry.numbers));
  }
  if (!names) return features_of(path, arrays);
  const Array* matrix = arrays.empty() ? nullptr : &arrays.begin()->second;
  if (entries.size() != 2 || !matrix || matrix->shape.size() != 2 ||
      matrix->shape[0] != names->size())
    throw FormatError(message("read_perturbation_features: ", quoted(path.string()), " has ",
                              entries.size(), " arrays and a list of ", names->size(),
                              " names among them, expected beside it one matrix with a row for ",
                              "each name"));
  PerturbationFeatures features(matrix->shape[1]);
  const auto values = matrix->as<float>();
  for (size_t i = 0; i < names->size(); ++i)
    features.add((*names)[i], std::span(values).subspan(i * features.width(), features.width()));
  return features;
}

/// The file's own reader, by its ending; nothing for another ending.
template <class = void>
std::optional<PerturbationFeatures> features_by_ending(const std::filesystem::path& path) {
  const std::string ending = path.extension().string();
  if (ending == ".csv") return features_from_csv(path);
  if (ending == ".safetensors") return features_of(path, read_safetensors(path).tensors);
  if (ending == ".npz") return features_from_npz(path);
  if (ending == ".pt" || ending == ".pth" || ending == ".torch" || ending == ".pkl") {
    TorchArchive archive(path);
    if (!archive.root().is(PickleKind::dict))
      archive.root().fail("stands where a dict of a vector for each perturbation is expected");
    return features_of(path, archive.arrays(archive.root()));
  }
  return std::nullopt;
}

}  // namespace detail

/// Reads what a model is to know of perturbations: a vector for each name, all of one width.
///
/// - `.csv`: a line of column names, then on every line a name and its numbers;
/// - `.safetensors`: a vector for each perturbation, under its name; so are the dicts of `.pt`,
///   `.pth`, `.torch` and `.pkl`, as ESM-2's are handed round;
/// - `.npz`: the same, or one list of names and one matrix with a row for each.
///
/// @throws IoError; FormatError naming file and place; ConfigError naming the file if its ending is
///         another, a name comes twice, a number is not finite, or there is none
template <class = void>
PerturbationFeatures read_perturbation_features(const std::filesystem::path& path) {
  try {
    auto read = detail::features_by_ending(path);
    if (!read)
      throw ConfigError(
          "expected a file that ends in .csv, .safetensors, .pt, .pth, .torch, .pkl or "
          ".npz");
    PerturbationFeatures features = std::move(*read);
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
