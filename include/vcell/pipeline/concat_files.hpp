#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/callbacks.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/data/borrowed_rows.hpp"
#include "vcell/data/collect_rows.hpp"
#include "vcell/data/joined_rows.hpp"
#include "vcell/data/joined_table.hpp"
#include "vcell/data/watched_rows.hpp"
#include "vcell/io/cell_rows.hpp"
#include "vcell/io/h5ad/write_h5ad.hpp"
#include "vcell/preprocess/declared_scale.hpp"

VCELL_BEGIN_NAMESPACE

struct ConcatFilesOptions {
  Join join = Join::inner;  ///< of genes and of columns of obs
  /// Column of obs that says which file a cell is from; empty: none.
  std::string label = {};
  /// What messages call that setting.
  std::string label_setting = "ConcatFilesOptions::label";
  /// What the files are called there, one for each; empty: their names without folder and ending.
  std::vector<std::string> keys = {};
  /// Adds "-0", "-1", ... to the names of all cells of the first, the second, ... file. Else a name
  /// that two files have is an error.
  bool unique_names = false;
  ReadCellsOptions read = {};  ///< of each file; its warnings and progress are of `callbacks`
  H5adWriteOptions write = {};
  Callbacks callbacks = {};
};

namespace detail {

/// What of all files is kept, and what is left out, which is said.
class ConcatParts {
 public:
  ConcatParts(const std::vector<OpenCells>& files, const std::vector<std::string>& what,
              const ConcatFilesOptions& options)
      : files_(files), what_(what), options_(options) {}

  /// All but X.
  template <class = void>
  AnnData join(const JoinedNames& genes) const;

 private:
  template <class = void>
  DataFrame join_cells() const;
  template <class = void>
  DataFrame join_genes(const JoinedNames& genes) const;
  template <class = void>
  void join_layers(AnnData& out, const JoinedNames& genes) const;
  template <class = void>
  void join_obsm(AnnData& out) const;
  template <class = void>
  void join_uns(AnnData& out) const;
  template <class = void>
  void leave_out(const std::vector<std::string>& names, const char* why) const {
    if (!names.empty()) note(options_.callbacks, "left out are ", list_of(names, 40), ": ", why);
  }

  const std::vector<OpenCells>& files_;
  const std::vector<std::string>& what_;
  const ConcatFilesOptions& options_;
};

template <class>
DataFrame ConcatParts::join_cells() const {
  std::vector<const DataFrame*> tables;
  for (const OpenCells& file : files_) tables.push_back(&file.cells.obs);
  DataFrame obs = joined_table(tables, options_.join, what_);
  if (options_.unique_names) {
    size_t cell = 0;
    for (size_t i = 0; i < files_.size(); ++i)
      for (size_t k = 0; k < tables[i]->rows(); ++k) obs.index[cell++] += message('-', i);
  }
  const NamePlaces places(obs.index);
  size_t repeated = 0;
  std::string example;
  for (size_t cell = 0; cell < obs.rows(); ++cell)
    if (places.repeats(obs.index[cell]) && repeated++ == 0) example = obs.index[cell];
  if (repeated)
    throw ConfigError(message(
        "concat_files: ", repeated, " cells have the name of another, such as ", quoted(example),
        options_.unique_names ? ", within one file; give every cell a name of its own"
                              : "; let the number of its file be added to each by "
                                "ConcatFilesOptions::unique_names"));
  if (options_.label.empty()) return obs;
  if (obs.has(options_.label))
    throw ConfigError(message("concat_files: the files have a column ", quoted(options_.label),
                              " in obs; choose another ", options_.label_setting));
  // Labels in the files' order; files may share one.
  Categorical label;
  std::vector<std::string> names;
  for (size_t i = 0; i < files_.size(); ++i) {
    const std::string key = options_.keys.empty() ? what_[i] : options_.keys[i];
    auto at = std::find(names.begin(), names.end(), key);
    if (at == names.end()) at = names.insert(at, key);
    label.codes.insert(label.codes.end(), tables[i]->rows(), int32_t(at - names.begin()));
  }
  label.categories = std::move(names);
  obs.set(options_.label, std::move(label));
  return obs;
}

/// A column of var is kept where all files that have it, and the gene, say the same.
template <class>
DataFrame ConcatParts::join_genes(const JoinedNames& genes) const {
  std::vector<const DataFrame*> tables;
  for (const OpenCells& file : files_) tables.push_back(&file.cells.var);
  const DataFrame all = joined_table(tables, options_.join, what_);
  std::vector<size_t> first(genes.names.size(), all.rows());
  std::vector<std::pair<size_t, size_t>> rows;  // of `all`, and the gene
  size_t begin = 0;
  for (size_t i = 0; i < tables.size(); begin += tables[i++]->rows())
    for (size_t row = 0; row < genes.places[i].size(); ++row)
      if (const int32_t gene = genes.places[i][row]; gene >= 0) {
        first[size_t(gene)] = std::min(first[size_t(gene)], begin + row);
        rows.emplace_back(begin + row, size_t(gene));
      }
  DataFrame var = all.select_rows(first);
  std::vector<std::string> differ;
  for (const std::string& name : all.names()) {
    const auto text = all.column(name).text();
    const auto missing = all.column(name).is_missing();
    // A file without the column has nothing to say of the gene.
    std::vector<size_t> source = first;
    bool same = true;
    for (const auto& [row, gene] : rows) {
      if (missing[row]) continue;
      if (missing[source[gene]]) source[gene] = row;
      same = same && text[row] == text[source[gene]];
    }
    if (same) {
      var.set(name, all.column(name).select_rows(source));
    } else {
      var.erase(name);
      differ.push_back(message("var[", quoted(name), "]"));
    }
  }
  leave_out(differ, "the files say different things of a gene");
  return var;
}

template <class>
void ConcatParts::join_layers(AnnData& out, const JoinedNames& genes) const {
  std::vector<std::string> missing;
  for (const auto& file : files_)
    for (const auto& entry : file.cells.layers) {
      const std::string& name = entry.first;
      if (out.layers.count(name)) continue;
      std::vector<BorrowedRows<Matrix>> sources;
      for (const auto& other : files_)
        if (const auto found = other.cells.layers.find(name); found != other.cells.layers.end())
          sources.emplace_back(found->second);
      if (sources.size() == files_.size())
        out.layers.emplace(
            name, collect_rows(JoinedRows(std::move(sources), genes.places, genes.names.size())));
      else if (const auto said = message("layers[", quoted(name), "]");
               std::find(missing.begin(), missing.end(), said) == missing.end())
        missing.push_back(said);
    }
  leave_out(missing, "not all files have it");
}

template <class>
void ConcatParts::join_obsm(AnnData& out) const {
  std::vector<std::string> missing;
  for (const auto& file : files_)
    for (const auto& entry : file.cells.obsm) {
      const std::string& name = entry.first;
      if (out.obsm.count(name)) continue;
      std::vector<BorrowedRows<Matrix>> sources;
      for (const auto& other : files_)
        if (const auto found = other.cells.obsm.find(name); found != other.cells.obsm.end())
          if (const Matrix* m = found->second.matrix();
              m && (sources.empty() || m->columns() == sources[0].columns()))
            sources.emplace_back(*m);
      if (sources.size() == files_.size()) {
        const size_t width = sources[0].columns();
        std::vector<int32_t> same(width);
        for (size_t c = 0; c < width; ++c) same[c] = int32_t(c);
        std::vector<std::vector<int32_t>> places(files_.size(), same);
        out.obsm.emplace(name,
                         collect_rows(JoinedRows(std::move(sources), std::move(places), width)));
      } else if (const auto said = message("obsm[", quoted(name), "]");
                 std::find(missing.begin(), missing.end(), said) == missing.end()) {
        missing.push_back(said);
      }
    }
  leave_out(missing, "not all files have it as a matrix of one width");
}

/// Scale and target sum, which have to agree; what all files say alike.
template <class>
void ConcatParts::join_uns(AnnData& out) const {
  // "counts" and "fractional counts" may be joined with each other and with what says nothing.
  const auto says_log1p_in = [](const OpenCells& file) {
    return says_log1p("concat_files", file.cells);
  };
  const auto scale_text = [&](const OpenCells& file) {
    return says_log1p_in(file)                   ? "log1p"
           : find(file.cells.uns, "vcell/scale") ? "counts"
                                                 : "not said to be log1p";
  };
  const AnnData& first = files_[0].cells;
  for (size_t i = 1; i < files_.size(); ++i) {
    const AnnData& other = files_[i].cells;
    if (says_log1p_in(files_[0]) != says_log1p_in(files_[i]))
      throw ConfigError(message("concat_files: X of ", what_[0], " is ", scale_text(files_[0]),
                                " and X of ", what_[i], " is ", scale_text(files_[i]),
                                " (uns['vcell']['scale'], uns['log1p']); bring them to one scale ",
                                "first, as vcell preprocess does"));
    const auto a = declared_target_sum(first), b = declared_target_sum(other);
    if (a != b) {
      const auto text = [](const auto& sum) { return sum ? message(*sum) : "not said"; };
      throw ConfigError(message("concat_files: the total that cells were normalised to is ",
                                text(a), " in ", what_[0], " and ", text(b), " in ", what_[i],
                                " (uns['vcell']['target_sum']); normalise them alike first"));
    }
  }
  std::vector<std::string> differ;
  for (const auto& file : files_)
    for (const auto& [name, value] : file.cells.uns) {
      bool same = true;
      for (const auto& other : files_) {
        const auto found = other.cells.uns.find(name);
        same = same && found != other.cells.uns.end() && found->second == value;
      }
      if (same)
        out.uns.insert_or_assign(name, value);
      else if (const auto said = message("uns[", quoted(name), "]");
               std::find(differ.begin(), differ.end(), said) == differ.end())
        differ.push_back(said);
    }
  // The scale is kept also where the files say it in other words, or more beside it.
  bool all_say = true, fractional = false;
  for (const auto& file : files_) {
    all_say = all_say && find(file.cells.uns, "vcell/scale");
    fractional = fractional || says_fractional_counts(file.cells);
  }
  if (says_log1p_in(files_[0])) {
    if (!says_log1p("concat_files", out) || declared_target_sum(out) != declared_target_sum(first))
      declare_scale(out, Scale::log1p, declared_target_sum(first));
  } else if (fractional || (all_say && !find(out.uns, "vcell/scale"))) {
    declare_scale(out, Scale::counts, declared_target_sum(first), fractional);
  }
  leave_out(differ, "not all files say the same");
}

template <class>
AnnData ConcatParts::join(const JoinedNames& genes) const {
  AnnData out;
  join_uns(out);
  out.obs = join_cells();
  out.var = join_genes(genes);
  join_layers(out, genes);
  join_obsm(out);
  std::vector<std::string> rest;
  const auto add = [&](const char* where, const Dict& entries) {
    for (const auto& entry : entries) {
      auto name = message(where, "[", quoted(entry.first), "]");
      if (std::find(rest.begin(), rest.end(), name) == rest.end()) rest.push_back(std::move(name));
    }
  };
  for (const auto& file : files_) {
    add("varm", file.cells.varm);
    add("obsp", file.cells.obsp);
    add("varp", file.cells.varp);
    if (file.cells.raw && std::find(rest.begin(), rest.end(), "raw") == rest.end())
      rest.push_back("raw");
  }
  leave_out(rest, "they cannot be joined");
  return out;
}

}  // namespace detail

/// Cells of several files as those of one, whose X stays where it is.
struct JoinedCells {
  AnnData cells;  ///< all but X
  JoinedRows<CellRows> X;
};

/// Opens several files as concat_files joins them; nothing is written.
/// @throws as concat_files
template <class = void>
JoinedCells open_joined(const std::vector<std::filesystem::path>& from,
                        const ConcatFilesOptions& options = {}) {
  if (from.size() < 2)
    throw ConfigError(message("concat_files: ", from.size(), " files, expected two at least"));
  if (!options.keys.empty() && options.keys.size() != from.size())
    throw ConfigError(message("concat_files: ", options.keys.size(), " keys (",
                              list_of(options.keys), ") for ", from.size(),
                              " files, expected one each"));
  std::vector<OpenCells> files;
  std::vector<std::string> what, remarks;
  std::vector<std::vector<std::string>> names;
  ReadCellsOptions read = options.read;
  read.h5ad.warnings = &remarks;
  read.h5ad.progress = options.callbacks.progress;
  for (const auto& path : from) {
    files.push_back(open_cells(path, read));
    what.push_back(message("file ", quoted(path.string())));
    names.push_back(files.back().cells.var.index);
    for (const std::string& remark : std::exchange(remarks, {})) note(options.callbacks, remark);
    note(options.callbacks, path.string(), ": ", files.back().cells.cells(), " cells x ",
         files.back().cells.genes(), " genes");
  }
  const JoinedNames genes = join_names(names, options.join, what);
  if (genes.names.empty())
    throw ConfigError(message("concat_files: no gene is in all files; ", what[0], " has ",
                              list_of(names[0]), ", ", what[1], " has ", list_of(names[1])));
  auto named = options;
  if (named.keys.empty())
    for (const auto& path : from) named.keys.push_back(path.stem().string());
  AnnData all = detail::ConcatParts(files, what, named).join(genes);
  std::vector<CellRows> rows;
  for (OpenCells& file : files) rows.push_back(std::move(file.X));
  return {std::move(all), {std::move(rows), genes.places, genes.names.size()}};
}

/// Cells of several files, one file after the other, as one h5ad file; X goes from disk to disk in
/// blocks of rows. Genes and columns of obs are joined by name, as anndata's concat does; var keeps
/// columns of which all files say the same, uns too. Layers that all files have, and matrices of
/// obsm of one width, are joined in memory. What is left out is said.
/// @param from  at least two; of any format that read_cells knows
/// @throws ConfigError if scales or target sums differ, names of cells or genes come twice, no gene
///         is left, or keys do not fit; what open_cells and write_h5ad throw
/// @return cells and genes that were written
template <class = void>
std::pair<size_t, size_t> concat_files(const std::vector<std::filesystem::path>& from,
                                       const std::filesystem::path& to,
                                       const ConcatFilesOptions& options = {}) {
  const JoinedCells all = open_joined(from, options);
  write_h5ad(to, all.cells, WatchedRows(all.X, options.callbacks.progress, "join"), options.write);
  return {all.cells.cells(), all.cells.genes()};
}

VCELL_INSTANTIATE(folders, JoinedCells open_joined<void>(const std::vector<std::filesystem::path>&,
                                                         const ConcatFilesOptions&));

VCELL_INSTANTIATE(folders, std::pair<size_t, size_t> concat_files<void>(
                               const std::vector<std::filesystem::path>&,
                               const std::filesystem::path&, const ConcatFilesOptions&));

VCELL_END_NAMESPACE
