#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "vcell/data/keep.hpp"
#include "vcell/io/cells/features.hpp"
#include "vcell/io/h5ad/h5ad_rows.hpp"
#include "vcell/io/hdf5/text.hpp"

VCELL_BEGIN_NAMESPACE

struct Read10xOptions {
  GeneOptions genes = {};
  bool X = true;  ///< may be left unread
  /// As in H5adReadOptions.
  size_t budget = 0;
  /// Takes one line for what was chosen, renamed or left out; nullptr drops them.
  std::vector<std::string>* warnings = nullptr;
  Progress progress = {};
};

namespace detail {

/// Whether a group is a matrix of Cell Ranger's: genes x cells by columns.
template <class = void>
bool is_10x_group(const hdf5::Object& root, const std::string& name) {
  const auto has = [&](const char* member) { return root.has(name + "/" + member); };
  return has("barcodes") && has("data") && has("indices") && has("indptr") && has("shape") &&
         (has("genes") || has("features"));
}

/// The groups that are: "matrix" of Cell Ranger 3 and later, genomes of those before.
template <class = void>
std::vector<std::string> groups_of_10x(const hdf5::Object& root) {
  if (is_10x_group(root, "matrix")) return {"matrix"};
  std::vector<std::string> out;
  for (const std::string& name : root.names())
    if (is_10x_group(root, name)) out.push_back(name);
  return out;
}

template <class = void>
[[noreturn]] void fail_as_no_10x(const hdf5::Object& root) {
  root.fail("is no 10x file: expected the group 'matrix', or one for each genome, with ",
            "'barcodes', 'data', 'indices', 'indptr', 'shape' and 'features' or 'genes'; it has ",
            list_of(root.names()));
}

/// The matrix of a 10x file that was chosen.
template <class = void>
hdf5::Object open_10x(const hdf5::Object& root, const GeneOptions& options) {
  const auto groups = groups_of_10x(root);
  if (groups.empty()) fail_as_no_10x(root);
  if (root.has(groups[0] + "/features")) return root.open(groups[0]);
  if (options.genomes.size() > 1 || (options.genomes.empty() && groups.size() > 1))
    throw ConfigError(message(root.reading->function, ": file ", quoted(root.reading->file),
                              " has a matrix for each of the genomes ", list_of(groups, 40),
                              "; choose one by GeneOptions::genomes"));
  if (options.genomes.empty()) return root.open(groups[0]);
  if (std::find(groups.begin(), groups.end(), options.genomes[0]) == groups.end())
    throw ConfigError(message(root.reading->function, ": file ", quoted(root.reading->file),
                              " has no genome ", quoted(options.genomes[0]), "; it has ",
                              list_of(groups, 40), "; choose by GeneOptions::genomes"));
  return root.open(options.genomes[0]);
}

/// The matrix as rows of cells: columns of genes x cells are rows of cells x genes.
template <class = void>
SparseGroup rows_of_10x(hdf5::Object group) {
  const hdf5::Object element = group.open("shape");
  const hdf5::Dataset shape = hdf5::open_dataset(element);
  if (shape.null || shape.count != 2)
    element.fail("has ", shape.count, " numbers, expected two: genes and cells");
  const auto extents = hdf5::read_numbers<int64_t>(shape);
  if (extents[0] < 0 || extents[1] < 0)
    element.fail("is (", extents[0], ", ", extents[1], "), expected genes and cells");
  return {std::move(group), {extents[1], extents[0]}};
}

template <class = void>
std::vector<std::string> texts_of_10x(const hdf5::Object& group, const std::string& name,
                                      size_t expected) {
  const hdf5::Object element = group.open(name);
  const hdf5::Dataset d = hdf5::open_dataset(element);
  if (d.null || d.count != expected || d.shape.size() != 1)
    element.fail("has shape ", d.shape, ", expected ", expected, ", as 'shape' says");
  return hdf5::read_text(d);
}

template <class = void>
Features features_of_10x(const hdf5::Object& group, size_t genes) {
  Features out;
  if (!group.has("features")) {  // Cell Ranger 2
    out.ids = texts_of_10x(group, "genes", genes);
    out.symbols = texts_of_10x(group, "gene_names", genes);
    return out;
  }
  const hdf5::Object table = group.open("features");
  out.ids = texts_of_10x(table, "id", genes);
  out.symbols = texts_of_10x(table, "name", genes);
  for (const std::string& name : table.names()) {
    if (name == "id" || name == "name") continue;
    if (name == "feature_type") {
      out.types = texts_of_10x(table, name, genes);
    } else if (name == "genome") {
      out.genomes = texts_of_10x(table, name, genes);
    } else if (name != "_all_tag_keys") {  // which names the further columns
      const hdf5::Object column = table.open(name);
      if (!column.is_dataset() || H5Tget_class(hdf5::open_dataset(column).type) != H5T_STRING)
        column.warn("is no text, and is left out");
      else
        out.others.emplace_back(name, texts_of_10x(table, name, genes));
    }
  }
  return out;
}

/// Cells and features of an open 10x file, and which features are genes.
struct Annotations10x {
  SparseGroup rows;
  AnnData cells;  ///< obs and var
  std::vector<uint8_t> keep;
  bool all = true;  ///< whether all features are kept
};

template <class = void>
Annotations10x annotations_of_10x(const hdf5::Object& root, const Read10xOptions& options) {
  Annotations10x out{rows_of_10x(open_10x(root, options.genes)), {}, {}};
  const hdf5::Object& group = out.rows.group;
  const auto [cells, genes] = out.rows.shape;
  out.cells.obs = DataFrame(texts_of_10x(group, "barcodes", size_t(cells)));
  const Features features = features_of_10x(group, size_t(genes));
  GeneOptions chosen = options.genes;
  if (features.genomes.empty()) chosen.genomes.clear();  // the group was the choice
  const auto where = message(root.reading->function, ": file ", quoted(root.reading->file));
  out.keep = chosen_features(features, chosen, where, options.warnings);
  out.cells.var = gene_table(features, out.keep, chosen, where, options.warnings);
  out.all = out.cells.genes() == features.ids.size();
  return out;
}

}  // namespace detail

/// Reads the .h5 of Cell Ranger (https://www.10xgenomics.com/support/software/cell-ranger): of
/// version 3 and later (/matrix/...) or before (a group for each genome). X has the cells by rows,
/// in the numbers of the file; obs the barcodes; var what GeneOptions says, with the columns
/// gene_ids (or gene_symbols), feature_types, genome and further ones of text.
///
/// @throws IoError if the file cannot be opened; FormatError if it is damaged or no 10x file;
///         ConfigError if genome or type of features are not there, or a genome has to be chosen
template <class = void>
AnnData read_10x_h5(const std::filesystem::path& path, const Read10xOptions& options = {}) {
  const hdf5::LibraryUse use;
  hdf5::Reading reading;
  reading.function = "read_10x_h5";
  reading.warnings = options.warnings;
  reading.budget = options.budget;
  const hdf5::Object root = hdf5::open_file(path, reading);
  size_t done = 0;
  reading.watch = [&] { report(options.progress, {"read", done, 2, done ? "X" : "names"}); };
  reading.watch();
  detail::Annotations10x found = detail::annotations_of_10x(root, options);
  done = 1;
  if (options.X) {
    reading.watch();
    found.cells.X = detail::MatrixElement(found.rows.group, found.rows.shape, {}).read_all();
    if (!found.all) found.cells.X->keep_columns(found.keep);
  }
  hdf5::check_unchanged(root);
  return std::move(found.cells);
}

VCELL_INSTANTIATE(files,
                  AnnData read_10x_h5<void>(const std::filesystem::path&, const Read10xOptions&));

VCELL_END_NAMESPACE
