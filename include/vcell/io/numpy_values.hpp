#pragma once

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vcell/data/array.hpp"
#include "vcell/io/utf8.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// What numpy calls a dtype, without its byte order: "f4", "i8", "U12", "O8".
struct NumpyType {
  char kind = 0;
  size_t size = 0;   ///< bytes of an element
  bool big = false;  ///< big endian
};

/// Reads "f4", "<f4" or ">U12". Nothing if it is no plain type.
template <class = void>
std::optional<NumpyType> numpy_type(std::string_view name) {
  NumpyType out;
  if (!name.empty() && std::string_view("<>|=").find(name[0]) != std::string_view::npos) {
    out.big = name[0] == '>';
    name.remove_prefix(1);
  }
  if (name.size() < 2 || name.size() > 8) return std::nullopt;
  out.kind = name[0];
  for (const char c : name.substr(1)) {
    if (c < '0' || c > '9') return std::nullopt;
    out.size = out.size * 10 + size_t(c - '0');
  }
  if (out.kind == 'U') out.size *= 4;
  return out;
}

/// The DType of a type of numbers.
template <class = void>
std::optional<DType> numpy_dtype(const NumpyType& type) {
  constexpr std::pair<std::string_view, DType> known[] = {
      {"b1", DType::boolean}, {"u1", DType::u8},  {"i1", DType::i8},  {"u2", DType::u16},
      {"i2", DType::i16},     {"u4", DType::u32}, {"i4", DType::i32}, {"u8", DType::u64},
      {"i8", DType::i64},     {"f2", DType::f16}, {"f4", DType::f32}, {"f8", DType::f64}};
  for (const auto& [name, dtype] : known)
    if (name[0] == type.kind && size_t(name[1] - '0') == type.size) return dtype;
  return std::nullopt;
}

/// Elements of a shape if they fill these bytes exactly; nothing if they do not.
template <class = void>
std::optional<size_t> elements_of(const std::vector<size_t>& shape, size_t size, size_t bytes) {
  size_t n = 1;
  for (const size_t extent : shape)
    if (extent == 0) n = 0;
  for (const size_t extent : shape)
    if (n && __builtin_mul_overflow(n, extent, &n)) return std::nullopt;
  if (size == 0 || bytes % size != 0 || bytes / size != n) return std::nullopt;
  return n;
}

/// Elements from column-major to row-major order.
template <class = void>
std::string row_major(std::string_view bytes, const std::vector<size_t>& shape, size_t size) {
  std::string out(bytes.size(), '\0');
  std::vector<size_t> at(shape.size(), 0);
  for (size_t i = 0; i < bytes.size() / size; ++i) {
    size_t from = 0;
    for (size_t d = shape.size(); d-- > 0;) from = from * shape[d] + at[d];
    std::memcpy(out.data() + i * size, bytes.data() + from * size, size);
    for (size_t d = shape.size(); d-- > 0 && ++at[d] == shape[d];) at[d] = 0;
  }
  return out;
}

/// Numbers from the bytes of an array of numpy; nothing if its shape does not fit the bytes or a
/// truth value is neither 0 nor 1.
template <class = void>
std::optional<Array> numpy_array(const NumpyType& type, std::vector<size_t> shape, bool by_columns,
                                 std::string_view bytes) {
  const auto dtype = numpy_dtype(type);
  const auto count = elements_of(shape, type.size, bytes.size());
  if (!dtype || !count) return std::nullopt;
  std::string moved;
  if (by_columns && shape.size() > 1 && *count) bytes = moved = row_major(bytes, shape, type.size);
  Array out{std::move(shape), Numbers(*dtype, *count)};
  const std::span<std::byte> to = out.values.bytes();
  if (!bytes.empty()) std::memcpy(to.data(), bytes.data(), bytes.size());
  if (type.big && type.size > 1)
    for (size_t i = 0; i < bytes.size(); i += type.size)
      std::reverse(to.data() + i, to.data() + i + type.size);
  if (*dtype == DType::boolean)
    for (const uint8_t flag : out.values.values<uint8_t>())
      if (flag > 1) return std::nullopt;
  return out;
}

/// A text of numpy: UTF-32 ('U') or bytes ('S'), filled with zeros. Nothing if it is not one.
template <class = void>
std::optional<std::string> numpy_text(const NumpyType& type, std::string_view bytes) {
  std::string out;
  if (type.kind == 'S') {
    out = bytes;
  } else {
    for (size_t i = 0; i + 4 <= bytes.size(); i += 4) {
      uint32_t c = 0;
      for (size_t k = 0; k < 4; ++k)
        c |= uint32_t(uint8_t(bytes[i + k])) << (8 * (type.big ? 3 - k : k));
      if (c > 0x10FFFF) return std::nullopt;
      if (c < 0x80) {
        out += char(c);
      } else {
        const int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
        out += char((more == 1 ? 0xC0 : more == 2 ? 0xE0 : 0xF0) | (c >> (6 * more)));
        for (int k = more - 1; k >= 0; --k) out += char(0x80 | ((c >> (6 * k)) & 0x3F));
      }
    }
  }
  while (!out.empty() && out.back() == '\0') out.pop_back();
  if (!is_utf8(out)) return std::nullopt;
  return out;
}

}  // namespace detail
VCELL_END_NAMESPACE
