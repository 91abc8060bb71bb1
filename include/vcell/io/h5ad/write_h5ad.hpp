#pragma once

#include <concepts>
#include <optional>

#include "vcell/core/instantiate.hpp"
#include "vcell/core/progress.hpp"
#include "vcell/data/check_anndata.hpp"
#include "vcell/io/atomic_file.hpp"
#include "vcell/io/h5ad/h5ad_write_options.hpp"
#include "vcell/io/h5ad/write_rows.hpp"
#include "vcell/io/h5ad/write_value.hpp"
#include "vcell/io/hdf5/output_file.hpp"

VCELL_BEGIN_NAMESPACE

namespace detail {

/// @param write_x     of the root: writes X where there is one
/// @param write_more  of obsm and the name that comes next there, null at the end: writes what is
///                    there beside a.obsm if its name comes before that, and says whether it did;
///                    entries are written by name, so that the bytes do not depend on where they
///                    come from
template <class F, class G>
void write_parts(const OutputGroup& root, const AnnData& a, const Progress& progress, F&& write_x,
                 G&& write_more) {
  size_t done = 0;
  const auto begin = [&](const char* part) { report(progress, {"write", done++, 10, part}); };
  put_encoding(root, root.id, "anndata", "0.1.0");
  begin("X");
  write_x(root);
  begin("obs");
  write_dataframe(root, "obs", a.obs);
  begin("var");
  write_dataframe(root, "var", a.var);
  begin("layers");
  const OutputGroup layers = make_group(root, "layers", "dict", "0.1.0");
  for (const auto& [name, layer] : a.layers) {
    check_key(layers, name);
    write_matrix(layers, name, layer);
  }
  begin("obsm");
  const OutputGroup obsm = make_group(root, "obsm", "dict", "0.1.0");
  bool has_more = true;
  for (const auto& [name, value] : a.obsm) {
    if (has_more) has_more = !write_more(obsm, &name);
    write_value(obsm, name, value);
  }
  if (has_more) write_more(obsm, nullptr);
  begin("varm");
  write_dict(root, "varm", a.varm);
  begin("obsp");
  write_dict(root, "obsp", a.obsp);
  begin("varp");
  write_dict(root, "varp", a.varp);
  begin("raw");
  if (a.raw) {
    const OutputGroup raw = make_group(root, "raw", "raw", "0.1.0");
    if (a.raw->X) write_matrix(raw, "X", *a.raw->X);
    write_dataframe(raw, "var", a.raw->var);
    write_dict(raw, "varm", a.raw->varm);
  }
  begin("uns");
  write_dict(root, "uns", a.uns);
}

constexpr auto write_nothing_more = [](const OutputGroup&, const std::string*) { return true; };

/// Writes the file itself, which nobody else has.
/// @param path  what messages call it
template <class F, class G = decltype(write_nothing_more)>
void write_file_at(const std::filesystem::path& temporary, const std::filesystem::path& path,
                   const AnnData& a, const H5adWriteOptions& options, F&& write_x,
                   G&& write_more = {}) {
  hdf5::write_file(temporary,
                   {.function = "write_h5ad",
                    .file = path.string(),
                    .chunk_bytes = options.chunk_bytes,
                    .index_type = options.index_type,
                    .contiguous = options.contiguous},
                   options.gzip, [&](const hdf5::OutputGroup& root) {
                     write_parts(root, a, options.progress, write_x, write_more);
                   });
}

template <class F, class G = decltype(write_nothing_more)>
void write_file(const std::filesystem::path& path, const AnnData& a,
                const H5adWriteOptions& options, F&& write_x, G&& write_more = {}) {
  check_write_options(options);
  check_anndata(a);
  write_atomically(path, [&](const std::filesystem::path& temporary) {
    write_file_at(temporary, path, a, options, write_x, write_more);
  });
}

}  // namespace detail

/// Writes a file that every AnnData since 0.8 opens. Text columns with repeats become categoricals,
/// as anndata itself does; the same content gives the same bytes. The file is written beside the
/// target and renamed when whole.
///
/// Elements that were kept unread are copied as they were, and values of nothing (None) are written
/// as anndata 0.12 does: both need an AnnData that knows them, as the file they came from did.
///
/// Numbers are compressed chunk by chunk by libdeflate, on all threads (whole numbers shuffled
/// first); the bytes do not depend on how many those are. Any HDF5 reads them.
///
/// HDF5 is not thread-safe everywhere: calls from several threads wait for each other.
///
/// @throws ShapeError if a part does not fit obs and var
/// @throws ConfigError if a name or text cannot be written, or an option is out of its range
/// @throws IoError if the file cannot be written; an old file of that name then stays as it was
template <class = void>
void write_h5ad(const std::filesystem::path& path, const AnnData& a,
                const H5adWriteOptions& options = {}) {
  detail::write_file(path, a, options, [&](const hdf5::OutputGroup& root) {
    if (a.X) detail::write_matrix(root, "X", *a.X);
  });
}

/// The same with X read in blocks of rows (see RowSource), of which one is in memory at a time. The
/// file may be the one that X is read from: it is put in its place at the end.
/// @param a  all but X
/// @param X  (cells, genes)
/// @throws ConfigError also if `a` has an X of its own, or X is to be written by columns
template <class S>
requires RowSource<S, float>
void write_h5ad(const std::filesystem::path& path, const AnnData& a, const S& X,
                const H5adWriteOptions& options = {}) {
  if (a.X)
    throw ConfigError(
        "write_h5ad: the AnnData has an X of its own beside the one that is read in blocks; "
        "leave one of them out");
  check_size_match("write_h5ad", "rows of X", X.rows(), "cells", a.cells());
  check_size_match("write_h5ad", "columns of X", X.columns(), "genes", a.genes());
  detail::write_file(path, a, options,
                     [&](const hdf5::OutputGroup& root) { detail::write_rows(root, "X", X); });
}

/// The same into the file itself, without one beside it: for one that nobody else has, such as a
/// TemporaryFile. What throws leaves part of it.
template <class S>
requires RowSource<S, float>
void write_h5ad_at(const TemporaryFile& file, const AnnData& a, const S& X,
                   const H5adWriteOptions& options = {}) {
  check_size_match("write_h5ad", "rows of X", X.rows(), "cells", a.cells());
  check_size_match("write_h5ad", "columns of X", X.columns(), "genes", a.genes());
  check_write_options(options);
  check_anndata(a);
  detail::write_file_at(file.path(), file.path(), a, options,
                        [&](const hdf5::OutputGroup& root) { detail::write_rows(root, "X", X); });
}

/// The same with one matrix of obsm read in blocks of rows too, such as embeddings that are made
/// while they are written.
/// @param name  of it in obsm
/// @param rows  (cells, columns)
template <class S, class R>
requires RowSource<S, float> && RowSource<R, float>
void write_h5ad(const std::filesystem::path& path, const AnnData& a, const S& X,
                const std::string& name, const R& rows, const H5adWriteOptions& options = {}) {
  check_size_match("write_h5ad", "rows of X", X.rows(), "cells", a.cells());
  check_size_match("write_h5ad", "columns of X", X.columns(), "genes", a.genes());
  check_size_match("write_h5ad", "rows of obsm", rows.rows(), "cells", a.cells());
  if (a.X || a.obsm.count(name))
    throw ConfigError(
        message("write_h5ad: the AnnData has ", a.X ? "an X" : message("obsm[", quoted(name), "]"),
                " of its own beside the one that is read in blocks; leave one of ", "them out"));
  detail::write_file(
      path, a, options, [&](const hdf5::OutputGroup& root) { detail::write_rows(root, "X", X); },
      [&](const hdf5::OutputGroup& obsm, const std::string* next) {
        if (next && *next < name) return false;
        detail::check_key(obsm, name);
        detail::write_rows(obsm, name, rows);
        return true;
      });
}

/// The same in one pass over X, with what is found while it is read, such as scores of its genes
/// (see ObservedRows).
/// @param a      all but X; `found` may change it
/// @param found  called when all of X is written; returns a name and a source of rows, which
///               becomes an entry of obsm
template <class S, class F>
requires RowSource<S, float> && std::invocable<F>
void write_h5ad(const std::filesystem::path& path, AnnData& a, const S& X, F&& found,
                const H5adWriteOptions& options = {}) {
  if (a.X)
    throw ConfigError(
        "write_h5ad: the AnnData has an X of its own beside the one that is read in blocks; "
        "leave one of them out");
  check_size_match("write_h5ad", "rows of X", X.rows(), "cells", a.cells());
  check_size_match("write_h5ad", "columns of X", X.columns(), "genes", a.genes());
  std::optional<decltype(found())> more;
  detail::write_file(
      path, a, options,
      [&](const hdf5::OutputGroup& root) {
        detail::write_rows(root, "X", X);
        more.emplace(found());
        a.obsm.erase(more->first);
        check_anndata(a);
        check_size_match("write_h5ad", "rows of obsm", more->second.rows(), "cells", a.cells());
      },
      [&](const hdf5::OutputGroup& obsm, const std::string* next) {
        if (next && *next < more->first) return false;
        detail::check_key(obsm, more->first);
        detail::write_rows(obsm, more->first, more->second);
        return true;
      });
}

VCELL_INSTANTIATE(files, void write_h5ad<void>(const std::filesystem::path&, const AnnData&,
                                               const H5adWriteOptions&));

VCELL_END_NAMESPACE
