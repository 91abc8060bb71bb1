#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "vcell/data/uns.hpp"

VCELL_BEGIN_NAMESPACE

/// A second table of the same cells, usually before genes were filtered.
struct Raw {
  std::optional<Matrix> X;  ///< (cells, genes of raw)
  DataFrame var;            ///< one row per gene of raw
  Dict varm;                ///< each with one row per gene of raw

  friend bool operator==(const Raw&, const Raw&) = default;
};

/// Annotated cells (https://anndata.readthedocs.io): a matrix of cells x genes with a table of the
/// cells, a table of the genes, and more matrices aligned to either.
struct AnnData {
  std::optional<Matrix> X;               ///< (cells, genes); may be absent
  DataFrame obs;                         ///< one row per cell
  DataFrame var;                         ///< one row per gene
  std::map<std::string, Matrix> layers;  ///< each (cells, genes)
  Dict obsm;                             ///< each with one row per cell
  Dict varm;                             ///< each with one row per gene
  Dict obsp;                             ///< each (cells, cells)
  Dict varp;                             ///< each (genes, genes)
  std::optional<Raw> raw;
  Dict uns;  ///< anything else

  size_t cells() const { return obs.rows(); }
  size_t genes() const { return var.rows(); }

  friend bool operator==(const AnnData&, const AnnData&) = default;
};

/// The matrix of this name.
/// @param where  what the map is called in messages, e.g. "obsm"
/// @throws ConfigError if there is none, naming those there are, or if it is no matrix
template <class = void>
const Matrix& matrix(const Dict& from, const std::string& name, std::string_view where) {
  std::vector<std::string> names;
  for (const auto& entry : from) names.push_back(entry.first);
  const auto found = from.find(name);
  if (found == from.end())
    throw ConfigError(
        message("matrix: ", where, " has no ", quoted(name), "; it has ", list_of(names, 40)));
  const Matrix* m = found->second.matrix();
  if (!m) throw ConfigError(message("matrix: ", where, "[", quoted(name), "] is no matrix"));
  return *m;
}

VCELL_END_NAMESPACE
