#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "vcell/data/column.hpp"
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
  size_t labels = 0;                 ///< of a categorical: how many there are
  std::vector<std::string> first;    ///< of a column: its first labels, or values; "" is missing
  std::string
      scale;  ///< of X, as uns['vcell'] or uns['log1p'] declare it: "log1p"; "" where none does

  /// The share of a sparse matrix's values that are stored; 1 of what is no such matrix.
  double density() const {
    if (!is_sparse() || shape.size() != 2) return 1;
    const double all = double(shape[0]) * double(shape[1]);
    return all > 0 ? double(stored_values) / all : 0;
  }
  bool is_sparse() const { return encoding == "csr_matrix" || encoding == "csc_matrix"; }
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

/// The first values of a list, as text; none where it holds neither text nor numbers, or a filter
/// that it needs is not there.
template <class = void>
std::vector<std::string> first_values(const hdf5::Object& element, size_t most) try {
  const hdf5::Dataset d = hdf5::open_dataset(element);
  if (d.null || d.shape.size() != 1) return {};
  const hdf5::RowRange rows{0, std::min(most, d.shape[0])};
  if (H5Tget_class(d.type) == H5T_STRING)
    return hdf5::detail::read_texts(element, d.type, rows.last, [&](hid_t memory, void* to) {
      hdf5::read_elements(d, rows, memory, to);
    });
  if (!hdf5::dtype_of_type(d.type)) return {};
  return Labels(hdf5::read_rows(d, rows)).text();
} catch (const hdf5::OddElement&) {
  return {};
}

/// The same of values beside a mask.
template <class = void>
std::vector<std::string> first_nullable(const hdf5::Object& object, size_t most) {
  if (object.is_dataset()) return first_values(object, most);
  auto values = first_values(object.open("values"), most);
  const auto missing = first_values(object.open("mask"), most);
  for (size_t i = 0; i < std::min(values.size(), missing.size()); ++i)
    if (missing[i] == "True" || missing[i] == "1") values[i].clear();
  return values;
}

/// How many of them H5adElement::first has.
inline constexpr size_t first_of_column = 5;

}  // namespace detail
VCELL_END_NAMESPACE
