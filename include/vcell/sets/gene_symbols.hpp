#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/name_places.hpp"
#include "vcell/data/anndata.hpp"
#include "vcell/sets/near_names.hpp"

VCELL_BEGIN_NAMESPACE

/// What perturbations call genes that X names otherwise.
struct GeneSymbols {
  /// A gene's name in X and its symbol; empty where perturbations are called as genes are in X.
  std::map<std::string, std::string> of_gene;
  std::string remark;  ///< what was found or could not be, for people; empty: nothing to say

  /// The name by which a perturbation of this gene goes.
  template <class = void>
  const std::string& operator()(const std::string& gene) const {
    const auto found = of_gene.find(gene);
    return found == of_gene.end() ? gene : found->second;
  }
};

/// Finds out how perturbations are matched with their own genes, as when X names genes by Ensembl
/// ids and perturbations are symbols: by the column of var that is asked for, else by the names of
/// genes or the one column of text in which more perturbations are found than among these.
/// @param perturbations  their names, the control among them or not
/// @param column         of var; empty: found
/// @throws ConfigError if there is no such column
template <class = void>
GeneSymbols gene_symbols(const DataFrame& var, const std::vector<std::string>& perturbations,
                         const std::string& column = "") {
  GeneSymbols out;
  const auto take = [&](const std::vector<std::string>& text) {
    for (size_t g = 0; g < text.size(); ++g)
      if (!text[g].empty()) out.of_gene.emplace(var.index[g], text[g]);
  };
  if (!column.empty()) {
    if (!var.has(column))
      throw ConfigError(message("[data] gene_names ", quoted(column), ": no such column in var; ",
                                names_there({column}, var.names())));
    take(var.column(column).text());
    return out;
  }
  const auto named_in = [&](const std::vector<std::string>& names) {
    const NamePlaces there(names);
    size_t n = 0;
    for (const std::string& name : perturbations) n += there.contains(name);
    return n;
  };
  size_t most = named_in(var.index);
  const size_t by_name = most;
  std::vector<std::string> best;
  for (const std::string& name : var.names()) {
    const Column& values = var.column(name);
    if (!(values.is_categorical() ? values.categorical().categories : values.values()).is_text())
      continue;
    const size_t n = named_in(values.text());
    if (n < most || n == by_name) continue;
    if (n > most) best.clear();
    most = n;
    best.push_back(name);
  }
  if (best.size() == 1) {
    take(var.column(best[0]).text());
    out.remark = message("var column ", quoted(best[0]), " names the genes of ", most, " of ",
                         perturbations.size(), " perturbations: by it a perturbation's own gene ",
                         "is known");
  } else if (best.size() > 1) {
    out.remark = message("a perturbation's own gene is not known: var columns ", list_of(best),
                         " name the genes of as many; choose one by [data] gene_names");
  } else if (most == 0) {
    out.remark =
        "no perturbation has the name of a gene, so no gene is left out as the perturbed one; "
        "if a var column has these names, say [data] gene_names";
  }
  return out;
}

VCELL_END_NAMESPACE
