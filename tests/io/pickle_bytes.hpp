// Pickles made instruction by instruction, for files that no torch or Python would write.
#pragma once

#include <cstdint>
#include <string>

#include "vcell/io/write_zip.hpp"

namespace vcell_test {

template <class N>
std::string bytes_of(N number) {
  return {reinterpret_cast<const char*>(&number), sizeof number};
}

inline std::string text(const std::string& value) {
  return 'X' + bytes_of(uint32_t(value.size())) + value;
}
inline std::string bytes(const std::string& value) {
  return 'B' + bytes_of(uint32_t(value.size())) + value;
}
inline std::string whole(int32_t n) { return 'J' + bytes_of(n); }
inline std::string global(const std::string& module, const std::string& name) {
  return 'c' + module + '\n' + name + '\n';
}
inline std::string pickled(const std::string& instructions) {
  return "\x80\x02" + instructions + '.';
}

/// What torch writes for a storage.
inline std::string storage(const std::string& key, int32_t count,
                           const std::string& type = "FloatStorage") {
  return '(' + text("storage") + global("torch", type) + text(key) + text("cpu") + whole(count) +
         "tQ";
}
/// A tensor of a storage; shape and strides are tuples.
inline std::string tensor(const std::string& of, const std::string& offset,
                          const std::string& shape, const std::string& strides) {
  return global("torch._utils", "_rebuild_tensor_v2") + '(' + of + offset + shape + strides +
         "\x89" + global("collections", "OrderedDict") + ")RtR";
}
/// A tensor of one axis that is all of its storage.
inline std::string whole_tensor(const std::string& key, int32_t count) {
  return tensor(storage(key, count), whole(0), '(' + whole(count) + 't', '(' + whole(1) + 't');
}

/// A file of torch's older form: the value, the keys of its storages, and these.
inline std::string legacy_file(const std::string& value, const std::string& keys,
                               const std::string& storages) {
  return std::string("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.") +
         pickled("M\xe9\x03") +
         pickled("}(" + text("protocol_version") + "M\xe9\x03" + text("little_endian") + "\x88u") +
         pickled(value) + pickled(keys) + storages;
}

/// A file of torch's zip form with one storage, `data/0`.
inline void write_zip_form(const std::filesystem::path& path, const std::string& value,
                           const std::string& data0) {
  const std::string data = pickled(value);
  vcell::write_zip(path, std::vector<vcell::ZipContent>{{"archive/data.pkl", data},
                                                        {"archive/byteorder", "little"},
                                                        {"archive/data/0", data0}});
}

}  // namespace vcell_test
