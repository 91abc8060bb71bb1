#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/data/array.hpp"
#include "vcell/io/pickle_calls.hpp"
#include "vcell/io/write_zip.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Writes the instructions of a pickle of protocol 2.
template <class = void>
class PickleWriter {
 public:
  std::string out = "\x80\x02";

  void text(std::string_view value) { add('X', uint32_t(value.size())).append(value); }
  void global(std::string_view module, std::string_view name) {
    out.append("c").append(module).append("\n").append(name).append("\n");
  }
  void integer(uint64_t n) {
    if (n < 1u << 31)
      add('J', int32_t(n));
    else
      out.append("\x8a\x08").append(bytes(n));
  }
  void tuple(const std::vector<size_t>& sizes) {
    out += '(';
    for (const size_t n : sizes) integer(n);
    out += 't';
  }
  template <class N>
  std::string& add(char code, N number) {
    return out.append(1, code).append(bytes(number));
  }

 private:
  template <class N>
  static std::string bytes(N number) {
    return {reinterpret_cast<const char*>(&number), sizeof number};
  }
};

/// The instructions that make a contiguous tensor whose numbers are in the record `data/KEY`.
template <class = void>
void write_torch_tensor(PickleWriter<>& pickle, const Array& array, const std::string& key,
                        std::string_view storage) {
  pickle.global("torch._utils", "_rebuild_tensor_v2");
  pickle.out += "((";
  pickle.text("storage");
  pickle.global("torch", storage);
  pickle.text(key);
  pickle.text("cpu");
  pickle.integer(array.count());
  pickle.out += "tQ";
  pickle.integer(0);
  pickle.tuple(array.shape);
  std::vector<size_t> strides(array.shape.size());
  size_t stride = 1;
  for (size_t d = strides.size(); d-- > 0;) {
    strides[d] = stride;
    stride *= std::max<size_t>(array.shape[d], 1);
  }
  pickle.tuple(strides);
  pickle.out += '\x89';
  pickle.global("collections", "OrderedDict");
  pickle.out += ")RtR";
}

}  // namespace detail

/// Writes named arrays as torch.save writes a state_dict: an OrderedDict of tensors in torch's zip
/// form, each of them in a record of its own that begins at a multiple of 64 bytes. torch.load
/// reads it with weights_only=True. The same content gives the same bytes.
/// @throws ShapeError if an array has not the bytes of its shape; FormatError if a name is not
///         UTF-8, or a dtype is one that torch has no storage of (uint16, uint32, uint64); IoError
template <class = void>
void write_torch_archive(const std::filesystem::path& path,
                         const std::map<std::string, Array>& arrays) {
  detail::PickleWriter<> pickle;
  pickle.global("collections", "OrderedDict");
  pickle.out += ")R(";
  size_t n = 0;
  for (const auto& [name, array] : arrays) {
    check_size_match("write_torch_archive", name.c_str(), array.values.size(),
                     "elements of its shape", array.count());
    const DType dtype = array.dtype();
    std::string_view storage;
    for (const auto& [known, of] : detail::torch_storages)
      if (of == dtype) storage = known.substr(known.find(' ') + 1);
    if (storage.empty() || !is_utf8(name))
      throw FormatError(message(
          "write_torch_archive: ", quoted(path.string()), ", array ", quoted(name), ": ",
          storage.empty() ? message("torch has no storage of ", name_of(dtype), "; convert it")
                          : "the name is not UTF-8"));
    pickle.text(name);
    detail::write_torch_tensor(pickle, array, message(n++), storage);
  }
  pickle.out += "u.";
  std::vector<ZipContent> records = {{"archive/data.pkl", pickle.out},
                                     {"archive/.format_version", "1"},
                                     {"archive/.storage_alignment", "64"},
                                     {"archive/byteorder", "little"}};
  n = 0;
  for (const auto& [name, array] : arrays) {
    const auto bytes = array.values.bytes();
    records.push_back({message("archive/data/", n++),
                       {reinterpret_cast<const char*>(bytes.data()), bytes.size()}});
  }
  records.push_back({"archive/version", "3\n"});
  write_zip(path, records, 64);
}

VCELL_INSTANTIATE(files, void write_torch_archive<void>(const std::filesystem::path&,
                                                        const std::map<std::string, Array>&));

VCELL_END_NAMESPACE
