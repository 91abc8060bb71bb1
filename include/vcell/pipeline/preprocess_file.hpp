#pragma once

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/io/cell_rows.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/pipeline/bytes_of_x.hpp"
#include "vcell/pipeline/run_steps.hpp"
#include "vcell/pipeline/stream_steps.hpp"

VCELL_BEGIN_NAMESPACE

struct PreprocessFileOptions {
  PreprocessSteps steps = {PreprocessTrainOptions()};  ///< what is done, in this order
  /// What the steps are called, as their file; errors then say which step they are of.
  std::string steps_from = {};
  CellInput input = {};  ///< what the file does not say itself
  /// Bytes that X may take in memory, dense where a step makes it so; a larger one is read in
  /// blocks of rows, several times, which is as fast for preprocess_train: blocks take little
  /// memory, and use it again.
  double memory = double(size_t(512) << 20);
  /// How the file is stored; its progress goes to `callbacks`.
  H5adWriteOptions write = {};
  Callbacks callbacks = {};
};

namespace detail {

/// Whether a step makes all zeros of X numbers.
template <class = void>
bool makes_dense(const PreprocessSteps& steps) {
  return std::any_of(steps.begin(), steps.end(), [](const PreprocessStep& step) {
    const auto* scale = std::get_if<ScaleGenesOptions>(&step);
    return std::holds_alternative<RegressOutStep>(step) ||
           (scale && scale->zero_center && !scale->layer);
  });
}

/// Does steps to cells whose X is read in blocks, and writes what becomes of them. Where the last
/// step is preprocess_train, its genes are scored while X is written.
template <class = void>
void stream_to_file(AnnData& adata, AnyRows X, const std::filesystem::path& to,
                    const PreprocessFileOptions& options, const H5adWriteOptions& write) {
  const auto& steps = options.steps;
  StreamedSteps work(adata, std::move(X), options.callbacks);
  const auto* train = std::get_if<PreprocessTrainOptions>(&steps.back());
  work.run(steps, 0, steps.size() - (train ? 1 : 0), options.steps_from);
  if (!train) {
    if (const auto hvg = work.hvg())
      write_h5ad(to, adata, work.X(), "X_hvg", *hvg, write);
    else
      write_h5ad(to, adata, work.X(), write);
    return;
  }
  PreprocessedTrain done;
  in_step(options.steps_from, steps.size() - 1, [&] {
    const auto limits = limited(*train, adata);
    TrainRows<StreamedSteps::Rows> rows(adata, std::move(work.X()), limits);
    write_h5ad(
        to, adata, rows.X(),
        [&] {
          done = rows.finish(adata);
          name_hvg(adata, done.hvg.indices());
          return std::pair(std::string("X_hvg"),
                           single_dense_rows(std::move(rows).log1p_rows(done.hvg.highly_variable)));
        },
        write);
  });
  note_train(options.callbacks, done);
}

}  // namespace detail

/// Does steps to the cells of a file and writes them into a file: in memory where X fits into it,
/// else from blocks of rows (StreamedSteps), of which one is in memory at a time. The result is the
/// same. Everything but X and obsm['X_hvg'], such as layers, is in memory in any case.
///
/// From blocks, X is read once for QC metrics and the filters that follow them, once for each of
/// the other steps (preprocess_train: for the median of the totals; pca: options.iterations + 2
/// times), once when it is written, in which preprocess_train as the last step scores its genes,
/// and once for obsm['X_hvg'].
/// @throws ConfigError, IoError, FormatError as what it calls does; what is wrong with the steps
///         themselves (check_steps) before X is read
template <class = void>
void preprocess_file(const std::filesystem::path& from, const std::filesystem::path& to,
                     const PreprocessFileOptions& options = {}) {
  const Callbacks& callbacks = options.callbacks;
  check_write_options(options.write);
  auto write = options.write;
  write.progress = callbacks.progress;
  const double needed = detail::bytes_of_x(from, options.input, detail::makes_dense(options.steps));
  const bool fits = needed <= options.memory;
  std::vector<std::string> remarks;
  ReadCellsOptions reading = {
      .h5ad = {.X = false, .warnings = &remarks, .progress = callbacks.progress},
      .input = options.input};
  const auto say_remarks = [&](const AnnData& adata) {
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
    reading.h5ad.X = true;
    AnnData adata = read_cells(from, reading);
    say_remarks(adata);
    run_steps(adata, options.steps, callbacks, options.steps_from);
    make_folder();
    write_h5ad(to, adata, write);
    return;
  }
  OpenCells open = open_cells(from, reading);
  say_remarks(open.cells);
  check_steps(open.cells, options.steps, options.steps_from);
  const auto megabytes = [](double bytes) { return std::round(bytes / 1e5) / 10; };
  note(callbacks, "X takes ", megabytes(needed), " MB, more than the ", megabytes(options.memory),
       " MB granted, so it is read in blocks, several times");
  make_folder();
  detail::stream_to_file(open.cells,
                         AnyRows::of(WatchedRows(std::move(open.X), callbacks.progress, "read")),
                         to, options, write);
}

VCELL_INSTANTIATE(folders, void preprocess_file<void>(const std::filesystem::path&,
                                                      const std::filesystem::path&,
                                                      const PreprocessFileOptions&));

VCELL_END_NAMESPACE
