#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/core/machine_memory.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/pipeline/prepare.hpp"
#include "vcell/preprocess/preprocess_train.hpp"

VCELL_BEGIN_NAMESPACE

struct PreprocessFileOptions {
  size_t min_genes = 0;  ///< cells with fewer are dropped; 0: none
  size_t min_cells = 0;  ///< genes in fewer are dropped; 0: none
  PreprocessTrainOptions train = {};
  /// Bytes that X may take in memory; a larger one is read in blocks of rows, several times. 0:
  /// half of what the machine has.
  double memory = 0;
  Callbacks callbacks = {};
};

namespace detail {

/// What X of a file takes in memory as float, or as double where it is stored in 64 bits.
template <class = void>
double bytes_of_x(const std::filesystem::path& file) {
  for (const H5adElement& element : describe_h5ad(file)) {
    if (element.path != "/X") continue;
    const double value = element.dtype.ends_with("64") ? 8 : 4;
    if (element.encoding == "csr_matrix" || element.encoding == "csc_matrix")
      return double(element.stored_values) * (value + 4);
    double n = value;
    for (const size_t extent : element.shape) n *= double(extent);
    return n;
  }
  return 0;
}

}  // namespace detail

/// preprocess_train of a file into a file, after dropping cells and genes: from memory where X fits
/// into it, else from blocks of rows; the result is the same. The folder of the new file is made
/// when there is something to write. Everything but X, such as layers and
/// obsm['X_hvg'], is in memory in any case.
/// @throws ConfigError, IoError, FormatError as what it calls does; also if X is too large and
///         stored by columns
template <class = void>
PreprocessedTrain preprocess_file(const std::filesystem::path& from,
                                  const std::filesystem::path& to,
                                  const PreprocessFileOptions& options = {}) {
  const Callbacks& callbacks = options.callbacks;
  const double memory = options.memory > 0 ? options.memory : detail::machine_memory() / 2,
               needed = detail::bytes_of_x(from);
  const bool fits = needed <= memory || memory == 0;
  std::vector<std::string> remarks;
  AnnData adata =
      read_h5ad(from, {.X = fits, .warnings = &remarks, .progress = callbacks.progress});
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
    write_h5ad(to, adata, {.progress = callbacks.progress});
    return done;
  }
  SelectedRows<H5adRows> X(H5adRows(from, {.warnings = &remarks}));
  say_remarks();
  const auto megabytes = [](double bytes) { return std::round(bytes / 1e5) / 10; };
  note(callbacks, "X takes ", megabytes(needed), " MB, more than the ", megabytes(memory),
       " MB granted, so it is read in blocks, several times");
  filter(adata, X, options.min_genes, options.min_cells, callbacks);
  limit_genes();
  auto [rows, done] = preprocess_train(adata, std::move(X), train);
  make_folder();
  write_h5ad(to, adata, rows, {.progress = callbacks.progress});
  return std::move(done);
}

VCELL_INSTANTIATE(folders, PreprocessedTrain preprocess_file<void>(const std::filesystem::path&,
                                                                   const std::filesystem::path&,
                                                                   const PreprocessFileOptions&));

VCELL_END_NAMESPACE
