#pragma once

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "vcell/io/hdf5/ask_chunks.hpp"
#include "vcell/io/hdf5/types.hpp"
#include "vcell/io/hdf5/unpack_chunk.hpp"

VCELL_BEGIN_NAMESPACE
namespace hdf5 {

/// Entries first .. last - 1 of a dataset's first dimension.
struct RowRange {
  size_t first = 0, last = 0;
};

/// A dataset whose layout was found safe to read.
struct Dataset {
  const Object* object = nullptr;
  Handle type, space;
  std::vector<size_t> shape;  ///< empty for a scalar
  size_t count = 0;
  size_t element_bytes = 0;         ///< of one element as it is stored
  bool null = false;                ///< H5S_NULL: it holds nothing at all
  std::optional<DType> number;      ///< of numbers that lie in the file as in memory
  std::vector<char> filling;        ///< an element that was never written; empty: zeros
  ChunkGrid grid;                   ///< its chunks; none when it is stored in one piece
  std::vector<Filter> filters;      ///< what chunks went through, in that order
  bool plain_edges = false;         ///< chunks that reach beyond the shape went through none
  ChunkIndex index;                 ///< where its chunks lie
  std::optional<uint64_t> address;  ///< where its one piece lies
  std::optional<Damage> damage;     ///< of the index: its elements cannot be read

  bool in_chunks() const { return !grid.chunk.empty(); }
  /// Whether vcell reads its bytes itself (see read_stored); else HDF5 does.
  bool read_here() const {
    if (damage || address) return true;
    return in_chunks() && are_unpacked_here(filters) && (index.known || !filters.empty());
  }
  /// Whether HDF5 is needed in order to read its numbers: it knows one thread at a time.
  bool needs_library() const {
    return !read_here() || !number || (in_chunks() && !index.known && !damage);
  }
  /// All of it; of a scalar the one that there is.
  RowRange rows() const { return {0, shape.empty() ? 1 : shape[0]}; }
  /// Elements of some rows.
  size_t count_of(RowRange r) const { return count ? count / rows().last * (r.last - r.first) : 0; }
};

/// The extents of a data space.
template <class = void>
std::vector<size_t> shape_of(const Object& object, hid_t space) {
  const int rank = object.check(H5Sget_simple_extent_ndims(space), "read its rank");
  std::vector<hsize_t> extents(size_t(rank), 0);
  object.check(H5Sget_simple_extent_dims(space, extents.data(), nullptr), "read its shape");
  return {extents.begin(), extents.end()};
}

/// The product of the extents.
/// @throws FormatError if it is beyond any memory
template <class = void>
size_t count_of(const Object& object, const std::vector<size_t>& shape) {
  size_t n = 1;
  for (size_t extent : shape) {
    if (extent && n > (size_t(1) << 48) / extent) object.fail("has the impossible shape ", shape);
    n *= extent;
  }
  return n;
}

/// Bytes of an element as it is stored: what has a variable length as a reference, not as a
/// pointer.
template <class = void>
size_t stored_size(hid_t type, size_t reference_size) {
  if (H5Tis_variable_str(type) > 0 || H5Tget_class(type) == H5T_VLEN) return reference_size;
  size_t size = H5Tget_size(type);
  if (H5Tget_class(type) == H5T_ARRAY) {
    const Handle base(H5Tget_super(type));
    return size / H5Tget_size(base) * stored_size(base, reference_size);
  }
  if (H5Tget_class(type) == H5T_COMPOUND) {
    const auto members = unsigned(H5Tget_nmembers(type));
    for (unsigned i = 0; i < members; ++i) {
      const Handle member(H5Tget_member_type(type, i));
      size += stored_size(member, reference_size) - H5Tget_size(member);
    }
  }
  return size;
}

/// Where the header of an open object lies.
template <class = void>
haddr_t header_address(const Object& object) {
#if H5_VERSION_GE(1, 12, 0)
  H5O_info2_t info;
  haddr_t address = 0;
  object.check(H5Oget_info3(object.id, &info, H5O_INFO_BASIC), "find it");
  object.check(H5VLnative_token_to_addr(object.id, info.token, &address), "find it");
  return address;
#else
  H5O_info_t info;
  object.check(H5Oget_info2(object.id, &info, H5O_INFO_BASIC), "find it");
  return info.addr;
#endif
}

/// The value of elements that were never written, as they are stored; none: zeros.
template <class = void>
std::vector<char> filling_of(const Object& object, hid_t creation, hid_t type, size_t bytes) {
  H5D_fill_value_t defined = H5D_FILL_VALUE_UNDEFINED;
  H5Pfill_value_defined(creation, &defined);
  if (defined != H5D_FILL_VALUE_USER_DEFINED || H5Tis_variable_str(type) > 0 ||
      bytes != H5Tget_size(type))
    return {};
  std::vector<char> value(bytes);
  object.check(H5Pget_fill_value(creation, type, value.data()), "read its fill value");
  return value;
}

/// Finds out where the bytes of a dataset lie.
template <class = void>
void find_bytes(Dataset& d) {
  const Object& object = *d.object;
  RawFile& raw = object.reading->raw;
  try {
    const detail::Header header = detail::read_header(raw, header_address(object), false);
    if (!d.in_chunks()) {
      if (header.one_piece && !raw.is_undefined(*header.one_piece)) d.address = header.one_piece;
    } else if (are_unpacked_here(d.filters)) {
      d.index = header.chunk_tree ? read_chunk_tree(raw, d.grid, *header.chunk_tree)
                                  : ask_chunks(object, d.space, d.grid);
    }
  } catch (const Damage& damage) {
    d.damage = damage;
  }
}

/// Opens a dataset's description and checks, before anything is allocated, that its filters are
/// there, that its data are in this file, and that what is stored can hold what is declared.
template <class = void>
Dataset open_dataset(const Object& object) {
  if (!object.is_dataset()) object.fail("is a group, expected a dataset");
  Dataset d;
  d.object = &object;
  d.type = Handle(H5Dget_type(object.id));
  d.space = Handle(H5Dget_space(object.id));
  object.check(hid_t(d.type), "read its type");
  object.check(hid_t(d.space), "read its shape");
  if (H5Sget_simple_extent_type(d.space) == H5S_NULL) {
    d.null = true;
    return d;
  }
  d.shape = shape_of(object, d.space);
  d.count = count_of(object, d.shape);

  const Handle creation(H5Dget_create_plist(object.id));
  object.check(hid_t(creation), "read how it is stored");
  const H5D_layout_t layout = H5Pget_layout(creation);
  if (layout == H5D_VIRTUAL || H5Pget_external_count(creation) > 0)
    object.refuse("keeps its data in another file, expected them in this one; copy them into it");
  double expansion = 1, chunk = 1;
  std::vector<size_t> chunks;
  d.filters = filters_of(creation);
  for (const Filter& filter : d.filters) {
    if (H5Zfilter_avail(filter.id) <= 0)
      object.refuse("is stored with the filter ", filter.name, " (", filter.id,
                    "), which this HDF5 ", "lacks; install ",
                    filter.package.empty() ? "an HDF5 with it" : filter.package,
                    ", or write the file again with gzip");
    expansion = std::min(expansion * double(filter.expansion), double(most_expansion));
  }
  if (layout == H5D_CHUNKED) {
    std::vector<hsize_t> extents(d.shape.size(), 1);
    const int chunk_rank = object.check(H5Pget_chunk(creation, int(extents.size()), extents.data()),
                                        "read its chunks");
    if (size_t(chunk_rank) != extents.size())
      object.fail("its chunks have ", chunk_rank, " dimensions, expected ", extents.size(),
                  " as its shape has; the file is damaged");
    unsigned options = 0;
    object.check(H5Pget_chunk_opts(creation, &options), "read how its chunks are stored");
    d.plain_edges = options & H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS;
    for (hsize_t extent : extents) chunk *= double(extent);
    chunks.assign(extents.begin(), extents.end());
  }
  d.element_bytes = stored_size(d.type, object.reading->raw.reference_size());
  const double bytes = double(d.element_bytes) * double(d.count);
  const auto stored = double(H5Dget_storage_size(object.id));
  // What is in one piece is all there or, outside of the header, was never written.
  if (layout != H5D_CHUNKED && (stored > 0 || layout == H5D_COMPACT) && stored < bytes)
    object.fail("its shape ", d.shape, " needs ", bytes, " bytes, and ", stored,
                " are stored; the file is damaged");
  object.charge(std::max(bytes, double(d.element_bytes) * chunk), stored, expansion);
  d.number = dtype_of_type(d.type);
  if (d.number && *d.number != DType::boolean && H5Tequal(d.type, memory_type(*d.number)) <= 0)
    d.number.reset();
  if (d.count == 0) return d;
  if (layout == H5D_CHUNKED) {
    d.grid = ChunkGrid(d.shape, std::move(chunks), d.element_bytes);
    d.filling = filling_of(object, creation, d.type, d.element_bytes);
  }
  if (layout != H5D_COMPACT) find_bytes(d);
  return d;
}

}  // namespace hdf5
VCELL_END_NAMESPACE
