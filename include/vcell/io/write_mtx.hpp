#pragma once

#include <charconv>
#include <filesystem>
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
#include "vcell/io/cells/features.hpp"
#include "vcell/io/cells/text_output.hpp"
#include "vcell/io/number_text.hpp"

VCELL_BEGIN_NAMESPACE

struct WriteMtxOptions {
  int gzip = 6;  ///< compression: 1 fast .. 12 small; 0: files without ".gz"
  Progress progress = {};
};

namespace detail {

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
  const Features f = features_of(var);
  std::string out;
  for (size_t i = 0; i < var.rows(); ++i)
    out += plain_field(f.ids[i]) + '\t' + plain_field(f.symbols[i]) + '\t' +
           plain_field(f.types[i]) + '\n';
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
    const auto file = [&](const std::string& name) {
      const auto path = to / (options.gzip ? name + ".gz" : name);
      return detail::TextOutput(path, options.gzip,
                                message("write_mtx: cannot write ", quoted(path.string())));
    };
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
      auto out = file("matrix.mtx");
      out.write(message("%%MatrixMarket matrix coordinate ",
                        std::is_integral_v<T> ? "integer" : "real", " general\n", X.columns(), ' ',
                        X.rows(), ' ', entries, '\n'));
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
            for (const std::string& piece : pieces) out.write(piece);
          },
          {.rows = piece_rows * 8});
      out.finish();
    });
    std::string barcodes;
    for (const std::string& name : obs.index) barcodes += detail::plain_field(name) + '\n';
    auto cells = file("barcodes.tsv");
    cells.write(barcodes);
    cells.finish();
    auto genes = file("features.tsv");
    genes.write(detail::feature_lines(var));
    genes.finish();
  });
}

VCELL_END_NAMESPACE
