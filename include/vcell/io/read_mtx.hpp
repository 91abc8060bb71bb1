#pragma once

#include <filesystem>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/data/anndata.hpp"
#include "vcell/data/keep.hpp"
#include "vcell/data/sort_rows.hpp"
#include "vcell/io/cells/features.hpp"
#include "vcell/io/cells/memory_grant.hpp"
#include "vcell/io/cells/mtx_entries.hpp"
#include "vcell/io/cells/mtx_files.hpp"
#include "vcell/io/utf8.hpp"

VCELL_BEGIN_NAMESPACE

struct ReadMtxOptions {
  GeneOptions genes = {};
  bool X = true;  ///< may be left unread
  /// Bytes of memory that may be taken: 0 grants 64 times the size of the files, or 1 GiB if that
  /// is more, and never more than the machine has or its control groups grant.
  size_t budget = 0;
  /// Takes one line for what was chosen, renamed or left out; nullptr drops them.
  std::vector<std::string>* warnings = nullptr;
  Progress progress = {};
};

namespace detail {

/// Calls f(fields) for the lines of a table whose fields tabs separate.
template <class F>
void for_each_tsv_line(const std::filesystem::path& path, MemoryGrant& memory, F&& f) {
  TextBlocks text("read_mtx", path);
  std::vector<std::string> fields;
  size_t empty = 0;  // lines, which may only be the last ones
  for (std::string block; text.next(block);) {
    memory.take(double(block.size()) + 64.0 * double(std::count(block.begin(), block.end(), '\n')),
                message("file ", quoted(path.string())));
    for (std::string_view lines = block; !lines.empty();) {
      const char* const place = lines.data();
      std::string_view line = take_line(lines);
      if (line.empty()) {
        ++empty;
        continue;
      }
      if (empty) text.fail_at(block, place, "follows an empty line, expected a name in every line");
      if (!is_utf8(line)) text.fail_at(block, place, "is no text in UTF-8");
      fields.clear();
      for (size_t tab = 0; tab != std::string_view::npos;) {
        tab = line.find('\t');
        fields.emplace_back(line.substr(0, tab));
        if (tab != std::string_view::npos) line.remove_prefix(tab + 1);
      }
      f(fields, [&](const auto&... parts) { text.fail_at(block, place, parts...); });
    }
  }
}

/// features.tsv: id, name, type and what follows; genes.tsv: id and name. A table of one column
/// has one name for each.
template <class = void>
Features read_features(const std::filesystem::path& path, MemoryGrant& memory) {
  Features out;
  size_t columns = 0;
  for_each_tsv_line(path, memory, [&](std::vector<std::string>& fields, const auto& fail) {
    if (!columns) columns = fields.size();
    if (fields.size() != columns)
      fail("has ", fields.size(), " fields, expected ", columns, " as the first line");
    out.ids.push_back(fields[0]);
    out.symbols.push_back(fields[columns > 1 ? 1 : 0]);
    if (columns > 2) out.types.push_back(std::move(fields[2]));
  });
  return out;
}

/// What the header says, against the two tables.
/// @return whether rows of the file are genes; where genes and cells are as many, they are
template <class = void>
bool rows_are_genes(const TextBlocks& text, const MtxHeader& header, size_t genes, size_t cells) {
  if (header.rows == genes && header.columns == cells) return true;
  if (header.rows == cells && header.columns == genes) return false;
  const bool titled = (header.rows + 1 == genes && header.columns == cells) ||
                      (header.rows == genes && header.columns + 1 == cells);
  text.fail("is ", header.rows, " x ", header.columns, ", and its tables name ", genes,
            " genes and ", cells, " cells; expected genes x cells or cells x genes",
            titled ? " (do the tables have a line of titles? remove it)" : "");
}

/// X of triplets, as T.
template <class T>
std::optional<Matrix> read_mtx_matrix(const std::filesystem::path& path, size_t genes, size_t cells,
                                      MemoryGrant memory, const ReadMtxOptions& options,
                                      bool integers) {
  TextBlocks text("read_mtx", path);
  MtxHeader header;
  std::string block;
  std::string_view lines;
  bool has_banner = false, found = false;
  while (!found && text.next(block)) {
    lines = block;
    found = read_mtx_header(text, block, lines, has_banner, header);
  }
  if (!found) text.fail(has_banner ? "ends before its extents" : "is empty");
  const bool genes_rows = rows_are_genes(text, header, genes, cells);
  if (!options.X) return Matrix();
  if (integers != (header.field != MtxHeader::Field::real)) return std::nullopt;
  const double least = header.field == MtxHeader::Field::pattern ? 4 : 6;  // bytes of a line
  if (double(header.entries) * least > text.most_text() + 1)
    text.fail("says to have ", header.entries, " entries, which its ", text.file_bytes(),
              " bytes cannot hold; the file is damaged");
  memory.take(double(header.entries) * double(sizeof(T) + sizeof(int32_t)) + 8.0 * double(cells),
              message("file ", quoted(path.string())));
  auto m = read_triplets<T>(text, block, lines, header, genes_rows, options.progress);
  if (!m) return std::nullopt;
  try {
    sort_rows(*m);
  } catch (const FormatError& e) {
    text.fail(e.what());
  }
  return Matrix(std::move(*m));
}

}  // namespace detail

/// Reads a matrix of triplets (MatrixMarket, gzip or not) with the tables of its genes and cells,
/// as Cell Ranger writes them: matrix.mtx, genes.tsv and barcodes.tsv, or matrix.mtx.gz,
/// features.tsv.gz and barcodes.tsv.gz, any of them with one prefix.
///
/// The file may be genes x cells or cells x genes: the lengths of the two tables decide, and where
/// they are the same it is genes x cells, as 10x writes it. Entries come in any order; those of one
/// place are added up. X is cells x genes, sparse by rows: int32 of whole numbers (int64 where one
/// needs it), else float32. obs has the first column of barcodes.tsv, var what GeneOptions says.
/// In memory beside X: where entries do not come cell by cell, the entries themselves.
///
/// @param path  the folder, or the matrix, with the tables beside it
/// @throws IoError if a file is missing or cannot be read; FormatError naming file and line if one
///         is damaged or they do not fit each other; ConfigError if there is no such feature type
template <class = void>
AnnData read_mtx(const std::filesystem::path& path, const ReadMtxOptions& options = {}) {
  if (!std::filesystem::exists(path))
    throw IoError(message("read_mtx: ", quoted(path.string()), " does not exist"));
  const detail::MtxFiles files = detail::find_mtx_files("read_mtx", path);
  double bytes = 0;
  std::error_code error;
  for (const auto& file : {files.matrix, files.features, files.barcodes})
    if (const auto size = std::filesystem::file_size(file, error); !error) bytes += double(size);
  detail::MemoryGrant memory("read_mtx", options.budget, bytes);
  const detail::Features features = detail::read_features(files.features, memory);
  AnnData out;
  std::vector<std::string> names;
  detail::for_each_tsv_line(files.barcodes, memory,
                            [&](std::vector<std::string>& fields, const auto&) {
                              names.push_back(std::move(fields[0]));
                            });
  out.obs = DataFrame(std::move(names));
  const auto where = message("read_mtx: file ", quoted(files.features.string()));
  const auto keep = detail::chosen_features(features, options.genes, where, options.warnings);
  out.var = detail::gene_table(features, keep, options.genes, where, options.warnings);

  const auto read = [&]<class T>(bool integers) {
    return detail::read_mtx_matrix<T>(files.matrix, features.ids.size(), out.cells(), memory,
                                      options, integers);
  };
  auto X = read.template operator()<int32_t>(true);
  if (!X) X = read.template operator()<float>(false);
  if (!X) X = read.template operator()<int64_t>(true);
  if (!options.X) return out;
  out.X = std::move(X);
  if (out.genes() != features.ids.size()) out.X->keep_columns(keep);
  return out;
}

VCELL_INSTANTIATE(files,
                  AnnData read_mtx<void>(const std::filesystem::path&, const ReadMtxOptions&));

VCELL_END_NAMESPACE
