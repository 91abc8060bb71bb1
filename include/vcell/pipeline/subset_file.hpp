#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/callbacks.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/core/name_places.hpp"
#include "vcell/data/keep.hpp"
#include "vcell/data/watched_rows.hpp"
#include "vcell/io/cell_rows.hpp"
#include "vcell/io/h5ad/write_h5ad.hpp"
#include "vcell/io/read_name_list.hpp"
#include "vcell/preprocess/downsample_cells.hpp"
#include "vcell/sets/near_names.hpp"

VCELL_BEGIN_NAMESPACE

/// A column of obs and values of it.
struct ColumnValues {
  std::string column;
  std::vector<std::string> values;  ///< as text
};

/// Which cells and genes of a file stay. Cells pass all that is asked for, genes too; without any
/// choice of either all stay. Both keep their order.
struct SubsetFileOptions {
  std::vector<ColumnValues> where = {};      ///< cells with one of the values, in each column
  std::vector<ColumnValues> where_not = {};  ///< cells with none of the values
  std::filesystem::path cells = {};          ///< a file with names of cells, one a line
  std::filesystem::path genes = {};          ///< a file with names of genes, one a line
  std::string genes_where = {};  ///< column of var of truth values, or numbers that are 0 or not
  /// So many of the cells that pass are drawn, each as likely; all, if there are no more. None:
  /// all.
  std::optional<size_t> sample = {};
  /// In place of a number, a share of them, above 0 and up to 1.
  std::optional<double> sample_share = {};
  /// Columns of obs: number or share are of each group with the same values in them, and cells that
  /// miss one go; empty: of all.
  std::vector<std::string> sample_by = {};
  uint64_t seed = 0;           ///< of the draw
  ReadCellsOptions read = {};  ///< its warnings and progress are of `callbacks`
  H5adWriteOptions write = {};
  Callbacks callbacks = {};
};

namespace detail {

/// Drops the flags of the names that are not wanted, each of which has to be there.
/// @param what  "cells" or "genes"
template <class = void>
void keep_named(std::vector<uint8_t>& keep, const std::vector<std::string>& names,
                const std::filesystem::path& file, const char* what, const std::string& where) {
  const auto wanted = read_name_list(file);
  const NamePlaces there(names), asked(wanted);
  std::vector<std::string> unknown;
  for (const std::string& name : wanted)
    if (!there.contains(name)) unknown.push_back(name);
  if (!unknown.empty())
    throw ConfigError(message("subset_file: ", unknown.size(), " ", what, " of ",
                              quoted(file.string()), " are not in ", where, ": ", list_of(unknown),
                              "; ", names_there(unknown, names)));
  for (size_t i = 0; i < names.size(); ++i) keep[i] &= uint8_t(asked.contains(names[i]));
}

/// Drops the flags of cells without, or with, one of the values.
template <class = void>
void keep_valued(std::vector<uint8_t>& keep, const DataFrame& obs, const ColumnValues& asked,
                 bool wanted, const std::string& where) {
  if (!obs.has(asked.column))
    throw ConfigError(message("subset_file: obs of ", where, " has no column ",
                              quoted(asked.column), "; ",
                              names_there({asked.column}, obs.names())));
  const Factor labels = factor(obs.column(asked.column));
  std::vector<uint8_t> named(labels.names.size(), 0);
  std::vector<std::string> unknown;
  for (const std::string& value : asked.values)
    if (const int32_t code = labels.code(value); code >= 0)
      named[size_t(code)] = 1;
    else
      unknown.push_back(value);
  if (!unknown.empty())
    throw ConfigError(message("subset_file: no cell of ", where, " has ", list_of(unknown),
                              " in obs column ", quoted(asked.column), "; ",
                              names_there(unknown, labels.names)));
  for (size_t i = 0; i < keep.size(); ++i)
    keep[i] &= uint8_t((labels.codes[i] >= 0 && named[size_t(labels.codes[i])]) == wanted);
}

/// Drops the flags of genes whose value is 0 or missing.
template <class = void>
void keep_flagged(std::vector<uint8_t>& keep, const DataFrame& var, const std::string& column,
                  const std::string& where) {
  if (!var.has(column))
    throw ConfigError(message("subset_file: var of ", where, " has no column ", quoted(column),
                              "; ", names_there({column}, var.names())));
  const Column& flags = var.column(column);
  if ((flags.is_categorical() ? flags.categorical().categories : flags.values()).is_text())
    throw ConfigError(message("subset_file: column ", quoted(column), " of var of ", where,
                              " holds text, expected truth values"));
  const auto numbers = flags.numbers();
  for (size_t i = 0; i < keep.size(); ++i)
    keep[i] &= uint8_t(!std::isnan(numbers[i]) && numbers[i] != 0);
}

template <class = void>
std::vector<uint8_t> chosen_cells(const DataFrame& obs, const SubsetFileOptions& options,
                                  const std::string& where) {
  std::vector<uint8_t> keep(obs.rows(), 1);
  for (const ColumnValues& asked : options.where) keep_valued(keep, obs, asked, true, where);
  for (const ColumnValues& asked : options.where_not) keep_valued(keep, obs, asked, false, where);
  if (!options.cells.empty()) keep_named(keep, obs.index, options.cells, "cells", where);
  if (!options.sample && !options.sample_share) {
    if (!options.sample_by.empty())
      throw ConfigError(
          "subset_file: SubsetFileOptions::sample_by says of what to draw, and none "
          "is to be drawn; give SubsetFileOptions::sample or sample_share");
    return keep;
  }
  for (const std::string& key : options.sample_by)
    if (!obs.has(key))
      throw ConfigError(message("subset_file: obs of ", where, " has no column ", quoted(key),
                                " to draw by; ", names_there({key}, obs.names())));
  const auto passed = places_of(keep);
  const auto drawn =
      downsampled_cells(obs.select_rows(passed), {.cells = options.sample.value_or(0),
                                                  .share = options.sample_share,
                                                  .group_keys = options.sample_by,
                                                  .seed = options.seed});
  for (size_t i = 0; i < passed.size(); ++i) keep[passed[i]] = drawn[i];
  return keep;
}

}  // namespace detail

/// Some cells and genes of a file as an h5ad file; X goes from disk to disk in blocks of rows, all
/// else that is aligned to cells or genes is cut in memory (keep_cells, keep_genes).
/// @throws ConfigError if a name, a value or a column is not there, naming near ones, or nothing is
///         left; what open_cells and write_h5ad throw
/// @return cells and genes that were written
template <class = void>
std::pair<size_t, size_t> subset_file(const std::filesystem::path& from,
                                      const std::filesystem::path& to,
                                      const SubsetFileOptions& options) {
  std::vector<std::string> remarks;
  ReadCellsOptions read = options.read;
  read.h5ad.warnings = &remarks;
  read.h5ad.progress = options.callbacks.progress;
  OpenCells open = open_cells(from, read);
  for (const std::string& remark : remarks) note(options.callbacks, remark);
  AnnData& a = open.cells;
  note(options.callbacks, from.string(), ": ", a.cells(), " cells x ", a.genes(), " genes");
  const std::string where = quoted(from.string());
  const auto cells = detail::chosen_cells(a.obs, options, where);
  std::vector<uint8_t> genes(a.genes(), 1);
  if (!options.genes.empty()) detail::keep_named(genes, a.var.index, options.genes, "genes", where);
  if (!options.genes_where.empty()) detail::keep_flagged(genes, a.var, options.genes_where, where);
  const auto drops = [](const std::vector<uint8_t>& keep) {
    return std::find(keep.begin(), keep.end(), 0) != keep.end();
  };
  const auto empty = [](const std::vector<uint8_t>& keep) {
    return std::find(keep.begin(), keep.end(), 1) == keep.end();
  };
  if (empty(cells) || empty(genes))
    throw ConfigError(message("subset_file: no ", empty(cells) ? "cell" : "gene", " of ", where,
                              " is left by what was asked for"));
  if (const auto lost = uncut(a, drops(cells), drops(genes)); !lost.empty())
    note(options.callbacks, "left out are ", list_of(lost, 40), ": they were kept unread and ",
         "cannot be cut");
  keep_cells(a, cells);
  keep_genes(a, genes);
  SelectedRows<CellRows> X(std::move(open.X));
  X.keep_rows(cells);
  X.keep_columns(genes);
  write_h5ad(to, a, WatchedRows(std::move(X), options.callbacks.progress, "subset"), options.write);
  return {a.cells(), a.genes()};
}

VCELL_INSTANTIATE(folders, std::pair<size_t, size_t> subset_file<void>(const std::filesystem::path&,
                                                                       const std::filesystem::path&,
                                                                       const SubsetFileOptions&));

VCELL_END_NAMESPACE
