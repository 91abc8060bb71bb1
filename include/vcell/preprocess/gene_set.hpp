#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "vcell/data/anndata.hpp"

VCELL_BEGIN_NAMESPACE

/// Some genes under a name, such as those of the mitochondrion.
struct GeneSet {
  std::string name;
  std::vector<uint8_t> genes;  ///< not 0 for those in the set, one entry per gene
};

/// The genes whose names begin with a text, such as "MT-", in upper or lower case as given.
/// @param names  of all genes, in their order: var's index, or a column that holds symbols
/// @throws ConfigError if no name begins so
template <class = void>
GeneSet gene_set_with_prefix(std::string name, const std::vector<std::string>& names,
                             std::string_view prefix) {
  GeneSet out{std::move(name), {}};
  for (const std::string& gene : names)
    out.genes.push_back(gene.substr(0, prefix.size()) == prefix);
  if (std::find(out.genes.begin(), out.genes.end(), uint8_t(1)) == out.genes.end())
    throw ConfigError(message(
        "gene_set_with_prefix: the name of no gene begins with ", quoted(prefix), "; the ",
        names.size(), " names begin with ",
        list_of(std::vector<std::string>(
            names.begin(), names.begin() + std::ptrdiff_t(std::min<size_t>(names.size(), 5)))),
        "; give the column that holds symbols, or another prefix"));
  return out;
}

/// The genes for which a column of var is true, under the column's name.
/// @throws ConfigError if there is no such column, or it holds text
template <class = void>
GeneSet gene_set_of_column(const AnnData& adata, const std::string& column) {
  GeneSet out{column, {}};
  for (const double x : adata.var.column(column).numbers()) out.genes.push_back(x != 0 && x == x);
  return out;
}

VCELL_END_NAMESPACE
