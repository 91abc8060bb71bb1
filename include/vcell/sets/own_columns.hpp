#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "vcell/sets/gene_symbols.hpp"

VCELL_BEGIN_NAMESPACE

/// The column of each perturbation's own gene, -1 where it is none of the genes; of several of one
/// name the first.
/// @param symbols  how perturbations are matched with genes; null: by the genes' names
template <class = void>
std::vector<int32_t> own_columns(const std::vector<std::string>& perturbations,
                                 const std::vector<std::string>& genes,
                                 const GeneSymbols* symbols = nullptr) {
  std::unordered_map<std::string_view, int32_t> places;
  for (size_t g = 0; g < genes.size(); ++g)
    places.emplace(symbols ? (*symbols)(genes[g]) : genes[g], int32_t(g));
  std::vector<int32_t> out;
  for (const std::string& perturbation : perturbations) {
    const auto found = places.find(perturbation);
    out.push_back(found == places.end() ? -1 : found->second);
  }
  return out;
}

VCELL_END_NAMESPACE
