#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/io/read_cells.hpp"
#include "vcell/io/read_name_list.hpp"

VCELL_BEGIN_NAMESPACE

/// The names of the n genes that a model was trained with, in the order of its columns, for one
/// that came without them: a file with one a line, or the HDF5 file (h5ad, 10x .h5) of its training
/// data, told by its content, of which those are taken that are n: uns['X_hvg_var_names'], the
/// genes that var['highly_variable'] marks, or all.
/// @throws IoError, FormatError; ConfigError naming the file and how many names it has if they are
///         not n
template <class = void>
std::vector<std::string> training_gene_names(const std::filesystem::path& path, size_t n) {
  const auto fail = [&](const auto&... parts) {
    throw ConfigError(message("training_gene_names: ", quoted(path.string()), " has ", parts...,
                              ", and the model was trained with ", n,
                              "; give the genes of that training, in its order"));
  };
  // A list of names is no table of numbers, so it is asked for HDF5 alone.
  if (!std::filesystem::is_regular_file(path) || !detail::is_hdf5(path)) {
    auto names = read_name_list(path);
    if (names.size() != n) fail(names.size(), " names of genes");
    return names;
  }
  // 10x too, which says no more than its genes.
  const AnnData data = read_cells(path, {.h5ad = {.X = false,
                                                  .layers = false,
                                                  .obsm = false,
                                                  .varm = false,
                                                  .obsp = false,
                                                  .varp = false,
                                                  .raw = false}});
  size_t listed = 0, marked = 0;
  if (const auto found = data.uns.find("X_hvg_var_names"); found != data.uns.end()) {
    if (const auto* names = found->second.texts()) {
      if (names->size() == n) return *names;
      listed = names->size();
    }
  }
  if (data.var.has("highly_variable")) {
    const auto flags = data.var.column("highly_variable").text();
    std::vector<std::string> names;
    for (size_t i = 0; i < flags.size(); ++i)
      if (flags[i] == "True") names.push_back(data.var.index[i]);
    if (names.size() == n) return names;
    marked = names.size();
  }
  if (data.genes() != n)
    fail(data.genes(), " genes, ", marked, " of them marked as highly variable and ", listed,
         " named in uns['X_hvg_var_names']");
  return data.var.index;
}

VCELL_END_NAMESPACE
