#pragma once

#include <string>
#include <vector>

#include "vcell/io/hdf5/handle.hpp"

VCELL_BEGIN_NAMESPACE
namespace hdf5 {

/// A step that HDF5 runs over stored chunks, mostly compression.
struct Filter {
  H5Z_filter_t id = 0;
  std::string name;     ///< e.g. "gzip", "lzf"
  std::string package;  ///< what provides it; empty for those built into HDF5
  /// Upper bound of (bytes after reading) / (bytes stored).
  size_t expansion = 1;
};

/// No filters together are taken to expand more than this. zstd, which has no limit of its own,
/// makes 2^15 bytes of one when they are all the same; doubled.
constexpr size_t most_expansion = 65536;

/// The filter of this number, as registered with the HDF Group.
template <class = void>
Filter known_filter(H5Z_filter_t id) {
  // 1032 is deflate's own limit, LZF turns 3 bytes into at most 264.
  const std::string plugin = "hdf5plugin from PyPI (set HDF5_PLUGIN_PATH to its 'plugins' folder)";
  const auto debian = [&](const char* name) { return message(name, " from Debian, or ", plugin); };
  switch (id) {
    case H5Z_FILTER_DEFLATE:
      return {id, "gzip", "", 1032};
    case H5Z_FILTER_SHUFFLE:
      return {id, "shuffle", "", 1};
    case H5Z_FILTER_FLETCHER32:
      return {id, "fletcher32", "", 1};
    case H5Z_FILTER_SZIP:
      return {id, "szip", "an HDF5 built with szip or libaec", most_expansion};
    case H5Z_FILTER_NBIT:
      return {id, "nbit", "", most_expansion};
    case H5Z_FILTER_SCALEOFFSET:
      return {id, "scaleoffset", "", most_expansion};
    case 32000:
      return {id, "lzf", "", 88};
    case 32001:
      return {id, "blosc", debian("hdf5-filter-plugin-blosc-serial"), most_expansion};
    case 32004:
      return {id, "lz4", debian("hdf5-filter-plugin"), most_expansion};
    case 32008:
      return {id, "bitshuffle", plugin, most_expansion};
    case 32015:
      return {id, "zstd", plugin, most_expansion};
    case 32026:
      return {id, "blosc2", plugin, most_expansion};
    default:
      return {id, message("number ", id), "the HDF5 plugin of that number", most_expansion};
  }
}

/// The filters of a dataset's creation properties, in the order in which they were applied.
template <class = void>
std::vector<Filter> filters_of(hid_t creation) {
  std::vector<Filter> out;
  if (H5Pget_layout(creation) != H5D_CHUNKED) return out;
  const int n = H5Pget_nfilters(creation);
  for (int i = 0; i < n; ++i) {
    unsigned flags = 0, config = 0;
    size_t values = 0;
    out.push_back(known_filter(
        H5Pget_filter2(creation, unsigned(i), &flags, &values, nullptr, 0, nullptr, &config)));
  }
  return out;
}

}  // namespace hdf5
VCELL_END_NAMESPACE
