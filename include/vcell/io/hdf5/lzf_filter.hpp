#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <vector>

#include "vcell/io/hdf5/handle.hpp"

VCELL_BEGIN_NAMESPACE
namespace hdf5 {

/// Undoes LZF compression. The data are a sequence of runs, each led by a byte c:
///   c < 32    c + 1 bytes follow as they are;
///   c >= 32   a copy of n + 2 bytes that begins d + 1 bytes back, with n = c / 32, or 7 plus the
///             next byte when that is 7, and d = 256 * (c % 32) + the byte after.
/// @return nothing if the data do not follow these rules or come out longer than `most`
template <class = void>
std::optional<std::vector<char>> lzf_decompress(std::string_view packed, size_t most) {
  std::vector<char> out;
  out.reserve(std::min(most, 88 * packed.size()));  // 3 bytes make at most 264
  const auto byte = [&](size_t i) { return size_t(uint8_t(packed[i])); };
  for (size_t i = 0; i < packed.size();) {
    const size_t c = byte(i++), left = packed.size() - i;
    if (c < 32) {
      if (left < c + 1) return {};
      out.insert(out.end(), packed.begin() + i, packed.begin() + i + c + 1);
      i += c + 1;
    } else {
      if (left < (c / 32 == 7 ? 2u : 1u)) return {};
      const size_t n = c / 32 == 7 ? 7 + byte(i++) : c / 32;
      const size_t back = 256 * (c % 32) + byte(i++) + 1;
      if (back > out.size()) return {};
      // Byte by byte: a run may copy what it has just written.
      for (size_t k = 0; k < n + 2; ++k) out.push_back(out[out.size() - back]);
    }
    if (out.size() > most) return {};
  }
  return out;
}

/// Makes HDF5 able to read what h5py compressed with LZF (filter 32000), unless it already is.
/// Chunks that are written are left uncompressed, which the filter's users allow.
template <class = void>
void register_lzf_filter() {
  if (H5Zfilter_avail(32000) > 0) return;
  const auto filter = [](unsigned flags, size_t, const unsigned*, size_t bytes, size_t* capacity,
                         void** buffer) -> size_t {
    if (!(flags & H5Z_FLAG_REVERSE)) return 0;
    const auto out = lzf_decompress({static_cast<const char*>(*buffer), bytes}, size_t(1) << 32);
    if (!out || out->empty()) return 0;
    void* plain = std::malloc(out->size());
    if (!plain) return 0;
    std::copy(out->begin(), out->end(), static_cast<char*>(plain));
    std::free(*buffer);
    *buffer = plain;
    *capacity = out->size();
    return out->size();
  };
  const H5Z_class2_t lzf = {H5Z_CLASS_T_VERS, 32000, 1, 1, "lzf", nullptr, nullptr, filter};
  H5Zregister(&lzf);
}

}  // namespace hdf5
VCELL_END_NAMESPACE
