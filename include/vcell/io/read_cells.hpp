#pragma once

#include <filesystem>
#include <string>
#include <utility>

#include "vcell/io/cell_format.hpp"
#include "vcell/io/metadata.hpp"
#include "vcell/io/read_mtx.hpp"
#include "vcell/io/read_table.hpp"

VCELL_BEGIN_NAMESPACE

struct ReadCellsOptions {
  /// What to read, within what memory, who is told; of other formats than h5ad X alone may be left
  /// unread, as they have no more beside obs and var.
  H5adReadOptions h5ad = {};
  CellInput input = {};
};

namespace detail {

/// Refuses choices that a format does not have.
template <class = void>
void check_read_cells(const std::filesystem::path& path, CellFormat format, const CellInput& o) {
  const auto refuse = [&](const char* setting, const char* applies) {
    throw ConfigError(message(setting, " is of ", applies, ", and ", quoted(path.string()), " is ",
                              name_of(format)));
  };
  const bool lists = format == CellFormat::tenx_h5 || format == CellFormat::mtx;
  if (!lists && o.genes.names != GeneNames::symbols)
    refuse("GeneOptions::names", "10x .h5 and mtx");
  if (!lists && !o.genes.genomes.empty()) refuse("GeneOptions::genomes", "10x .h5 and mtx");
  if (!lists && !o.genes.feature_types.empty())
    refuse("GeneOptions::feature_types", "10x .h5 and mtx");
  if (format == CellFormat::h5ad && o.genes.duplicates != DuplicateNames::make_unique)
    refuse("GeneOptions::duplicates", "10x .h5, mtx and tables");
  if (format != CellFormat::csv_table && o.genes_in_rows)
    refuse("CellInput::genes_in_rows", "tables");
}

/// The same, of a format that is known, without metadata.
template <class = void>
AnnData read_cells_of(CellFormat format, const std::filesystem::path& path,
                      const ReadCellsOptions& options) {
  const H5adReadOptions& h5ad = options.h5ad;
  const CellInput& o = options.input;
  switch (format) {
    case CellFormat::h5ad:
      return read_h5ad(path, h5ad);
    case CellFormat::tenx_h5:
      return read_10x_h5(path, {o.genes, h5ad.X, h5ad.budget, h5ad.warnings, h5ad.progress});
    case CellFormat::mtx:
      return read_mtx(path, {o.genes, h5ad.X, h5ad.budget, h5ad.warnings, h5ad.progress});
    case CellFormat::csv_table:
      break;
  }
  AnnData out = read_table(
      path, {o.genes_in_rows, o.genes.duplicates, h5ad.budget, h5ad.warnings, h5ad.progress});
  if (!h5ad.X) out.X.reset();
  return out;
}

}  // namespace detail

/// Reads cells x genes of any format that vcell knows, which the content tells (cell_format): h5ad,
/// 10x .h5, matrices of triplets with their tables, dense tables; and joins metadata by the cells'
/// names.
/// @throws IoError, FormatError, ConfigError as read_h5ad, read_10x_h5, read_mtx, read_table and
///         join_metadata; ConfigError if a choice is one that the format does not have
template <class = void>
AnnData read_cells(const std::filesystem::path& path, const ReadCellsOptions& options = {}) {
  const CellFormat format = cell_format(path);
  detail::check_read_cells(path, format, options.input);
  AnnData out = detail::read_cells_of(format, path, options);
  if (options.input.metadata.file.empty()) return out;
  const auto keep = join_metadata(out.obs, options.input.metadata, quoted(path.string()),
                                  options.h5ad.budget, options.h5ad.warnings);
  if (std::find(keep.begin(), keep.end(), 0) != keep.end()) keep_cells(out, keep);
  return out;
}

VCELL_INSTANTIATE(files,
                  AnnData read_cells<void>(const std::filesystem::path&, const ReadCellsOptions&));

VCELL_END_NAMESPACE
