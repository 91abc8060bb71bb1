#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/callbacks.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/data/watched_rows.hpp"
#include "vcell/io/cell_rows.hpp"
#include "vcell/io/h5ad/write_h5ad.hpp"
#include "vcell/io/write_10x_h5.hpp"
#include "vcell/io/write_mtx.hpp"
#include "vcell/io/write_table.hpp"

VCELL_BEGIN_NAMESPACE

/// How a matrix is stored.
enum class MatrixKind {
  csr,    ///< sparse, by rows
  csc,    ///< sparse, by columns
  dense,  ///< every value
};

/// What a file is converted to.
enum class ConvertTo {
  h5ad,
  mtx,      ///< a folder as Cell Ranger 3 writes it: names of cells and genes, and X alone
  tenx_h5,  ///< the .h5 of Cell Ranger 3: X of counts, names of cells, and genes
  csv,      ///< a dense table, and one of obs beside it (see metadata_path)
  tsv,      ///< the same with tabs
};

/// What the end of a file's name says of its format; nothing if it says none.
template <class = void>
std::optional<ConvertTo> format_of_name(const std::filesystem::path& path) {
  const std::string ending = (path.extension() == ".gz" ? path.stem() : path).extension().string();
  if (ending == ".csv") return ConvertTo::csv;
  if (ending == ".tsv") return ConvertTo::tsv;
  if (path.extension() == ".h5ad") return ConvertTo::h5ad;
  if (path.extension() == ".h5") return ConvertTo::tenx_h5;
  return {};
}

/// Where the columns of obs lie beside a table of cells x genes: "a.metadata.csv" of "a.csv",
/// packed by gzip as that is.
template <class = void>
std::filesystem::path metadata_path(const std::filesystem::path& table) {
  const bool packed = table.extension() == ".gz";
  const std::filesystem::path plain =
      packed ? std::filesystem::path(table).replace_extension() : table;
  auto out = plain.parent_path() / plain.stem();
  out += ".metadata" + plain.extension().string() + (packed ? ".gz" : "");
  return out;
}

struct ConvertFileOptions {
  ConvertTo to = ConvertTo::h5ad;
  std::optional<MatrixKind> x = {};  ///< of X; none: as it was read
  /// What becomes X: "X", "layers/NAME" or "raw/X" of an h5ad file. A layer is no layer any more
  /// then; with raw its genes become the genes, and what is aligned to the others goes.
  std::string element = "X";
  ReadCellsOptions read = {};  ///< its warnings and progress are of `callbacks`
  /// Of h5ad; of 10x its gzip and chunk_bytes, of mtx its gzip; and of a table, whose name ends
  /// with ".gz" where it is to be packed, the gzip then.
  H5adWriteOptions write = {};
  Callbacks callbacks = {};
};

namespace detail {

/// A source (see RowSource) that says that it is stored otherwise.
template <class S>
class StoredAs {
 public:
  StoredAs(S source, std::optional<MatrixKind> kind)
      : layout(source.layout), source_(std::move(source)), is_sparse_(source_.is_sparse()) {
    if (!kind) return;
    is_sparse_ = *kind != MatrixKind::dense;
    layout.by_columns = *kind == MatrixKind::csc;
  }

  SparseLayout layout;

  size_t rows() const { return source_.rows(); }
  size_t columns() const { return source_.columns(); }
  DType dtype() const { return source_.dtype(); }
  bool is_sparse() const { return is_sparse_; }
  const S& source() const { return source_; }

 private:
  S source_;
  bool is_sparse_;
};

template <class T, class S>
CsrView<T> row_block(const StoredAs<S>& source, size_t first, size_t last, CsrMatrix<T>& scratch) {
  return row_block(source.source(), first, last, scratch);
}

template <class S>
size_t block_end(const StoredAs<S>& source, size_t first, size_t bytes) {
  return block_end(source.source(), first, bytes);
}

/// Makes the annotations those of an element that becomes X.
template <class = void>
void make_x_of(AnnData& a, const std::string& element, const Callbacks& callbacks) {
  if (element == "X") return;
  std::vector<std::string> left_out = {"X"};
  const auto add = [&](const char* where, const auto& entries) {
    for (const auto& entry : entries)
      left_out.push_back(message(where, "[", quoted(entry.first), "]"));
  };
  if (element.starts_with("layers/")) {
    a.layers.erase(element.substr(7));
  } else {
    add("layers", a.layers);
    add("varm", a.varm);
    add("varp", a.varp);
    a.layers.clear();
    a.varp.clear();
    a.var = std::move(a.raw->var);
    a.varm = std::move(a.raw->varm);
    a.raw.reset();
  }
  // What is said of the old X need not hold of the new one.
  for (const char* name : {"log1p", "vcell"})
    if (a.uns.erase(name)) left_out.push_back(message("uns[", quoted(name), "]"));
  note(callbacks, "X is ", element, "; left out are ", list_of(left_out, 40));
}

/// For people, and the program's --to.
template <class = void>
const char* name_of(ConvertTo to) {
  constexpr const char* names[] = {"h5ad", "mtx", "10x", "csv", "tsv"};
  return names[size_t(to)];
}

/// What a format that is not h5ad cannot hold.
template <class = void>
std::vector<std::string> beyond(ConvertTo to, const AnnData& a) {
  std::vector<std::string> out;
  const auto add = [&](const char* where, const std::string& name) {
    out.push_back(message(where, "[", quoted(name), "]"));
  };
  const bool table = to == ConvertTo::csv || to == ConvertTo::tsv;
  const bool features = to == ConvertTo::mtx || to == ConvertTo::tenx_h5;
  if (!table)
    for (const std::string& name : a.obs.names()) add("obs", name);
  const auto held = features_of(a.var);
  for (const std::string& name : a.var.names()) {
    const bool usual = name == "gene_ids" || name == "gene_symbols" || name == "feature_types";
    const bool further =
        name == "genome" || (is_10x_column(name) &&
                             std::any_of(held.others.begin(), held.others.end(),
                                         [&](const auto& other) { return other.first == name; }));
    if (!(features && usual) && !(to == ConvertTo::tenx_h5 && further)) add("var", name);
  }
  for (const auto& entry : a.layers) add("layers", entry.first);
  for (const auto& [where, entries] : {std::pair<const char*, const Dict*>{"obsm", &a.obsm},
                                       {"varm", &a.varm},
                                       {"obsp", &a.obsp},
                                       {"varp", &a.varp},
                                       {"uns", &a.uns}})
    for (const auto& entry : *entries) add(where, entry.first);
  if (a.raw) out.push_back("raw");
  return out;
}

/// Writes what is no h5ad.
template <class S>
void write_cells_as(ConvertTo to, const std::filesystem::path& path, const AnnData& a, const S& X,
                    const ConvertFileOptions& options) {
  if (const auto lost = beyond(to, a); !lost.empty())
    note(options.callbacks, name_of(to), " cannot hold ", list_of(lost, 40));
  const Progress& progress = options.callbacks.progress;
  const int gzip = options.write.gzip;
  if (to == ConvertTo::mtx) return write_mtx(path, a.obs, a.var, X, {gzip, progress});
  if (to == ConvertTo::tenx_h5)
    return write_10x_h5(path, a.obs, a.var, X, {gzip, options.write.chunk_bytes, progress});
  const bool packed = path.extension() == ".gz";
  if (packed && gzip == 0)
    throw ConfigError(message("convert_file: ", quoted(path.string()), " is a name of gzip's, and ",
                              "H5adWriteOptions::gzip is 0; leave the '.gz' out, or pack it"));
  const WriteTableOptions table{to == ConvertTo::csv ? ',' : '\t', packed ? gzip : 0, progress};
  if (!a.obs.names().empty()) {
    write_metadata(metadata_path(path), a.obs, table);
    note(options.callbacks, "obs is in ", quoted(metadata_path(path).string()),
         " (MetadataOptions::file when it is read)");
  }
  write_table(path, a.obs, a.var, X, table);
}

}  // namespace detail

/// A file with cells of any format as an h5ad file, X stored as is asked for, or in another format,
/// of which what it cannot hold is said; X goes from disk to disk in blocks of rows, and by columns
/// through a temporary file where that is needed. All else is kept.
/// @throws ConfigError if the element is no other matrix of an h5ad file; what open_cells and
///         the writer of the format throw
/// @return cells and genes that were written
template <class = void>
std::pair<size_t, size_t> convert_file(const std::filesystem::path& from,
                                       const std::filesystem::path& to,
                                       const ConvertFileOptions& options) {
  if (options.to != ConvertTo::h5ad && options.x)
    throw ConfigError(message("convert_file: ConvertFileOptions::x is of h5ad, and ",
                              detail::name_of(options.to), " is asked for"));
  const bool other = options.element != "X";
  if (other && options.element != "raw/X" && !options.element.starts_with("layers/"))
    throw ConfigError(message("convert_file: ConvertFileOptions::element is ",
                              quoted(options.element), ", expected 'X', 'raw/X' or 'layers/NAME'"));
  if (other && cell_format(from) != CellFormat::h5ad)
    throw ConfigError(message("convert_file: ", quoted(from.string()), " is ",
                              name_of(cell_format(from)), ", which has no ",
                              quoted(options.element), " (ConvertFileOptions::element)"));
  std::vector<std::string> remarks;
  ReadCellsOptions read = options.read;
  read.h5ad.warnings = &remarks;
  read.h5ad.progress = options.callbacks.progress;
  OpenCells open = open_cells(from, read, {.element = options.element});
  for (const std::string& remark : remarks) note(options.callbacks, remark);
  detail::make_x_of(open.cells, options.element, options.callbacks);
  const std::pair size(open.cells.cells(), open.cells.genes());
  const detail::StoredAs X(std::move(open.X), options.x);
  if (options.to != ConvertTo::h5ad) {
    detail::write_cells_as(options.to, to, open.cells, X, options);
    return size;
  }
  write_h5ad(to, open.cells, WatchedRows(X, options.callbacks.progress, "convert"), options.write);
  return size;
}

VCELL_INSTANTIATE(folders,
                  std::pair<size_t, size_t> convert_file<void>(const std::filesystem::path&,
                                                               const std::filesystem::path&,
                                                               const ConvertFileOptions&));

VCELL_END_NAMESPACE
