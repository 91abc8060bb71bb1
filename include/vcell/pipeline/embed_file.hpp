#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/callbacks.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/data/match_genes.hpp"
#include "vcell/io/cell_rows.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/io/write_npy.hpp"
#include "vcell/models/embedded_rows.hpp"
#include "vcell/preprocess/declared_scale.hpp"
#include "vcell/preprocess/log1p_rows.hpp"

VCELL_BEGIN_NAMESPACE

struct EmbedFileOptions {
  std::string key = "X_emb";        ///< of obsm, replaced where it is there
  std::optional<Scale> scale = {};  ///< of X; without it the file decides (declared_scale)
  /// What nobody declares and is no count is taken for log1p, as the reference takes it; false: it
  /// is an error.
  bool fractions_are_log1p = false;
  MatchGenesOptions genes = {};  ///< how the data's genes are found in the model's table
  bool half = false;             ///< float16 in place of float32
  uint64_t seed = 0;             ///< of what is random in a sentence
  CellInput input = {};          ///< what the file does not say itself
  H5adWriteOptions write = {};   ///< of an h5ad file
  Callbacks callbacks = {};
};

namespace detail {

/// The scale of X (declared_scale), and how it was found is said.
template <class = void>
Scale embedded_scale(const AnnData& adata, const CellRows& X, const EmbedFileOptions& options) {
  const bool declared =
      options.scale || find(adata.uns, "vcell/scale") || says_log1p("embed_file", adata);
  if (!declared && options.fractions_are_log1p && find_value(X, is_no_count)) {
    note(options.callbacks, "nothing says what X holds: its fractions are taken for log1p values, ",
         "as State takes them (--scale log1p)");
    return declared_scale(adata, X, Scale::log1p).scale;
  }
  const auto found = declared_scale(adata, X, options.scale);
  if (found.inferred)
    note(options.callbacks,
         "X holds whole numbers only: they are taken for counts (--scale counts)");
  return found.scale;
}

}  // namespace detail

/// Embeds the cells of a file into obsm of a new one, which has all that the old one has. X is read
/// and copied in blocks, and embeddings are written as they are made, so that neither is in memory
/// whole, but an X that is stored by columns (a note says what it takes); layers and what else
/// there is are. A file that ends in .npy gets the embeddings alone, as float32. It is written
/// beside its place and put there when it is whole, so it may be the one that is read.
/// @param to  its folder is made
/// @return    the width of the embeddings
/// @throws ConfigError, IoError, FormatError as what it calls does; Stopped
template <class = void>
size_t embed_file(const TrainedEmbedding& model, const std::filesystem::path& from,
                  const std::filesystem::path& to, const EmbedFileOptions& options = {}) {
  const Callbacks& callbacks = options.callbacks;
  std::vector<std::string> remarks;
  OpenCells open =
      open_cells(from, {.h5ad = {.X = false, .warnings = &remarks}, .input = options.input});
  AnnData adata = std::move(open.cells);
  const CellRows X = std::move(open.X);
  for (const std::string& remark : remarks) note(callbacks, remark);
  note(callbacks, from.string(), ": ", adata.cells(), " cells x ", adata.genes(), " genes");
  const Scale scale = detail::embedded_scale(adata, X, options);
  const auto match = match_genes(adata.var, model.genes.names(), options.genes);
  note(callbacks, match.report());
  if (options.half && to.extension() == ".npy")
    throw ConfigError(message("embed_file: ", quoted(to.string()),
                              ": a .npy is written as float32; ask for that, or for an .h5ad"));
  if (adata.obsm.erase(options.key)) note(callbacks, "obsm ", quoted(options.key), " is replaced");
  std::error_code error;
  if (to.has_parent_path()) std::filesystem::create_directories(to.parent_path(), error);
  if (error)
    throw WriteError(message("cannot make the folder ", quoted(to.parent_path().string()), ": ",
                             error.message()));
  const auto write = [&](const auto& log_rows) {
    using S = std::decay_t<decltype(log_rows)>;
    const EmbeddedRows<S> rows(model, log_rows, match.rows,
                               {.seed = options.seed,
                                .dtype = options.half ? DType::f16 : DType::f32,
                                .progress = callbacks.progress});
    if (to.extension() != ".npy") {
      write_h5ad(to, adata, X, options.key, rows, options.write);
      return rows.columns();
    }
    write_npy_in_pieces(to, rows.rows(), rows.columns(), [&](const auto& append) {
      constexpr size_t cells = 512;
      for (size_t first = 0; first < rows.rows(); first += cells) {
        const auto block = rows.embed(first, std::min(first + cells, rows.rows()));
        append({block.data(), block.count()});
      }
    });
    return rows.columns();
  };
  if (scale == Scale::log1p) return write(X);
  return write(Log1pRows<CellRows>(X, std::vector<double>(X.rows()), DType::f32));
}

VCELL_INSTANTIATE(folders,
                  size_t embed_file<void>(const TrainedEmbedding&, const std::filesystem::path&,
                                          const std::filesystem::path&, const EmbedFileOptions&));

VCELL_END_NAMESPACE
