#pragma once

#include <array>
#include <set>
#include <string>
#include <vector>

#include "vcell/core/message.hpp"

VCELL_BEGIN_NAMESPACE

/// Where the tables of one context are.
struct ResultFiles {
  std::string context;
  std::string prefix;  ///< of the files' names; empty when there is one context
};

namespace detail {

/// The tables of a context.
template <class = void>
std::vector<std::string> names_with(const std::string& prefix) {
  std::vector<std::string> names;
  for (const char* table : {"results.csv", "agg_results.csv", "real_de.csv", "pred_de.csv",
                            "ceiling_results.csv", "agg_ceiling_results.csv"})
    names.push_back(prefix + table);
  return names;
}

/// The tables that all contexts share.
inline constexpr std::array<const char*, 7> shared_tables = {
    "contexts.csv",         "intervals.csv",          "strata.csv",
    "warnings.csv",         "ceiling_by_results.csv", "agg_ceiling_by_results.csv",
    "ceiling_by_levels.csv"};

/// A name that is safe as part of a file's name anywhere: ASCII letters, digits and ._+=@- stay,
/// anything else becomes '_', a leading point too; at most 100 characters.
template <class = void>
std::string safe_name(std::string_view name) {
  std::string out;
  for (const char c : name.substr(0, 100)) {
    const bool kept = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      std::string_view("._+=@-").find(c) != std::string_view::npos;
    out += kept && !(out.empty() && c == '.') ? c : '_';
  }
  return out.empty() ? "_" : out;
}

}  // namespace detail

/// The files of each context: for one context results.csv and so on, for several, or where `always`
/// asks for it, `<context>_results.csv` and so on. Characters that a file's name cannot have
/// everywhere are replaced, and no two tables get the same name, capitals or not, nor that of a
/// table of all contexts.
template <class = void>
std::vector<ResultFiles> result_files(const std::vector<std::string>& contexts,
                                      bool always = false) {
  if (contexts.size() == 1 && !always) return {{contexts[0], ""}};
  std::vector<ResultFiles> out;
  std::set<std::string> taken(detail::shared_tables.begin(), detail::shared_tables.end());
  taken.insert("agg_results.csv");
  for (const std::string& context : contexts) {
    for (size_t n = 1;; ++n) {
      const std::string prefix =
          detail::safe_name(context) + (n == 1 ? std::string() : message('_', n)) + '_';
      auto names = detail::names_with(prefix);
      bool free = true;
      for (std::string& name : names) {
        for (char& c : name)
          if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');
        free = free && !taken.contains(name);
      }
      if (!free) continue;
      taken.insert(names.begin(), names.end());
      out.push_back({context, prefix});
      break;
    }
  }
  return out;
}

VCELL_END_NAMESPACE
