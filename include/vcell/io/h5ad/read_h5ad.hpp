#pragma once

#include <filesystem>

#include "vcell/core/instantiate.hpp"
#include "vcell/core/progress.hpp"
#include "vcell/io/h5ad/legacy_entries.hpp"
#include "vcell/io/h5ad/read_value.hpp"

VCELL_BEGIN_NAMESPACE

struct H5adReadOptions {
  /// Parts that may be left unread; obs and var always are read.
  bool X = true, layers = true, obsm = true, varm = true, obsp = true, varp = true, raw = true,
       uns = true;
  /// Bytes of memory that the arrays of the file may take in all, which a small file can claim to
  /// be many: 0 grants 64 times the size of the file, or 1 GiB if that is more, and never more than
  /// the machine has or its control groups grant.
  size_t budget = 0;
  /// Takes one line for everything that was left out or kept unread; nullptr drops them.
  std::vector<std::string>* warnings = nullptr;
  /// Called before each part, with its name as the note, and again after every 64 MiB of one; see
  /// progress.hpp.
  Progress progress = {};
};

namespace detail {

/// Refuses, with a way out, what is no AnnData file. Those of anndata up to 0.7 do not say so.
template <class = void>
void check_is_anndata(const hdf5::Object& root) {
  const Encoding encoding = encoding_of(root);
  if (encoding.is("anndata", "0.1.0")) return;
  if (!encoding.type.empty()) root.fail("has ", encoding.text(), ", expected 'anndata' 0.1.0");
  if (root.has("obs") && root.has("var")) return;
  if (root.has("matrix"))
    root.fail(
        "looks like a 10x file, expected an AnnData file; read_10x_h5 and read_cells read it");
  root.fail(
      "has no attribute 'encoding-type', expected 'anndata'; it is HDF5 but no AnnData file "
      "(it has ",
      list_of(root.names()), ")");
}

template <class Map, class Read>
Map read_entries(const hdf5::Object& group, Read&& read) {
  Map out;
  if (!group.is_group()) group.fail("is a dataset, expected a group of named entries");
  warn_of_attributes(group, {});
  for (const std::string& entry : group.names())
    if (std::optional<typename Map::mapped_type> value = read(group.open(entry)))
      out.emplace(entry, std::move(*value));
  return out;
}

template <class = void>
std::optional<Matrix> read_x(const hdf5::Object& parent, const std::string& name, bool wanted,
                             const Extents& size) {
  if (!wanted || !parent.has(name)) return {};
  const hdf5::Object element = parent.open(name);
  if (encoding_of(element).is("null", "0.1.0")) return {};
  return read_matrix(element, size);
}

/// Entries of obsm, varm, obsp or varp.
template <class = void>
Dict read_aligned_entries(const hdf5::Object& parent, const std::string& name, bool wanted,
                          const Extents& expected) {
  if (!wanted || !parent.has(name)) return {};
  const hdf5::Object element = parent.open(name);
  if (hdf5::holds_records(element)) return read_legacy_entries(element, *expected.rows);
  return read_entries<Dict>(
      element, [&](const hdf5::Object& entry) { return read_aligned(entry, expected); });
}

/// @param parent  the group `raw`, or the root with members that begin with "raw."
template <class = void>
Raw read_raw(const hdf5::Object& parent, const std::string& prefix, size_t cells) {
  Raw raw;
  raw.var = read_dataframe(parent.open(prefix + "var"));
  const size_t genes = raw.var.rows();
  raw.X = read_x(parent, prefix + "X", true, {cells, genes});
  raw.varm = read_aligned_entries(parent, prefix + "varm", true, {genes, {}});
  return raw;
}

template <class = void>
std::optional<Raw> read_any_raw(const hdf5::Object& root, const LegacyLabels& labels,
                                size_t cells) {
  if (labels.is_legacy() && !root.has("raw")) {
    if (!root.has("raw.X") && !root.has("raw.var")) return {};
    Raw raw = read_raw(root, "raw.", cells);
    for (const std::string& name : raw.var.names())
      if (!raw.var.column(name).values().is_text() && labels.of(name))
        root.warn("the column ", quoted(name), " of 'raw.var' holds codes, whose labels were kept ",
                  "for 'var' alone; they stay numbers");
    return raw;
  }
  if (!root.has("raw")) return {};
  const hdf5::Object group = root.open("raw");
  const Encoding encoding = encoding_of(group);
  if (encoding.is("null", "0.1.0")) return {};
  if (!group.is_group() || !(encoding.type.empty() || encoding.is("raw", "0.1.0")))
    group.fail("has ", encoding.text(), ", expected 'raw' 0.1.0");
  return read_raw(group, "", cells);
}

}  // namespace detail

/// Reads an AnnData file of any version of anndata
/// (https://anndata.readthedocs.io/en/stable/fileformat-prose.html): of 0.8 and later, of 0.7,
/// whose categoricals refer to their labels, and up to 0.6, whose tables are records (compound
/// types) with the labels of categoricals in uns.
///
/// Every number keeps the dtype of the file (sparse float16 becomes float32, with a warning), and
/// write_h5ad writes it so. Sparse matrices lie in memory by rows, with ascending columns and
/// duplicates added up; one of columns is written by columns again. Unstructured values and aligned
/// entries that are not understood (record arrays, awkward arrays) are kept as they are and survive
/// write_h5ad; columns that are not understood are left out; both with a warning.
///
/// HDF5 is not thread-safe everywhere: calls from several threads wait for each other.
///
/// @throws IoError if the file cannot be opened, or is changed meanwhile
/// @throws FormatError if it is damaged, foreign, or needs a filter that is absent
template <class = void>
AnnData read_h5ad(const std::filesystem::path& path, const H5adReadOptions& options = {}) {
  const hdf5::LibraryUse use;
  hdf5::Reading reading;
  reading.function = "read_h5ad";
  reading.warnings = options.warnings;
  reading.budget = options.budget;
  const hdf5::Object root = hdf5::open_file(path, reading);
  detail::check_is_anndata(root);
  size_t done = 0;
  std::string_view now;
  const auto begin = [&](const char* part) {
    now = part;
    report(options.progress, {"read", done++, 10, part});
  };
  reading.watch = [&] { report(options.progress, {"read", done - 1, 10, now}); };

  detail::warn_of_attributes(root, {});
  constexpr std::string_view known[] = {"X",    "obs",  "var",  "layers", "obsm",
                                        "varm", "obsp", "varp", "raw",    "uns"};
  detail::LegacyLabels labels(root);
  for (const std::string& name : root.names())
    if (!(labels.is_legacy() && name.starts_with("raw.")) &&
        std::find(std::begin(known), std::end(known), name) == std::end(known))
      root.warn("its member ", quoted(name), " is none of an AnnData and is left out");

  AnnData a;
  const auto table = [&](const char* name) {
    begin(name);
    const hdf5::Object element = root.open(name);
    return labels.given_to(detail::read_dataframe(element), element);
  };
  a.obs = table("obs");
  a.var = table("var");
  const size_t cells = a.cells(), genes = a.genes();
  const auto aligned = [&](const char* name, bool wanted, detail::Extents expected) {
    begin(name);
    return detail::read_aligned_entries(root, name, wanted, expected);
  };

  begin("X");
  a.X = detail::read_x(root, "X", options.X, {cells, genes});
  begin("layers");
  if (options.layers && root.has("layers"))
    a.layers = detail::read_entries<std::map<std::string, Matrix>>(
        root.open("layers"), [&](const hdf5::Object& element) {
          return detail::read_matrix(element, {cells, genes});
        });
  a.obsm = aligned("obsm", options.obsm, {cells, {}});
  a.varm = aligned("varm", options.varm, {genes, {}});
  a.obsp = aligned("obsp", options.obsp, {cells, cells});
  a.varp = aligned("varp", options.varp, {genes, genes});
  begin("raw");
  if (options.raw) a.raw = detail::read_any_raw(root, labels, cells);
  begin("uns");
  if (options.uns && root.has("uns")) a.uns = detail::read_dict(root.open("uns"));
  for (const std::string& name : labels.used()) a.uns.erase(name);
  if (labels.is_legacy()) detail::unwrap_single_values(a.uns);
  hdf5::check_unchanged(root);
  return a;
}

VCELL_INSTANTIATE(files,
                  AnnData read_h5ad<void>(const std::filesystem::path&, const H5adReadOptions&));

VCELL_END_NAMESPACE
