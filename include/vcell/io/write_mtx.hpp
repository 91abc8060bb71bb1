#pragma once

#include <libdeflate.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/parallel_for.hpp"
#include "vcell/core/progress.hpp"
#include "vcell/data/anndata.hpp"
#include "vcell/data/narrowed.hpp"
#include "vcell/data/row_source.hpp"
#include "vcell/io/atomic_folder.hpp"
#include "vcell/io/number_text.hpp"

VCELL_BEGIN_NAMESPACE

struct WriteMtxOptions {
  int gzip = 6;  ///< compression: 1 fast .. 12 small; 0: files without ".gz"
  Progress progress = {};
};

namespace detail {

/// A file of text, packed by gzip or not, that is written in pieces. Packed pieces are members of
/// their own, which every reader of gzip takes for one file.
class TextOutput {
 public:
  template <class = void>
  TextOutput(const std::filesystem::path& path, int gzip)
      : path_(gzip ? path.string() + ".gz" : path.string()),
        gzip_(gzip),
        out_(path_, std::ios::binary) {}

  /// Writes pieces in their order, which are packed on all threads.
  template <class = void>
  void write(std::vector<std::string> pieces) {
    if (gzip_)
      parallel_for(pieces.size(), 1, [&](size_t begin, size_t end) {
        using Compressor =
            std::unique_ptr<libdeflate_compressor, decltype(&libdeflate_free_compressor)>;
        const Compressor c(libdeflate_alloc_compressor(gzip_), libdeflate_free_compressor);
        if (!c) throw std::bad_alloc();
        for (size_t i = begin; i < end; ++i) {
          std::string packed(libdeflate_gzip_compress_bound(c.get(), pieces[i].size()), '\0');
          packed.resize(libdeflate_gzip_compress(c.get(), pieces[i].data(), pieces[i].size(),
                                                 packed.data(), packed.size()));
          pieces[i] = std::move(packed);
        }
      });
    for (const std::string& piece : pieces) out_.write(piece.data(), std::streamsize(piece.size()));
  }
  /// @throws WriteError if not all of it could be written
  template <class = void>
  void finish() {
    out_.close();
    if (!out_)
      throw WriteError(message("write_mtx: cannot write ", quoted(path_),
                               "; is the disk full, or the folder read-only?"));
  }

 private:
  std::string path_;
  int gzip_;
  std::ofstream out_;
};

/// A field of a table whose lines end by line breaks and whose fields by tabs.
template <class = void>
const std::string& plain_field(const std::string& text) {
  if (text.find_first_of("\t\n\r") != std::string::npos)
    throw ConfigError(message("write_mtx: the name ", quoted(text),
                              " has a tab or a line break, which its tables cannot hold"));
  return text;
}

/// The lines of a block: gene, cell and value of each entry that is not 0.
template <class T>
std::string triplet_lines(const CsrView<T>& block, size_t first_cell) {
  std::string out;
  char number[32];
  const auto add = [&](size_t x, char behind) {
    out.append(number, std::to_chars(number, number + sizeof number, x).ptr);
    out += behind;
  };
  for (size_t row = 0; row < block.rows; ++row) {
    const auto indices = block.row_indices(row);
    const auto values = block.row_values(row);
    for (size_t k = 0; k < indices.size(); ++k) {
      if (values[k] == T(0)) continue;
      add(size_t(indices[k]) + 1, ' ');
      add(first_cell + row + 1, ' ');
      if constexpr (std::is_floating_point_v<T>)
        out += message(values[k]);
      else
        out.append(number, std::to_chars(number, number + sizeof number, values[k]).ptr);
      out += '\n';
    }
  }
  return out;
}

/// The table of genes as Cell Ranger 3 writes it: id, symbol, type.
template <class = void>
std::string feature_lines(const DataFrame& var) {
  const auto column = [&](const char* name, const std::vector<std::string>& otherwise) {
    return var.has(name) ? var.column(name).text() : otherwise;
  };
  const auto ids = column("gene_ids", var.index), symbols = column("gene_symbols", var.index);
  const auto types =
      column("feature_types", std::vector<std::string>(var.rows(), "Gene Expression"));
  std::string out;
  for (size_t i = 0; i < var.rows(); ++i)
    out += plain_field(var.has("gene_symbols") ? var.index[i] : ids[i]) + '\t' +
           plain_field(symbols[i]) + '\t' + plain_field(types[i]) + '\n';
  return out;
}

}  // namespace detail

/// Writes a folder as Cell Ranger 3 does: matrix.mtx.gz, genes x cells in triplets by cells,
/// features.tsv.gz and barcodes.tsv.gz; without ".gz" where nothing is packed. X is read twice in
/// blocks of rows, to count its entries and to write them. Numbers are the shortest texts that read
/// back the same. Genes have the ids of var's column 'gene_ids', else their names.
/// @param folder  is replaced when all of it is written
/// @throws ShapeError if X is not (cells, genes); ConfigError for names that the tables cannot hold
///         and for numbers that are not finite; WriteError if it cannot be written
template <class S>
requires RowSource<S, float>
void write_mtx(const std::filesystem::path& folder, const DataFrame& obs, const DataFrame& var,
               const S& X, const WriteMtxOptions& options = {}) {
  check_size_match("write_mtx", "rows of X", X.rows(), "cells", obs.rows());
  check_size_match("write_mtx", "columns of X", X.columns(), "genes", var.rows());
  if (options.gzip < 0 || options.gzip > 12)
    throw ConfigError(message("write_mtx: gzip is ", options.gzip, ", expected 0 .. 12"));
  constexpr size_t piece_rows = 256;
  write_folder(folder, [&](const std::filesystem::path& to) {
    visit_wide(X.dtype(), [&]<class T>() {
      size_t entries = 0;
      for_each_row_block<T>(X, [&](size_t first, const CsrView<T>& block) {
        report(options.progress, {"count", first + block.rows, X.rows(), {}});
        for (const T x : block.values) {
          entries += x != T(0);
          if constexpr (std::is_floating_point_v<T>)
            if (!std::isfinite(x))
              throw ConfigError(
                  message("write_mtx: X holds ", number_text(x), ", expected finite numbers"));
        }
      });
      detail::TextOutput out(to / "matrix.mtx", options.gzip);
      out.write(
          {message("%%MatrixMarket matrix coordinate ", std::is_integral_v<T> ? "integer" : "real",
                   " general\n", X.columns(), ' ', X.rows(), ' ', entries, '\n')});
      for_each_row_block<T>(
          X,
          [&](size_t first, const CsrView<T>& block) {
            report(options.progress, {"write", first + block.rows, X.rows(), {}});
            std::vector<std::string> pieces((block.rows + piece_rows - 1) / piece_rows);
            parallel_for(pieces.size(), 1, [&](size_t begin, size_t end) {
              for (size_t i = begin; i < end; ++i) {
                const size_t row = i * piece_rows, rows = std::min(piece_rows, block.rows - row);
                const auto at = size_t(block.indptr[row] - block.indptr[0]),
                           size = size_t(block.indptr[row + rows] - block.indptr[row]);
                pieces[i] = detail::triplet_lines(
                    CsrView<T>{rows, block.columns, block.indptr.subspan(row, rows + 1),
                               block.indices.subspan(at, size), block.values.subspan(at, size)},
                    first + row);
              }
            });
            out.write(std::move(pieces));
          },
          {.rows = piece_rows * 8});
      out.finish();
    });
    std::string barcodes;
    for (const std::string& name : obs.index) barcodes += detail::plain_field(name) + '\n';
    detail::TextOutput cells(to / "barcodes.tsv", options.gzip);
    cells.write({std::move(barcodes)});
    cells.finish();
    detail::TextOutput genes(to / "features.tsv", options.gzip);
    genes.write({detail::feature_lines(var)});
    genes.finish();
  });
}

VCELL_END_NAMESPACE
