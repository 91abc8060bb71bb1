#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/eval/summary.hpp"
#include "vcell/io/atomic_file.hpp"
#include "vcell/io/number_text.hpp"
#include "vcell/io/sha256.hpp"
#include "vcell/report/report_input.hpp"

VCELL_BEGIN_NAMESPACE

/// What a model's folder says of it to people.
struct ModelCard {
  std::string title;                  ///< what it is, in a few words
  std::vector<ReportSection> facts;   ///< data, split, model, training, versions (run_facts)
  std::vector<ScoredContext> scores;  ///< of its predictions; empty: not known
  std::string settings;               ///< all of them, as TOML (format_experiment)
  std::vector<std::string> remarks;   ///< what whoever uses it should know
};

namespace detail {

/// Text in a cell of a table.
template <class = void>
std::string markdown_cell(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '|' || c == '\\') out += '\\';
    out += c == '\n' || c == '\r' ? ' ' : c;
  }
  return out;
}

/// The mean of every score over the perturbations of each context.
template <class = void>
std::string score_table_text(const std::vector<ScoredContext>& scores) {
  std::string out = "| score |", line = "\n|---|";
  for (const ScoredContext& c : scores) {
    out += message(' ', c.context.empty() ? "all" : markdown_cell(c.context), " |");
    line += "---|";
  }
  out += line + '\n';
  for (const ScoreColumn& column : scores[0].scores.columns) {
    out += message("| ", markdown_cell(column.name), " |");
    for (const ScoredContext& c : scores) {
      const auto found = std::find_if(c.scores.columns.begin(), c.scores.columns.end(),
                                      [&](const auto& other) { return other.name == column.name; });
      const Score mean =
          found == c.scores.columns.end() ? Score() : summarise(found->values)[summary_mean];
      out += message(' ', mean ? number_text(std::round(*mean * 1e4) / 1e4) : "", " |");
    }
    out += '\n';
  }
  return out;
}

/// The files of weights in a model's folder, of an ensemble each member's, in order.
template <class = void>
std::vector<std::filesystem::path> weight_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> out;
  std::error_code error;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, error))
    if (entry.path().extension() == ".safetensors")
      out.push_back(std::filesystem::relative(entry.path(), folder));
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace detail

/// A model card as Markdown. Equal cards of equal files are equal bytes: it has no times.
/// @param folder  of the model, whose arrays it names with their SHA-256
/// @throws IoError if one cannot be read
template <class = void>
std::string format_model_card(const std::filesystem::path& folder, const ModelCard& card) {
  std::string out = message("# ", detail::markdown_cell(card.title), '\n');
  for (const std::string& remark : card.remarks) out += message("\n> ", remark, '\n');
  for (const ReportSection& section : card.facts) {
    out += message("\n## ", section.heading, "\n\n| | |\n|---|---|\n");
    for (const auto& [what, value] : section.facts)
      out +=
          message("| ", detail::markdown_cell(what), " | ", detail::markdown_cell(value), " |\n");
  }
  if (!card.scores.empty())
    out +=
        message("\n## Scores\n\nOf the held-out pairs, means over the perturbations of a context.",
                "\n\n", detail::score_table_text(card.scores));
  out += "\n## Files\n\n| file | SHA-256 |\n|---|---|\n";
  for (const auto& file : detail::weight_files(folder))
    out += message("| ", detail::markdown_cell(file.string()), " | `", sha256_of(folder / file),
                   "` |\n");
  if (!card.settings.empty()) out += message("\n## Settings\n\n```toml\n", card.settings, "```\n");
  return out;
}

/// Writes it into the folder, as `README.md`.
/// @throws IoError
template <class = void>
void write_model_card(const std::filesystem::path& folder, const ModelCard& card) {
  write_text(folder / "README.md", format_model_card(folder, card));
}

VCELL_INSTANTIATE(folders,
                  void write_model_card<void>(const std::filesystem::path&, const ModelCard&));

VCELL_END_NAMESPACE
