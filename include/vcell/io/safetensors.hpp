#pragma once

#include <algorithm>
#include <bit>
#include <cstring>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vcell/data/array.hpp"
#include "vcell/io/atomic_file.hpp"

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

/// Reads one array as the header describes it, trusting nothing.
template <class = void>
Array read_safetensor(const nlohmann::json& entry, std::string_view bytes,
                      const std::string& where) {
  const auto fail = [&](const char* what) {
    throw FormatError(message("read_safetensors: ", where, ": ", what));
  };
  if (!entry.is_object() || !entry.contains("dtype") || !entry["dtype"].is_string() ||
      !entry.contains("shape") || !entry["shape"].is_array() || !entry.contains("data_offsets") ||
      !entry["data_offsets"].is_array() || entry["data_offsets"].size() != 2)
    fail("expected dtype, shape and data_offsets (begin, end)");
  const auto* known = std::find_if(
      std::begin(safetensors_dtypes), std::end(safetensors_dtypes),
      [&](const auto& d) { return entry["dtype"].get_ref<const std::string&>() == d.second; });
  if (known == std::end(safetensors_dtypes)) fail("its dtype is none that vcell reads");
  const DType dtype = known->first;
  for (const auto& n : entry["shape"])
    if (!n.is_number_unsigned()) fail("a size of its shape is no whole number from 0");
  for (const auto& n : entry["data_offsets"])
    if (!n.is_number_unsigned()) fail("data_offsets are no whole numbers from 0");
  const auto shape = entry["shape"].get<std::vector<size_t>>();
  const auto begin = entry["data_offsets"][0].get<size_t>(),
             end = entry["data_offsets"][1].get<size_t>();
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
  const auto header = nlohmann::json::parse(text, nullptr, false);
  if (!header.is_object())
    throw FormatError(message("read_safetensors: ", quoted(path.string()),
                              ": the header is no JSON object; the file is damaged"));
  const auto bytes = std::string_view(file).substr(sizeof length + length);
  Safetensors out;
  std::map<size_t, size_t> pieces;  // begin -> end of the data in use
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      for (const auto& [key, value] : entry.items()) {
        if (!entry.is_object() || !value.is_string())
          throw FormatError(message("read_safetensors: ", quoted(path.string()),
                                    ": __metadata__ is no object of texts"));
        value.get_to(out.metadata[key]);
      }
      continue;
    }
    Array array = detail::read_safetensor(entry, bytes, where(name));
    if (const size_t size = array.values.bytes().size()) {
      const size_t begin = entry["data_offsets"][0];
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
///         not UTF-8; IoError
template <class = void>
void write_safetensors(const std::filesystem::path& path, const Safetensors& content) {
  nlohmann::json header = nlohmann::json::object();
  if (!content.metadata.empty()) header["__metadata__"] = content.metadata;
  std::vector<const std::pair<const std::string, Array>*> order;
  for (const auto& tensor : content.tensors) order.push_back(&tensor);
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return size_of(a->second.dtype()) > size_of(b->second.dtype());
  });
  size_t end = 0;
  for (const auto* tensor : order) {
    const auto& [name, array] = *tensor;
    check_size_match("write_safetensors", name.c_str(), array.values.size(),
                     "elements of its shape", array.count());
    const auto* dtype =
        std::find_if(std::begin(detail::safetensors_dtypes), std::end(detail::safetensors_dtypes),
                     [&, &array = array](const auto& d) { return d.first == array.dtype(); });
    header[name] = {{"dtype", dtype->second},
                    {"shape", array.shape},
                    {"data_offsets", {end, end + array.values.bytes().size()}}};
    end += array.values.bytes().size();
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::exception& e) {
    throw FormatError(message("write_safetensors: ", quoted(path.string()), ": ", e.what()));
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

VCELL_END_NAMESPACE
