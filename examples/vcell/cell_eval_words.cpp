#include "cell_eval_words.hpp"

#include <algorithm>
#include <string_view>

namespace {

/// Flags of cell-eval 0.8 that vcell calls otherwise.
constexpr struct {
  std::string_view short_name, name, ours;
  bool names_cells;  ///< who says this speaks to cell-eval
} flags[] = {
    {"-ap", "--adata-pred", "--pred", true},    {"-ar", "--adata-real", "--real", true},
    {"-dp", "--de-pred", "--de-pred", false},   {"-dr", "--de-real", "--de-real", false},
    {"", "--control-pert", "--control", false}, {"", "--pert-col", "--perturbation-key", false},
    {"-o", "--outdir", "--out", false},         {"", "--num-threads", "--threads", false},
};

/// What cell-eval takes for granted and vcell does not.
constexpr struct {
  std::string_view flag, value;
} defaults[] = {{"--like", "cell-eval-0.8"},
                {"--profile", "full"},
                {"--perturbation-key", "target_gene"},
                {"--out", "./cell-eval-outdir"}};

}  // namespace

std::vector<std::string> with_cell_eval_words(std::vector<std::string> words) {
  if (words.size() < 2 || words[1] != "evaluate") return words;
  bool speaks_to_cell_eval = false;
  for (size_t i = 2; i < words.size(); ++i) {
    const size_t end = std::min(words[i].find('='), words[i].size());
    const std::string_view flag = std::string_view(words[i]).substr(0, end);
    for (const auto& f : flags) {
      if (flag.empty() || (flag != f.short_name && flag != f.name)) continue;
      speaks_to_cell_eval = speaks_to_cell_eval || f.names_cells;
      words[i] = std::string(f.ours) + words[i].substr(end);
      break;
    }
  }
  if (!speaks_to_cell_eval) return words;
  for (const auto& [flag, value] : defaults) {
    const auto is_said = [name = flag](const std::string& word) {
      return word.starts_with(name) && (word.size() == name.size() || word[name.size()] == '=');
    };
    if (std::none_of(words.begin() + 2, words.end(), is_said)) {
      words.emplace_back(flag);
      words.emplace_back(value);
    }
  }
  return words;
}
