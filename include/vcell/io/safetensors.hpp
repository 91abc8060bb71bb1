#pragma once

#include <algorithm>
#include <bit>
#include <cstring>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/data/array.hpp"
#include "vcell/io/atomic_file.hpp"
#include "vcell/io/json.hpp"

VCELL_BEGIN_NAMESPACE

/// Named arrays with text beside them, as a safetensors file holds them
/// (https://github.com/huggingface/safetensors): 8 bytes length of the header (little endian), the
/// header in JSON, the bytes of the arrays.
struct Safetensors {
  std::map<std::string, std::string> metadata;
  std::map<std::string, Array> tensors;

  friend bool operator==(const Safetensors&, const Safetensors&) = default;
};

namespace detail {

static_assert(std::endian::native == std::endian::little,
              "vcell: safetensors files are little endian; this processor is not supported");

constexpr std::pair<DType, const char*> safetensors_dtypes[] = {
    {DType::boolean, "BOOL"}, {DType::u8, "U8"},   {DType::i8, "I8"},     {DType::u16, "U16"},
    {DType::i16, "I16"},      {DType::u32, "U32"}, {DType::i32, "I32"},   {DType::u64, "U64"},
    {DType::i64, "I64"},      {DType::f16, "F16"}, {DType::bf16, "BF16"}, {DType::f32, "F32"},
    {DType::f64, "F64"}};

/// The member of the header that is no array.
inline constexpr std::string_view safetensors_metadata = "__metadata__";

/// Reads one array as the header describes it, trusting nothing.
template <class = void>
Array read_safetensor(const Json& entry, std::string_view bytes, const std::string& where) {
  const auto fail = [&](const char* what) {
    throw FormatError(message("read_safetensors: ", where, ": ", what));
  };
  const Json *const type = entry.find("dtype"), *const sizes = entry.find("shape"),
                    *const offsets = entry.find("data_offsets");
  if (!type || type->kind != Json::Kind::text || !sizes || sizes->kind != Json::Kind::array ||
      !offsets || offsets->kind != Json::Kind::array || offsets->items.size() != 2)
    fail("expected dtype, shape and data_offsets (begin, end)");
  const auto* known = std::find_if(std::begin(safetensors_dtypes), std::end(safetensors_dtypes),
                                   [&](const auto& d) { return type->text == d.second; });
  if (known == std::end(safetensors_dtypes)) fail("its dtype is none that vcell reads");
  const DType dtype = known->first;
  const auto whole = [&](const Json& number, const char* otherwise) {
    const auto n = number.whole();
    if (!n) fail(otherwise);
    return size_t(*n);
  };
  std::vector<size_t> shape;
  for (const Json& n : sizes->items)
    shape.push_back(whole(n, "a size of its shape is no whole number from 0"));
  const char* const no_offset = "data_offsets are no whole numbers from 0";
  const size_t begin = whole(offsets->items[0], no_offset),
               end = whole(offsets->items[1], no_offset);
  if (begin > end || end > bytes.size()) fail("its data lie outside the file");
  size_t left = (end - begin) / size_of(dtype);  // elements; divided so that nothing overflows
  bool fits = (end - begin) % size_of(dtype) == 0, empty = false;
  for (const size_t n : shape) empty = empty || n == 0;
  for (const size_t n : shape)
    if (!empty) {
      fits = fits && left % n == 0;
      left /= n;
    }
  if (!fits || left != (empty ? 0 : 1)) fail("its shape does not fit the bytes it has");
  Array out{shape, Numbers(dtype, (end - begin) / size_of(dtype))};
  if (begin < end) std::memcpy(out.values.bytes().data(), bytes.data() + begin, end - begin);
  if (dtype == DType::boolean)
    for (const uint8_t flag : out.values.values<uint8_t>())
      if (flag > 1) fail("it is of BOOL and holds a byte that is neither 0 nor 1");
  return out;
}

}  // namespace detail

/// Reads a whole file.
/// @throws IoError if it cannot be read; FormatError naming file and array if it is not what the
///         format says: data may neither leave the file nor overlap, and none may be unused
template <class = void>
Safetensors read_safetensors(const std::filesystem::path& path) {
  const std::string file = read_text(path);
  const auto where = [&](std::string_view name) {
    return message(quoted(path.string()), ", array ", quoted(name));
  };
  uint64_t length = 0;
  if (file.size() >= sizeof length) std::memcpy(&length, file.data(), sizeof length);
  if (file.size() < sizeof length || length > file.size() - sizeof length)
    throw FormatError(message("read_safetensors: ", quoted(path.string()), " has ", file.size(),
                              " bytes and its header should have ", length,
                              "; it is damaged or no safetensors file"));
  const auto text = std::string_view(file).substr(sizeof length, size_t(length));
  const Json header =
      parse_json_object(text, message("read_safetensors: ", quoted(path.string()), ": the header"));
  const auto bytes = std::string_view(file).substr(sizeof length + length);
  Safetensors out;
  std::map<size_t, size_t> pieces;  // begin -> end of the data in use
  for (size_t i = 0; i < header.items.size(); ++i) {
    const std::string& name = header.keys[i];
    const Json& entry = header.items[i];
    if (name == detail::safetensors_metadata) {
      const auto is_text = [](const Json& value) { return value.kind == Json::Kind::text; };
      const bool is_table = entry.kind == Json::Kind::object || entry.kind == Json::Kind::null;
      if (!is_table || !std::ranges::all_of(entry.items, is_text))
        throw FormatError(message("read_safetensors: ", quoted(path.string()),
                                  ": __metadata__ is no object of texts"));
      for (size_t k = 0; k < entry.items.size(); ++k)
        out.metadata[entry.keys[k]] = entry.items[k].text;
      continue;
    }
    Array array = detail::read_safetensor(entry, bytes, where(name));
    if (const size_t size = array.values.bytes().size()) {
      const size_t begin = size_t(*entry.find("data_offsets")->items[0].whole());
      if (!pieces.try_emplace(begin, begin + size).second)
        throw FormatError(message("read_safetensors: ", where(name), ": its data overlap others"));
    }
    out.tensors.emplace(name, std::move(array));
  }
  size_t end = 0;
  for (const auto& [first, last] : pieces) {
    if (first != end)
      throw FormatError(message("read_safetensors: ", quoted(path.string()),
                                ": data overlap or are used by no array at byte ", end));
    end = last;
  }
  if (end != bytes.size())
    throw FormatError(message("read_safetensors: ", quoted(path.string()), ": ", bytes.size() - end,
                              " bytes at its end belong to no array"));
  return out;
}

/// Writes a file, atomically; the same content gives the same bytes. Arrays lie in the order of
/// their element sizes, largest first, then of their names, so that each begins where its elements
/// may: other readers look at them in place.
/// @throws ShapeError if an array has not the bytes of its shape; FormatError if a name or text is
///         not UTF-8, or an array is called __metadata__; IoError
template <class = void>
void write_safetensors(const std::filesystem::path& path, const Safetensors& content) {
  std::vector<const std::pair<const std::string, Array>*> order;
  for (const auto& tensor : content.tensors) order.push_back(&tensor);
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return size_of(a->second.dtype()) > size_of(b->second.dtype());
  });
  std::map<std::string, Json> members;  // of the header, in the order of their names
  if (!content.metadata.empty()) {
    Json& metadata = members[std::string(detail::safetensors_metadata)];
    for (const auto& [key, value] : content.metadata) metadata.add(key, json_of(value));
  }
  size_t end = 0;
  for (const auto* tensor : order) {
    const auto& [name, array] = *tensor;
    check_size_match("write_safetensors", name.c_str(), array.values.size(),
                     "elements of its shape", array.count());
    const auto* dtype =
        std::find_if(std::begin(detail::safetensors_dtypes), std::end(detail::safetensors_dtypes),
                     [&, &array = array](const auto& d) { return d.first == array.dtype(); });
    Json entry;
    entry.add("data_offsets", json_of(std::vector{end, end + array.values.bytes().size()}));
    entry.add("dtype", json_of(dtype->second));
    entry.add("shape", json_of(array.shape));
    if (name == detail::safetensors_metadata)
      throw FormatError(message("write_safetensors: ", quoted(path.string()), ": the name ",
                                quoted(name), " is the format's own; rename that array"));
    members.emplace(name, std::move(entry));
    end += array.values.bytes().size();
  }
  Json header{Json::Kind::object};
  for (auto& [name, member] : members) header.add(name, std::move(member));
  std::string text;
  try {
    text = json_text(header);
  } catch (const FormatError& error) {
    throw FormatError(message("write_safetensors: ", quoted(path.string()), ": ", error.what()));
  }
  text.append((8 - text.size() % 8) % 8, ' ');  // the arrays begin at a multiple of 8
  write_atomically(path, [&](const std::filesystem::path& temporary) {
    std::ofstream out(temporary, std::ios::binary);
    const uint64_t length = text.size();
    out.write(reinterpret_cast<const char*>(&length), sizeof length);
    out.write(text.data(), std::streamsize(length));
    for (const auto* tensor : order)
      out.write(reinterpret_cast<const char*>(tensor->second.values.bytes().data()),
                std::streamsize(tensor->second.values.bytes().size()));
    out.close();
    if (!out)
      throw WriteError(message("write_safetensors: cannot write ", quoted(path.string()),
                               "; is the disk full, or the folder read-only?"));
  });
}

VCELL_INSTANTIATE(files, Safetensors read_safetensors<void>(const std::filesystem::path&));
VCELL_INSTANTIATE(files,
                  void write_safetensors<void>(const std::filesystem::path&, const Safetensors&));

VCELL_END_NAMESPACE
