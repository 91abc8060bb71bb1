#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/data/gene_table.hpp"
#include "vcell/io/named_vectors.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Calls f, and has what it finds wrong name the file.
template <class F>
GeneTable table_of_file(std::string_view function, const std::filesystem::path& path, F&& f) {
  try {
    return f();
  } catch (const ConfigError& error) {
    throw ConfigError(message(function, ": ", quoted(path.string()), ": ", error.what()));
  }
}

}  // namespace detail

/// Reads a table of gene vectors: a vector for each name, all of one width, out of one of the files
/// of read_named_vectors.
/// @param source  where the vectors come from; empty: the file's name
/// @throws IoError; FormatError, ConfigError naming file and place
template <class = void>
GeneTable read_gene_table(const std::filesystem::path& path, std::string source = "") {
  const VectorsOf of{"read_gene_table", "gene"};
  NamedVectors file = read_named_vectors(path, of);
  if (source.empty()) source = path.filename().string();
  return detail::table_of_file(of.function, path, [&] {
    return GeneTable::given(std::move(file.names), file.width, std::move(file.values),
                            std::move(source));
  });
}

/// Reads a table of isoforms' vectors, each the mean over its residues, and takes the mean of every
/// gene's. Genes stand in the order of their first isoform with a vector in the list.
/// @param vectors  a file of read_named_vectors, by isoform
/// @param genes    CSV with the columns isoform and gene
/// @param source   the model that made the vectors; empty: the file's name
/// @param remarks  take a line if isoforms of the list have no vector, and are left out
/// @throws IoError; FormatError, ConfigError naming file and place: also if an isoform comes twice,
///         or one with a vector has no gene
template <class = void>
GeneTable read_isoform_table(const std::filesystem::path& vectors,
                             const std::filesystem::path& genes, std::string source = "",
                             std::vector<std::string>* remarks = nullptr) {
  const VectorsOf of{"read_isoform_table", "isoform"};
  const NamedVectors file = read_named_vectors(vectors, of);
  const auto fail = [&](const std::filesystem::path& path, const auto&... parts) {
    throw ConfigError(message(of.function, ": ", quoted(path.string()), ": ", parts...));
  };
  const NamePlaces places(file.names);
  for (const std::string& name : file.names)
    if (places.repeats(name)) fail(vectors, "the isoform ", quoted(name), " comes twice");
  const CsvTable list = read_csv(genes);
  for (const char* column : {"isoform", "gene"})
    if (std::find(list.header.begin(), list.header.end(), column) == list.header.end())
      fail(genes, "there is no column ", quoted(column), ", expected isoform and gene; there are ",
           list_of(list.header, 40));
  const size_t isoform = list.column("isoform"), gene = list.column("gene");
  std::vector<std::string> gene_of, without_vector;
  std::vector<float> values;
  std::vector<uint8_t> has_gene(file.names.size(), 0);
  for (const auto& row : list.rows) {
    if (row[gene].empty()) fail(genes, "the isoform ", quoted(row[isoform]), " has no gene");
    const auto at = places.find(row[isoform]);
    if (!at) {
      without_vector.push_back(row[isoform]);
      continue;
    }
    if (has_gene[*at]++) fail(genes, "the isoform ", quoted(row[isoform]), " comes twice");
    gene_of.push_back(row[gene]);
    const auto vector = file.vector(*at);
    values.insert(values.end(), vector.begin(), vector.end());
  }
  std::vector<std::string> without_gene;
  for (size_t i = 0; i < file.names.size(); ++i)
    if (!has_gene[i]) without_gene.push_back(file.names[i]);
  if (!without_gene.empty())
    fail(genes, without_gene.size(), " of ", file.names.size(), " isoforms in ",
         quoted(vectors.string()), " have no gene there: ", list_of(without_gene),
         "; add them, or leave out their vectors");
  if (remarks && !without_vector.empty())
    remarks->push_back(message(without_vector.size(), " of ", list.rows.size(), " isoforms in ",
                               quoted(genes.string()),
                               " have no vector and are left out: ", list_of(without_vector)));
  if (source.empty()) source = vectors.filename().string();
  return detail::table_of_file(of.function, vectors, [&] {
    return gene_table_of_isoforms(gene_of, file.width, values, std::move(source));
  });
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
VCELL_INSTANTIATE(files,
                  GeneTable read_isoform_table<void>(const std::filesystem::path&,
                                                     const std::filesystem::path&, std::string,
                                                     std::vector<std::string>*));

VCELL_END_NAMESPACE
