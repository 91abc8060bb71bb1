#pragma once

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/data/dense_rows.hpp"
#include "vcell/io/cell_rows.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/pipeline/bytes_of_x.hpp"
#include "vcell/pipeline/prepare.hpp"
#include "vcell/preprocess/preprocess_train.hpp"

VCELL_BEGIN_NAMESPACE

struct PreprocessFileOptions {
  size_t min_genes = 0;  ///< cells with fewer are dropped; 0: none
  size_t min_cells = 0;  ///< genes in fewer are dropped; 0: none
  PreprocessTrainOptions train = {};
  CellInput input = {};  ///< what the file does not say itself
  /// Bytes that X may take in memory; a larger one is read in blocks of rows, several times, which
  /// is as fast: blocks take little memory, and use it again.
  double memory = double(size_t(512) << 20);
  /// How the file is stored; its progress goes to `callbacks`.
  H5adWriteOptions write = {};
  Callbacks callbacks = {};
};

/// preprocess_train of a file into a file, after dropping cells and genes: from memory where X fits
/// into it, else from blocks of rows: one pass for each filter, one for the totals where no target
/// sum is given, one in which X is written and its genes are scored, one for obsm['X_hvg']. The
/// result is the same. Everything but X and that, such as layers, is in memory in any case.
/// @throws ConfigError, IoError, FormatError as what it calls does; also if X is too large and
///         stored by columns
template <class = void>
PreprocessedTrain preprocess_file(const std::filesystem::path& from,
                                  const std::filesystem::path& to,
                                  const PreprocessFileOptions& options = {}) {
  const Callbacks& callbacks = options.callbacks;
  check_write_options(options.write);
  auto write = options.write;
  write.progress = callbacks.progress;
  const double memory = options.memory, needed = detail::bytes_of_x(from, options.input);
  const bool fits = needed <= memory;
  std::vector<std::string> remarks;
  const ReadCellsOptions reading = {
      .h5ad = {.X = fits, .warnings = &remarks, .progress = callbacks.progress},
      .input = options.input};
  AnnData adata;
  std::optional<CellRows> rows;
  if (fits) {
    adata = read_cells(from, reading);
  } else {
    OpenCells open = open_cells(from, reading);
    adata = std::move(open.cells);
    rows.emplace(std::move(open.X));
  }
  auto train = options.train;
  const auto limit_genes = [&] {
    train.hvg.n_top_genes = std::min(train.hvg.n_top_genes, adata.genes());
  };
  const auto say_remarks = [&] {
    for (const std::string& remark : remarks) note(callbacks, remark);
    note(callbacks, from.string(), ": ", adata.cells(), " cells x ", adata.genes(), " genes");
  };
  const auto make_folder = [&] {
    std::error_code error;
    if (to.has_parent_path()) std::filesystem::create_directories(to.parent_path(), error);
    if (error)
      throw WriteError(message("cannot make the folder ", quoted(to.parent_path().string()), ": ",
                               error.message()));
  };
  if (fits) {
    say_remarks();
    filter(adata, options.min_genes, options.min_cells, callbacks);
    limit_genes();
    auto done = preprocess_train(adata, train);
    make_folder();
    write_h5ad(to, adata, write);
    return done;
  }
  SelectedRows<CellRows> X(std::move(*rows));
  say_remarks();
  const auto megabytes = [](double bytes) { return std::round(bytes / 1e5) / 10; };
  note(callbacks, "X takes ", megabytes(needed), " MB, more than the ", megabytes(memory),
       " MB granted, so it is read in blocks, several times");
  filter(adata, X, options.min_genes, options.min_cells, callbacks);
  limit_genes();
  make_folder();
  TrainRows<SelectedRows<CellRows>> work(adata, std::move(X), train);
  PreprocessedTrain done;
  write_h5ad(
      to, adata, work.X(),
      [&] {
        done = work.finish(adata);
        name_hvg(adata, done.hvg.indices());
        return std::pair(std::string("X_hvg"),
                         DenseRows(std::move(work).log1p_rows(done.hvg.highly_variable)));
      },
      write);
  return done;
}

VCELL_INSTANTIATE(folders, PreprocessedTrain preprocess_file<void>(const std::filesystem::path&,
                                                                   const std::filesystem::path&,
                                                                   const PreprocessFileOptions&));

VCELL_END_NAMESPACE
