#pragma once

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/pipeline/write_submission.hpp"
#include "vcell/preprocess/log1p_rows.hpp"
#include "vcell/preprocess/normalize_to_log1p.hpp"

VCELL_BEGIN_NAMESPACE

/// What a submission of 2025 is made of, and what its server wants.
struct PackSubmission2025Options {
  std::string perturbation_key = "target_gene";
  std::string cell_type_key = {};         ///< obs column of the cell type; empty: none is written
  std::string control = "non-targeting";  ///< a label that is needed
  std::vector<std::string> genes = {};    ///< in the order of the submission
  std::optional<size_t> expected_genes = 18080;  ///< nothing: any number
  size_t most_cells = 200000;
  std::optional<Scale> scale = {};  ///< of X; nothing: the file says, see declared_scale
  CellInput input = {};             ///< what the file does not say itself
  int zstd_level = 3;
  Callbacks callbacks = {};
};

namespace detail {

/// Checks log1p values as cell-eval does, by which it guesses what X holds: one of 15 or more makes
/// it refuse the file.
template <class S>
void check_below_limit(const char* function, const DataFrame& obs, const S& X) {
  constexpr float limit = 15;
  std::vector<std::string> large;
  for_each_row_block<float>(X, [&](size_t start, const CsrView<float>& block) {
    for (size_t row = 0; row < block.rows; ++row) {
      const auto values = block.row_values(row);
      if (std::any_of(values.begin(), values.end(), [](float x) { return !(x < limit); }))
        large.push_back(obs.index[start + row]);
    }
  });
  if (!large.empty())
    throw ConfigError(message(function, ": log1p values of ", limit, " or more, which the server ",
                              "refuses, are in ", counted_names(large, "cell")));
}

}  // namespace detail

/// Makes a submission to the Virtual Cell Challenge of 2025, as cell-eval's `prep` does: genes in
/// the order of the list, obs with target_gene (and celltype) alone, log1p values as float32 by
/// rows; a tar archive of pred.h5ad.zst and watermark.txt. Counts are normalised to the median
/// total of the file, and their logarithm taken. X is read in blocks, of which one is in memory,
/// more than once.
///
/// @param from  an h5ad file, X by rows
/// @return      what X held
/// @throws ConfigError with the number of cells or genes concerned and the names of the first ones,
///         for another set of genes, cells without a label, no control cell, too many cells,
///         log1p values from 15 on; or as declared_scale
/// @throws IoError, FormatError, WriteError, Stopped
template <class = void>
NormalizedToLog1p pack_submission_2025(const std::filesystem::path& from,
                                       const std::filesystem::path& to,
                                       const PackSubmission2025Options& options) {
  constexpr const char* function = "pack_submission_2025";
  const auto [adata, X, places] = detail::submission_source(
      function, from, options.genes, options.expected_genes, options.input, options.callbacks);
  std::vector<std::pair<std::string, Factor>> columns;
  columns.emplace_back("target_gene",
                       detail::submission_labels(function, adata.obs, options.perturbation_key));
  if (!options.cell_type_key.empty())
    columns.emplace_back("celltype",
                         detail::submission_labels(function, adata.obs, options.cell_type_key));
  const Factor& perturbation = columns[0].second;
  if (perturbation.code(options.control) < 0)
    throw ConfigError(message(function, ": no cell is labelled ", quoted(options.control),
                              ", the control, in obs column ", quoted(options.perturbation_key),
                              "; the labels are ", list_of(perturbation.names)));
  if (adata.cells() > options.most_cells)
    throw ConfigError(message(function, ": there are ", adata.cells(), " cells, expected at most ",
                              options.most_cells));

  const auto cells = detail::submission_cells(adata.cells(), options.genes, columns);
  const std::vector<SubmissionMember> members = {{"watermark.txt", "vcc-prep"}};
  NormalizedToLog1p out;
  const WatchedRows<CellRows> looked_at(X, options.callbacks.progress, "check");
  out.found = declared_scale(adata, looked_at, options.scale);
  if (out.found.scale == Scale::log1p) {
    detail::check_below_limit(function, adata.obs, looked_at);
    out.target_sum = declared_target_sum(adata);
    write_submission(to, cells, OrderedColumns<CellRows>(X, places, DType::f32), members,
                     options.zstd_level, options.callbacks);
    return out;
  }
  const auto total = detail::total_factors<float>(looked_at, {});
  out.target_sum = total.target_sum;
  out.empty_cells = total.empty_cells;
  using Rows = Log1pRows<CellRows>;
  write_submission(
      to, cells, OrderedColumns<Rows>(Rows(X, total.factors, DType::f32, true), places, DType::f32),
      members, options.zstd_level, options.callbacks);
  return out;
}

VCELL_INSTANTIATE(folders,
                  NormalizedToLog1p pack_submission_2025<void>(const std::filesystem::path&,
                                                               const std::filesystem::path&,
                                                               const PackSubmission2025Options&));

VCELL_END_NAMESPACE
