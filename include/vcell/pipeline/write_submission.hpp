#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vcell/core/callbacks.hpp"
#include "vcell/core/counted_names.hpp"
#include "vcell/data/ordered_columns.hpp"
#include "vcell/data/watched_rows.hpp"
#include "vcell/io/cell_rows.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/io/tar.hpp"
#include "vcell/io/zstd.hpp"

VCELL_BEGIN_NAMESPACE

/// What the containers of the Virtual Cell Challenge call the cells in them.
inline constexpr std::string_view submission_member = "pred.h5ad.zst";

namespace detail {

/// Where each gene of a list is among the genes of a file, which have to be the same.
/// @param expected  how many the contest has; nothing: not looked at
/// @throws ConfigError with the number of the genes concerned and the names of the first ones
template <class = void>
std::vector<size_t> places_of_genes(const char* function, const std::vector<std::string>& list,
                                    const std::vector<std::string>& there,
                                    std::optional<size_t> expected) {
  const auto check = [&](const std::vector<std::string>& names, const char* where,
                         const char* mend) {
    if (!names.empty())
      throw ConfigError(
          message(function, ": ", where, " ", counted_names(names, "gene"), "; ", mend));
  };
  check(repeated_names(list), "the list has twice", "name each gene once");
  check(repeated_names(there), "the file has twice", "make names unique");
  check(names_without(list, there), "the file lacks", "a submission has the genes of the list");
  check(names_without(there, list), "the list lacks", "leave these out of the file");
  if (expected && list.size() != *expected)
    throw ConfigError(message(function, ": the list has ", list.size(), " genes, expected ",
                              *expected, "; say another number where the contest has one"));
  const NamePlaces places(there);
  std::vector<size_t> out;
  for (const std::string& gene : list) out.push_back(*places.find(gene));
  return out;
}

/// The cells that a submission is made of: a file whose X stays open.
struct SubmissionSource {
  AnnData adata;  ///< without X
  CellRows X;
  std::vector<size_t> places;  ///< of the genes of the list among those of the file
};

/// @throws as places_of_genes, open_cells
template <class = void>
SubmissionSource submission_source(const char* function, const std::filesystem::path& from,
                                   const std::vector<std::string>& genes,
                                   std::optional<size_t> expected_genes, const CellInput& input,
                                   const Callbacks& callbacks) {
  std::vector<std::string> remarks;
  auto [adata, X] = open_cells(from, {.h5ad = {.X = false,
                                               .layers = false,
                                               .obsm = false,
                                               .varm = false,
                                               .obsp = false,
                                               .varp = false,
                                               .raw = false,
                                               .warnings = &remarks,
                                               .progress = callbacks.progress},
                                      .input = input});
  for (const std::string& remark : remarks) note(callbacks, remark);
  auto places = places_of_genes(function, genes, adata.var.index, expected_genes);
  return {std::move(adata), std::move(X), std::move(places)};
}

/// A column of labels.
/// @throws ConfigError if there is no such column, or a cell has no label in it
template <class = void>
Factor submission_labels(const char* function, const DataFrame& obs, const std::string& key) {
  Factor out = factor(obs.column(key));
  std::vector<std::string> without;
  for (size_t i = 0; i < out.size(); ++i)
    if (out.codes[i] < 0) without.push_back(obs.index[i]);
  if (!without.empty())
    throw ConfigError(message(function, ": no label in obs column ", quoted(key), " of ",
                              counted_names(without, "cell")));
  return out;
}

template <class = void>
Categorical categorical_of(const Factor& labels) {
  return {labels.codes, labels.names, false};
}

/// The cells of a submission but X: named "0", "1", ..., with one or two columns of labels; genes
/// have names alone.
template <class = void>
AnnData submission_cells(size_t cells, const std::vector<std::string>& genes,
                         const std::vector<std::pair<std::string, Factor>>& columns) {
  AnnData out;
  for (size_t i = 0; i < cells; ++i) out.obs.index.push_back(message(i));
  for (const auto& [name, labels] : columns) out.obs.set(name, Column(categorical_of(labels)));
  out.var.index = genes;
  return out;
}

}  // namespace detail

/// A file of a container that is beside the cells.
struct SubmissionMember {
  std::string name, content;
  bool is_first = false;  ///< before the cells
};

/// Writes cells as a container: an uncompressed tar archive with an h5ad file, itself uncompressed,
/// in one frame of zstd, and what is beside it. In bounded memory: X is read in blocks, and the
/// h5ad file lies beside the target until the container is whole. The same cells give the same
/// bytes.
/// @param cells  all but X
/// @param X      (cells, genes), sparse
/// @throws WriteError if it cannot be written; what reading X throws; Stopped
template <class S>
requires RowSource<S, float>
void write_submission(const std::filesystem::path& path, const AnnData& cells, const S& X,
                      const std::vector<SubmissionMember>& members, int zstd_level,
                      const Callbacks& callbacks) {
  write_atomically(path, [&](const std::filesystem::path& temporary) {
    TemporaryFile::remove_leftovers(path);  // which a symbolic link has beside itself
    const TemporaryFile h5ad(path);
    write_h5ad_at(h5ad, cells, WatchedRows<S>(X, callbacks.progress, "write"), {.gzip = 0});
    TarWriter tar(temporary);
    for (const auto& member : members)
      if (member.is_first) tar.add(member.name, member.content);
    tar.begin(submission_member);
    compress_zstd(
        h5ad.path(), [&](std::string_view bytes) { tar.append(bytes); }, zstd_level,
        callbacks.progress);
    tar.end();
    for (const auto& member : members)
      if (!member.is_first) tar.add(member.name, member.content);
    tar.finish();
  });
}

VCELL_END_NAMESPACE
