#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/error.hpp"
#include "vcell/data/cell_input.hpp"
#include "vcell/data/dataframe.hpp"
#include "vcell/io/cells/make_unique.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// The features of a 10x file, in its order.
struct Features {
  std::vector<std::string> ids, symbols;
  std::vector<std::string> types, genomes;  ///< empty where the file has none
  /// Further columns, by name.
  std::vector<std::pair<std::string, std::vector<std::string>>> others;
};

/// "'GRCh38' (33538), 'mm10' (31053)": what there is, and how often.
template <class = void>
std::string counted(const std::vector<std::string>& values) {
  std::map<std::string, size_t> counts;
  for (const std::string& value : values) ++counts[value];
  std::string out;
  for (const auto& [value, count] : counts)
    out += message(out.empty() ? "" : ", ", quoted(value), " (", count, ")");
  return out.empty() ? "none" : out;
}

/// Flags of the values that are among the wanted ones, each of which there must be.
/// @param where  the function and the file, for messages
template <class = void>
std::vector<uint8_t> flags_of(const std::vector<std::string>& values,
                              const std::vector<std::string>& wanted, const char* what,
                              const char* setting, const std::string& where) {
  for (const std::string& name : wanted)
    if (std::find(values.begin(), values.end(), name) == values.end())
      throw ConfigError(message(where, ": has no features of the ", what, " ", quoted(name),
                                "; it has ", counted(values),
                                "; choose by GeneOptions::", setting));
  std::vector<uint8_t> keep(values.size());
  for (size_t i = 0; i < values.size(); ++i)
    keep[i] = std::find(wanted.begin(), wanted.end(), values[i]) != wanted.end();
  return keep;
}

/// Which features become genes: one flag each.
/// @param where     the function and the file, for messages
/// @param warnings  takes a line for what is left out
/// @throws ConfigError if there is no such genome or type
template <class = void>
std::vector<uint8_t> chosen_features(const Features& features, const GeneOptions& options,
                                     const std::string& where,
                                     std::vector<std::string>* warnings = nullptr) {
  std::vector<uint8_t> keep(features.ids.size(), 1);
  const auto narrow = [&](const std::vector<std::string>& values,
                          const std::vector<std::string>& wanted, const char* what,
                          const char* setting) {
    const auto flags = flags_of(values, wanted, what, setting, where);
    for (size_t i = 0; i < keep.size(); ++i) keep[i] &= flags[i];
  };
  const auto warn = [&](const auto&... parts) {
    if (warnings) warnings->push_back(message(where, ": ", parts...));
  };
  if (!options.genomes.empty() && features.genomes.empty())
    throw ConfigError(
        message(where, ": names no genomes, so none can be chosen by ", "GeneOptions::genomes"));
  if (!options.genomes.empty())
    narrow(features.genomes, options.genomes, "genome", "genomes");
  else if (const auto& all = features.genomes;
           std::count_if(all.begin(), all.end(), [&](const auto& g) {
             return !g.empty() && g != *std::find_if(all.begin(), all.end(), [](const auto& first) {
                                    return !first.empty();
                                  });
           }))
    warn("has features of several genomes, ", counted(all), ", and all are kept; choose by ",
         "GeneOptions::genomes");
  const bool all_types = options.feature_types.size() == 1 && options.feature_types[0] == "all";
  if (features.types.empty()) {
    if (!options.feature_types.empty() && !all_types)
      throw ConfigError(message(where, ": names no types of features, so none can be chosen by ",
                                "GeneOptions::feature_types"));
  } else if (!all_types) {
    const bool chosen = !options.feature_types.empty();
    const std::vector<std::string> usual = {"Gene Expression"};
    narrow(features.types, chosen ? options.feature_types : usual, "type", "feature_types");
    if (!chosen && std::count(features.types.begin(), features.types.end(), usual[0]) !=
                       std::ptrdiff_t(features.types.size()))
      warn("has features of several types, ", counted(features.types), ", and only those of ",
           quoted(usual[0]), " are kept; choose by GeneOptions::feature_types ('all': all)");
  }
  return keep;
}

/// Makes names unique, or refuses them.
/// @throws FormatError if names come more than once and are to be refused
template <class = void>
void unique_genes(std::vector<std::string>& names, DuplicateNames duplicates,
                  const std::string& where, std::vector<std::string>* warnings) {
  if (duplicates == DuplicateNames::refuse) {
    auto sorted = names;
    std::sort(sorted.begin(), sorted.end());
    if (const auto same = std::adjacent_find(sorted.begin(), sorted.end()); same != sorted.end())
      throw FormatError(message(where, ": has the gene ", quoted(*same), " more than once; let ",
                                "names be made unique by GeneOptions::duplicates"));
  } else if (const size_t changed = make_unique(names); changed && warnings) {
    warnings->push_back(message(where, ": ", changed, changed == 1 ? " gene has" : " genes have",
                                " the name of another; '-1', '-2', ... was added to ",
                                changed == 1 ? "it" : "them"));
  }
}

/// The table of genes: var as scanpy's readers of 10x files name its columns.
/// @param keep  which features are genes
/// @throws FormatError if names come more than once and are to be refused
template <class = void>
DataFrame gene_table(const Features& features, std::span<const uint8_t> keep,
                     const GeneOptions& options, const std::string& where,
                     std::vector<std::string>* warnings = nullptr) {
  const auto kept = [&](const std::vector<std::string>& all) {
    std::vector<std::string> out;
    for (size_t i = 0; i < all.size(); ++i)
      if (keep[i]) out.push_back(all[i]);
    return out;
  };
  const bool by_symbol = options.names == GeneNames::symbols;
  DataFrame var(kept(by_symbol ? features.symbols : features.ids));
  unique_genes(var.index, options.duplicates, where, warnings);
  var.set(by_symbol ? "gene_ids" : "gene_symbols",
          kept(by_symbol ? features.ids : features.symbols));
  if (!features.types.empty()) var.set("feature_types", kept(features.types));
  if (!features.genomes.empty()) var.set("genome", kept(features.genomes));
  for (const auto& [name, values] : features.others)
    if (!var.has(name)) var.set(name, kept(values));
  return var;
}

/// Whether a column of var can be one of the features of a 10x .h5.
inline bool is_10x_column(const std::string& name) {
  return name != "id" && name != "name" && name != "_all_tag_keys" && name != "." &&
         !name.empty() && name.find('/') == name.npos;
}

/// What gene_table made a table of, for writers: ids are those of the column 'gene_ids', or, where
/// there is 'gene_symbols', the names; what the table lacks are names and 'Gene Expression'.
/// Further columns are those of text in which no value is missing.
template <class = void>
Features features_of(const DataFrame& var) {
  Features out;
  const bool by_id = var.has("gene_symbols");
  const auto column = [&](const char* name, std::vector<std::string> otherwise) {
    return var.has(name) ? var.column(name).text() : std::move(otherwise);
  };
  out.ids = by_id ? var.index : column("gene_ids", var.index);
  out.symbols = column("gene_symbols", var.index);
  out.types = column("feature_types", std::vector<std::string>(var.rows(), "Gene Expression"));
  if (var.has("genome")) out.genomes = var.column("genome").text();
  for (const std::string& name : var.names()) {
    const Column& c = var.column(name);
    const auto gone = c.is_missing();
    if (name != "gene_ids" && name != "gene_symbols" && name != "feature_types" &&
        name != "genome" &&
        (c.is_categorical() ? c.categorical().categories : c.values()).is_text() &&
        std::find(gone.begin(), gone.end(), 1) == gone.end())
      out.others.emplace_back(name, c.text());
  }
  return out;
}

}  // namespace detail
VCELL_END_NAMESPACE
