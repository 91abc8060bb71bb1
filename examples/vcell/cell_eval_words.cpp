#include "cell_eval_words.hpp"

#include <algorithm>
#include <string_view>

#include "vcell/models/baseline_names.hpp"

namespace {

using Words = std::vector<std::string>;

/// The flags of cell-eval 0.8, and what vcell calls them.
struct Flag {
  std::string_view command;  ///< vcell's
  std::string_view short_name, name, ours;
  bool names_cells = false;  ///< who says this speaks to cell-eval
};
constexpr Flag flags[] = {
    {"evaluate", "-ap", "--adata-pred", "--pred", true},
    {"evaluate", "-ar", "--adata-real", "--real", true},
    {"evaluate", "-dp", "--de-pred", "--de-pred"},
    {"evaluate", "-dr", "--de-real", "--de-real"},
    {"evaluate", "", "--control-pert", "--control"},
    {"evaluate", "", "--pert-col", "--perturbation-key"},
    {"evaluate", "", "--celltype-col", "--celltype-col"},
    {"evaluate", "", "--embed-key", "--embed-key"},
    {"evaluate", "-o", "--outdir", "--out"},
    {"evaluate", "", "--num-threads", "--threads"},
    {"evaluate", "", "--profile", "--profile"},
    {"evaluate", "", "--skip-metrics", "--skip-metrics"},
    {"evaluate", "", "--ceiling-seed", "--ceiling-seed"},
    {"evaluate", "", "--cpm-filter", "--cpm-filter"},
    {"evaluate", "", "--epsilon", "--epsilon"},
    {"baseline", "-a", "--adata", "--data", true},
    {"baseline", "-o", "--output-path", "--out"},
    {"baseline", "-O", "--output-de-path", "--de"},
    {"baseline", "", "--control-pert", "--control"},
    {"baseline", "", "--pert-col", "--perturbation-key"},
    {"baseline", "-t", "--num-threads", "--threads"},
    {"baseline", "", "--skip-de", ""},
};

/// What cell-eval takes for granted and vcell does not.
constexpr struct {
  std::string_view command, flag, value;
} defaults[] = {{"evaluate", "--like", "cell-eval-0.8"},
                {"evaluate", "--profile", "full"},
                {"evaluate", "--perturbation-key", "target_gene"},
                {"evaluate", "--out", "./cell-eval-outdir"},
                {"baseline", "--like", "cell-eval-0.8"},
                {"baseline", "--perturbation-key", "target_gene"},
                {"baseline", "--out", "./baseline.h5ad"},
                {"baseline", "--de", "./baseline_de.csv"}};

/// A flag with its value, or any other word.
struct Said {
  std::string_view flag;  ///< what vcell calls it; empty: a word that is none of cell-eval's
  Words words;
};

/// @return  null if that is no flag of cell-eval's, by its names or vcell's
const Flag* flag_of(std::string_view command, std::string_view word) {
  for (const Flag& f : flags)
    if (f.command == command && !word.empty() &&
        (word == f.short_name || word == f.name || word == f.ours))
      return &f;
  return nullptr;
}

}  // namespace

std::vector<std::string> with_cell_eval_words(std::vector<std::string> words) {
  if (words.size() < 2) return words;
  const std::string command = words[1];
  std::vector<Said> said;
  bool speaks_to_cell_eval = false, skips_tables = false;
  for (size_t i = 2; i < words.size(); ++i) {
    const size_t end = std::min(words[i].find('='), words[i].size());
    const std::string name = words[i].substr(0, end);
    const Flag* flag = flag_of(command, name);
    if (!flag) {
      said.push_back({"", {words[i]}});
      continue;
    }
    speaks_to_cell_eval |= flag->names_cells && name != flag->ours;
    if (flag->ours.empty()) {
      skips_tables = true;
      continue;
    }
    said.push_back({flag->ours, {std::string(flag->ours) + words[i].substr(end)}});
    if (end == words[i].size() && i + 1 < words.size()) said.back().words.push_back(words[++i]);
  }
  Words out(words.begin(), words.begin() + 2);
  bool names_baseline = false;
  for (size_t i = 0; i < said.size(); ++i) {
    const auto is_same = [&](const Said& later) { return later.flag == said[i].flag; };
    // As argparse, it takes the last of a flag that comes twice.
    if (speaks_to_cell_eval && !said[i].flag.empty() &&
        std::any_of(said.begin() + std::ptrdiff_t(i) + 1, said.end(), is_same))
      continue;
    const auto& names = vcell::baseline_names;
    names_baseline |= said[i].flag.empty() &&
                      std::find(names.begin(), names.end(), said[i].words[0]) != names.end();
    out.insert(out.end(), said[i].words.begin(), said[i].words.end());
  }
  if (!speaks_to_cell_eval) return skips_tables ? words : out;
  for (const auto& d : defaults) {
    const auto is_said = [&](const Said& s) {
      return s.flag == d.flag || s.words[0].substr(0, s.words[0].find('=')) == d.flag;
    };
    if (d.command != command || (d.flag == "--de" && skips_tables) ||
        std::any_of(said.begin(), said.end(), is_said))
      continue;
    out.emplace_back(d.flag);
    out.emplace_back(d.value);
  }
  if (command == "baseline" && !names_baseline) out.emplace_back("mean_of_perturbation_means");
  return out;
}
