#pragma once

#include <filesystem>

#include "vcell/core/instantiate.hpp"
#include "vcell/io/h5ad/encoding.hpp"

VCELL_BEGIN_NAMESPACE

/// One element of an AnnData file, as far as it is known without reading its values.
struct H5adElement {
  std::string path;                  ///< e.g. "/obs/perturbation"
  std::string encoding;              ///< e.g. "csr_matrix"; "group" or "dataset" where it has none
  std::vector<size_t> shape;         ///< rows and columns of matrices and tables, sizes of the rest
  std::string dtype;                 ///< of the values: "float32", "text", "24 labels (text)", ...
  std::vector<size_t> chunks;        ///< of the values; empty when they are stored in one piece
  std::vector<std::string> filters;  ///< of the values, e.g. "gzip"
  size_t stored_values = 0;          ///< of a sparse matrix: how many of its values are stored
  size_t stored_bytes = 0;           ///< in the file, without names and attributes
};

namespace detail {

template <class = void>
std::vector<size_t> dataset_shape(const hdf5::Object& object) {
  const hdf5::Handle space(H5Dget_space(object.id));
  object.check(hid_t(space), "read its shape");
  if (H5Sget_simple_extent_type(space) != H5S_SIMPLE) return {};
  return hdf5::shape_of(object, space);
}

/// Fills in how a dataset keeps its values.
template <class = void>
void describe_values(const hdf5::Object& object, H5adElement& out) {
  if (!object.is_dataset()) object.fail("is a group, expected a dataset");
  const hdf5::Handle type(H5Dget_type(object.id)), creation(H5Dget_create_plist(object.id));
  object.check(hid_t(type), "read its type");
  object.check(hid_t(creation), "read how it is stored");
  out.shape = dataset_shape(object);
  out.dtype = hdf5::type_name(type);
  out.stored_bytes += size_t(H5Dget_storage_size(object.id));
  if (H5Pget_layout(creation) != H5D_CHUNKED) return;
  std::vector<hsize_t> extents(out.shape.size());
  object.check(H5Pget_chunk(creation, int(extents.size()), extents.data()), "read its chunks");
  out.chunks.assign(extents.begin(), extents.end());
  for (const hdf5::Filter& filter : hdf5::filters_of(creation)) out.filters.push_back(filter.name);
}

/// The same for values that may lie in a group of values and mask.
template <class = void>
void describe_nullable(const hdf5::Object& object, H5adElement& out) {
  if (object.is_dataset()) return describe_values(object, out);
  describe_values(object.open("values"), out);
  out.stored_bytes += size_t(H5Dget_storage_size(object.open("mask").id));
}

template <class = void>
void describe_sparse(const hdf5::Object& group, H5adElement& out) {
  describe_values(group.open("data"), out);
  out.stored_values = out.shape.empty() ? 0 : out.shape[0];
  out.shape.clear();
  for (int64_t extent : hdf5::integers_attribute(group, "shape").value_or(std::vector<int64_t>{})) {
    if (extent < 0) group.fail("its attribute 'shape' holds ", extent, ", expected 0 or more");
    out.shape.push_back(size_t(extent));
  }
  for (const char* part : {"indices", "indptr"})
    out.stored_bytes += size_t(H5Dget_storage_size(group.open(part).id));
}

template <class = void>
void describe_categorical(const hdf5::Object& group, H5adElement& out) {
  H5adElement categories;
  describe_nullable(group.open("categories"), categories);
  describe_values(group.open("codes"), out);
  out.dtype = message(categories.shape.empty() ? 0 : categories.shape[0], " labels (",
                      categories.dtype, ")");
  out.stored_bytes += categories.stored_bytes;
}

/// Adds an element and those below it, tables by the order of their columns.
template <class = void>
void describe(const hdf5::Object& object, std::vector<H5adElement>& out) {
  const Encoding encoding = encoding_of(object);
  const size_t place = out.size();
  out.push_back({object.path, encoding.type, {}, "", {}, {}, 0, 0});
  H5adElement& element = out.back();
  if (object.is_dataset()) {
    if (encoding.type.empty()) element.encoding = "dataset";
    describe_values(object, element);
  } else if (encoding.type == "csr_matrix" || encoding.type == "csc_matrix") {
    describe_sparse(object, element);
  } else if (encoding.type == "categorical") {
    describe_categorical(object, element);
  } else if (encoding.type.starts_with("nullable-")) {
    describe_nullable(object, element);
  } else if (encoding.type == "dataframe") {
    const auto columns = hdf5::texts_attribute(object, "column-order");
    const auto index = hdf5::text_attribute(object, "_index");
    if (!columns || !index) object.fail("lacks its attributes 'column-order' and '_index'");
    H5adElement rows;
    describe_nullable(object.open(*index), rows);
    element.shape = {rows.shape.empty() ? 0 : rows.shape[0], columns->size()};
    element.stored_bytes = rows.stored_bytes;
    for (const std::string& name : *columns) describe(object.open(name), out);
  } else {
    if (encoding.type.empty()) element.encoding = "group";
    for (const std::string& name : object.names()) describe(object.open(name), out);
  }
  // Whatever holds others takes the room that they take.
  for (size_t i = place + 1; i < out.size(); ++i)
    if (out[i].path.find('/', object.path == "/" ? 1 : object.path.size() + 1) == std::string::npos)
      out[place].stored_bytes += out[i].stored_bytes;
}

}  // namespace detail

/// Lists what an AnnData file of any version, or any HDF5 file, holds, without reading its values:
/// parents before children, beginning with "/".
/// @throws IoError if the file cannot be opened, or is changed meanwhile
/// @throws FormatError if it is no HDF5 file, or damaged
template <class = void>
std::vector<H5adElement> describe_h5ad(const std::filesystem::path& path) {
  const hdf5::LibraryUse use;
  hdf5::Reading reading;
  reading.function = "describe_h5ad";
  std::vector<H5adElement> out;
  const hdf5::Object root = hdf5::open_file(path, reading);
  detail::describe(root, out);
  hdf5::check_unchanged(root);
  return out;
}

VCELL_INSTANTIATE(files,
                  std::vector<H5adElement> describe_h5ad<void>(const std::filesystem::path&));

VCELL_END_NAMESPACE
