#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/data/gene_table.hpp"
#include "vcell/train/perturbation_features_file.hpp"

VCELL_BEGIN_NAMESPACE

/// Reads a table of gene vectors: a vector for each name, all of one width. The formats are those
/// of read_perturbation_features, `.safetensors`, `.npz`, `.csv`, and the dicts of `.pt` and `.pkl`
/// as ESM-2's are handed round; a dict's genes stand in the order of their names.
/// @param source  where the vectors come from; empty: the file's name
/// @throws IoError; FormatError, ConfigError naming file and place
template <class = void>
GeneTable read_gene_table(const std::filesystem::path& path, std::string source = "") {
  const PerturbationFeatures file = read_perturbation_features(path);
  std::vector<float> values(file.names().size() * file.width());
  for (size_t i = 0; i < file.names().size(); ++i)
    file.copy<float>(i, std::span(values).subspan(i * file.width(), file.width()));
  return GeneTable::given(file.names(), file.width(), std::move(values),
                          source.empty() ? path.filename().string() : std::move(source));
}

/// Writes a table as safetensors, a vector for each gene, which read_gene_table reads back.
/// @throws IoError
template <class = void>
void write_gene_table(const std::filesystem::path& path, const GeneTable& table) {
  Safetensors file;
  std::vector<float> values(table.width());
  for (size_t i = 0; i < table.names().size(); ++i) {
    table.copy<float>(i, values);
    file.tensors[table.names()[i]] = Array::of<float>({values.size()}, values);
  }
  write_safetensors(path, file);
}

VCELL_INSTANTIATE(files,
                  GeneTable read_gene_table<void>(const std::filesystem::path&, std::string));

VCELL_END_NAMESPACE
