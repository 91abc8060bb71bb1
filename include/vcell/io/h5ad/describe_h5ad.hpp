#pragma once

#include <filesystem>

#include "vcell/core/instantiate.hpp"
#include "vcell/io/h5ad/legacy_categorical.hpp"
#include "vcell/io/h5ad/legacy_describe.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

template <class = void>
void describe_sparse(const hdf5::Object& group, H5adElement& out) {
  describe_values(group.open("data"), out);
  out.stored_values = out.shape.empty() ? 0 : out.shape[0];
  out.shape.clear();
  for (int64_t extent : sparse_shape(group).value_or(std::vector<int64_t>{})) {
    if (extent < 0) group.fail("its attribute 'shape' holds ", extent, ", expected 0 or more");
    out.shape.push_back(size_t(extent));
  }
  for (const char* part : {"indices", "indptr"})
    out.stored_bytes += size_t(H5Dget_storage_size(group.open(part).id));
}

template <class = void>
void describe_categorical(const hdf5::Object& group, H5adElement& out) {
  describe_values(group.open("codes"), out);
  describe_labels(group.open("categories"), out);
}

/// Adds an element and those below it, tables by the order of their columns.
template <class = void>
void describe(const hdf5::Object& object, const LegacyLabels& labels,
              std::vector<H5adElement>& out) {
  const Encoding encoding = encoding_of(object);
  const size_t place = out.size();
  H5adElement& element = out.emplace_back();
  element.path = object.path;
  element.encoding = encoding.type;
  if (hdf5::holds_records(object) && encoding.type.empty()) {
    return describe_records(object, labels, out);
  } else if (is_legacy_categorical(object)) {
    describe_legacy_categorical(object, element);
  } else if (object.is_dataset()) {
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
    for (const std::string& name : *columns) {
      const hdf5::Object column = object.open(name);
      const size_t at = out.size();
      describe(column, labels, out);
      if (out[at].first.empty() &&
          (column.is_dataset() || out[at].encoding.starts_with("nullable-")))
        out[at].first = first_nullable(column, first_of_column);
    }
  } else {
    if (encoding.type.empty()) element.encoding = "group";
    for (const std::string& name : object.names()) describe(object.open(name), labels, out);
  }
  // Whatever holds others takes the room that they take.
  for (size_t i = place + 1; i < out.size(); ++i)
    if (out[i].path.find('/', object.path == "/" ? 1 : object.path.size() + 1) == std::string::npos)
      out[place].stored_bytes += out[i].stored_bytes;
}

/// What a file declares X to be.
template <class = void>
std::string declared_scale_text(const hdf5::Object& root) {
  if (!root.has("uns/vcell/scale")) return root.has("uns/log1p") ? "log1p" : "";
  const hdf5::Object scale = root.open("uns/vcell/scale");
  if (!scale.is_dataset()) return "";
  const hdf5::Dataset d = hdf5::open_dataset(scale);
  if (d.null || d.count != 1 || H5Tget_class(d.type) != H5T_STRING) return "";
  return hdf5::read_text(d).front();
}

}  // namespace detail

/// Lists what an AnnData file of any version, or any HDF5 file, holds, without reading its values
/// but the first few of each column: parents before children, beginning with "/".
/// @throws IoError if the file cannot be opened, or is changed meanwhile
/// @throws FormatError if it is no HDF5 file, or damaged
template <class = void>
std::vector<H5adElement> describe_h5ad(const std::filesystem::path& path) {
  const hdf5::LibraryUse use;
  hdf5::Reading reading;
  reading.function = "describe_h5ad";
  std::vector<H5adElement> out;
  const hdf5::Object root = hdf5::open_file(path, reading);
  detail::describe(root, detail::LegacyLabels(root), out);
  for (H5adElement& element : out)
    if (element.path == "/X") element.scale = detail::declared_scale_text(root);
  hdf5::check_unchanged(root);
  return out;
}

VCELL_INSTANTIATE(files,
                  std::vector<H5adElement> describe_h5ad<void>(const std::filesystem::path&));

VCELL_END_NAMESPACE
