#pragma once

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/io/json.hpp"
#include "vcell/io/sha256.hpp"
#include "vcell/pipeline/write_submission.hpp"

VCELL_BEGIN_NAMESPACE

/// A perturbation that a submission has to have.
struct PanelPerturbation {
  std::string name;
  std::optional<size_t> cells = {};  ///< in each context; nothing: as many as the others
};

/// What a submission of 2026 is made of, and what its server wants.
struct PackSubmission2026Options {
  std::string perturbation_key = "target_gene", context_key = "context";
  std::string control = "non-targeting";         ///< cells of this label are refused
  std::vector<std::string> genes = {};           ///< in the order of the submission
  std::vector<PanelPerturbation> panel = {};     ///< in every context
  std::vector<std::string> contexts = {};        ///< none: those of the file
  std::optional<std::string> panel_id = {};      ///< written where it is known
  std::optional<size_t> expected_genes = 18533;  ///< nothing: any number
  size_t cells_per_perturbation = 400;           ///< in each context
  size_t most_cells = 400000;
  uint64_t most_values = 4750000000;  ///< that are stored
  double most_counts = 1e6;           ///< of a cell
  CellInput input = {};               ///< what the file does not say itself
  int zstd_level = 3;
  Callbacks callbacks = {};
};

namespace detail {

inline constexpr const char* pack_2026 = "pack_submission_2026";

/// Checks which cells there are.
template <class = void>
void check_panel(const DataFrame& obs, const Factor& perturbation, const Factor& context,
                 const PackSubmission2026Options& o) {
  const size_t cells = obs.rows();
  std::vector<std::string> control;
  for (size_t i = 0; i < cells; ++i)
    if (perturbation.names[size_t(perturbation.codes[i])] == o.control)
      control.push_back(obs.index[i]);
  if (!control.empty())
    throw ConfigError(message(pack_2026, ": labelled ", quoted(o.control), ", the control, are ",
                              counted_names(control, "cell"),
                              "; a submission has no control cells, leave them out"));
  if (cells > o.most_cells)
    throw ConfigError(
        message(pack_2026, ": there are ", cells, " cells, expected at most ", o.most_cells));
  std::vector<std::string> panel;
  std::map<std::string, size_t> wanted;
  for (const PanelPerturbation& p : o.panel) {
    panel.push_back(p.name);
    wanted[p.name] = p.cells.value_or(o.cells_per_perturbation);
  }
  const auto check = [](const std::vector<std::string>& names, const char* where,
                        const char* what) {
    if (!names.empty())
      throw ConfigError(message(pack_2026, ": ", where, " ", counted_names(names, what)));
  };
  check(repeated_names(panel), "the list has twice", "perturbation");
  check(names_without(panel, perturbation.names), "the file lacks", "perturbation");
  check(names_without(perturbation.names, panel), "the list lacks", "perturbation");
  if (!o.contexts.empty()) {
    check(names_without(o.contexts, context.names), "the file lacks", "context");
    check(names_without(context.names, o.contexts), "the manifest lacks", "context");
  }
  std::vector<size_t> counts(perturbation.names.size() * context.names.size(), 0);
  for (size_t i = 0; i < cells; ++i)
    ++counts[size_t(perturbation.codes[i]) * context.names.size() + size_t(context.codes[i])];
  std::vector<std::string> wrong;
  for (size_t p = 0; p < perturbation.names.size(); ++p)
    for (size_t c = 0; c < context.names.size(); ++c)
      if (const size_t n = counts[p * context.names.size() + c]; n != wanted[perturbation.names[p]])
        wrong.push_back(message(perturbation.names[p], " in ", context.names[c], ": ", n,
                                " cells, expected ", wanted[perturbation.names[p]]));
  check(wrong, "of another number of cells than the panel says", "perturbation");
}

/// Checks every value, and counts those that are stored.
template <class S>
uint64_t check_counts(const DataFrame& obs, const S& X, const PackSubmission2026Options& o) {
  std::vector<std::string> wrong, large;
  uint64_t stored = 0;
  const WatchedRows<S> rows(X, o.callbacks.progress, "check");
  for_each_row_block<double>(rows, [&](size_t start, const CsrView<double>& block) {
    stored += block.values.size();
    std::vector<uint8_t> found(block.rows, 0);  // 1: no counts, 2: too many
    parallel_for(block.rows, 64, [&](size_t first, size_t last) {
      for (size_t row = first; row < last; ++row) {
        double total = 0;
        bool counts = true;
        for (const double x : block.row_values(row)) {
          counts = counts && x >= 0 && x == std::floor(x) && std::isfinite(x);
          total += x;
        }
        found[row] = !counts ? 1 : total > o.most_counts ? 2 : 0;
      }
    });
    for (size_t row = 0; row < block.rows; ++row)
      if (found[row]) (found[row] == 1 ? wrong : large).push_back(obs.index[start + row]);
  });
  if (!wrong.empty())
    throw ConfigError(message(pack_2026, ": values that are no counts (negative, fractional or ",
                              "not finite) are in ", counted_names(wrong, "cell"),
                              "; a submission has raw counts"));
  if (!large.empty())
    throw ConfigError(message(pack_2026, ": a total above ", o.most_counts, " has ",
                              counted_names(large, "cell")));
  if (stored > o.most_values)
    throw ConfigError(message(pack_2026, ": X stores ", stored, " values, expected at most ",
                              o.most_values, "; leave explicit zeros and cells out"));
  return stored;
}

/// {"a": 1, "b": ["A", "B"]}, as Python's json writes it.
template <class = void>
std::string spaced_json(const Json& object) {
  std::string out = "{";
  for (size_t i = 0; i < object.keys.size(); ++i) {
    const Json& item = object.items[i];
    out += message(i ? ", " : "", json_text(json_of(object.keys[i])), ": ");
    if (item.kind != Json::Kind::array) {
      out += json_text(item);
      continue;
    }
    out += '[';
    for (size_t k = 0; k < item.items.size(); ++k)
      out += (k ? ", " : "") + json_text(item.items[k]);
    out += ']';
  }
  return out + '}';
}

/// meta.json of a container, its keys sorted.
template <class = void>
std::string submission_facts(const PackSubmission2026Options& o, const Factor& perturbation,
                             const Factor& context, size_t cells, uint64_t stored) {
  std::string names;
  for (const std::string& name : perturbation.names) names += (names.empty() ? "" : "\n") + name;
  Sha256 sum;
  sum.add(names);
  Json out;
  out.add("cli_version", json_of("0.3.0"));  // of vcc-cli, whose containers these are
  out.add("contexts", json_of(context.names));
  out.add("n_obs", json_of(cells));
  out.add("n_vars", json_of(o.genes.size()));
  out.add("nnz", json_of(stored));
  if (o.panel_id) out.add("panel_id", json_of(*o.panel_id));
  out.add("perts_fingerprint", json_of("sha256:" + sum.text()));
  out.add("schema", json_of(1));
  return spaced_json(out);
}

}  // namespace detail

/// Makes a submission to the Virtual Cell Challenge of 2026 of a file with counts, as vcc-cli 0.3.0
/// does: genes in the order of the list, obs with target_gene and context alone, X as float32 by
/// rows; a tar archive of meta.json and pred.h5ad.zst. X is read twice in blocks, of which one is
/// in memory: once to check it, before anything is written.
///
/// @param from  an h5ad file whose X holds raw counts, by rows
/// @return      values stored
/// @throws ConfigError with the number of cells, genes, perturbations or contexts concerned and the
///         names of the first ones, for everything that the contest's server refuses: another set
///         of genes, control cells, a perturbation or context that is missing or too much, another
///         number of cells, values that are no counts, a cell with too many, too much of all
/// @throws IoError, FormatError, WriteError, Stopped
template <class = void>
uint64_t pack_submission_2026(const std::filesystem::path& from, const std::filesystem::path& to,
                              const PackSubmission2026Options& options) {
  const auto [adata, X, places] =
      detail::submission_source(detail::pack_2026, from, options.genes, options.expected_genes,
                                options.input, options.callbacks);
  const Factor perturbation = detail::submission_labels(detail::pack_2026, adata.obs,
                                                        options.perturbation_key),
               context =
                   detail::submission_labels(detail::pack_2026, adata.obs, options.context_key);
  detail::check_panel(adata.obs, perturbation, context, options);
  const uint64_t stored = detail::check_counts(adata.obs, X, options);
  const auto cells = detail::submission_cells(
      adata.cells(), options.genes, {{"target_gene", perturbation}, {"context", context}});
  write_submission(
      to, cells, OrderedColumns<CellRows>(X, places, DType::f32),
      {{"meta.json",
        detail::submission_facts(options, perturbation, context, adata.cells(), stored), true}},
      options.zstd_level, options.callbacks);
  return stored;
}

VCELL_INSTANTIATE(folders, uint64_t pack_submission_2026<void>(const std::filesystem::path&,
                                                               const std::filesystem::path&,
                                                               const PackSubmission2026Options&));

VCELL_END_NAMESPACE
