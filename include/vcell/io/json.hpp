#pragma once

#include <rapidjson/reader.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/error.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/io/number_text.hpp"
#include "vcell/io/utf8.hpp"

VCELL_BEGIN_NAMESPACE

/// A value of JSON: read by parse_json_object, or made by json_of and written by json_text.
struct Json {
  enum class Kind { null, boolean, number, text, array, object };

  Kind kind = Kind::null;
  std::string text = {};               ///< of a text; of a number or boolean, as JSON spells it
  std::vector<Json> items = {};        ///< of an array or object
  std::vector<std::string> keys = {};  ///< of an object: of each item, no two alike

  /// The member of an object under a key; nullptr if there is none, or this is no object.
  const Json* find(std::string_view key) const {
    for (size_t i = 0; i < keys.size(); ++i)
      if (keys[i] == key) return &items[i];
    return nullptr;
  }
  /// The number, if it is a whole one, not negative and not too large.
  std::optional<uint64_t> whole() const {
    uint64_t n = 0;
    const char* const last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data(), last, n);
    if (kind != Kind::number || error != std::errc() || end != last) return std::nullopt;
    return n;
  }
  /// Makes this an object, if it is not, and gives it a member, whose key is a new one.
  void add(std::string key, Json value) {
    kind = Kind::object;
    keys.push_back(std::move(key));
    items.push_back(std::move(value));
  }
};

namespace detail {

/// The shortest text that reads back to the same number, and shows by point or exponent that it
/// need not be a whole one.
template <class = void>
std::string json_number(double x) {
  if (!std::isfinite(x))
    throw FormatError(message("json_of: ", x, " is no number of JSON, expected a finite one"));
  const double size = std::abs(x);
  const bool fixed = x == 0 || (size >= 1e-4 && size < 1e15);
  char text[64];
  const auto end = std::to_chars(text, text + sizeof text, x,
                                 fixed ? std::chars_format::fixed : std::chars_format::scientific)
                       .ptr;
  std::string out(text, end);
  if (fixed && out.find('.') == out.npos) out += ".0";
  return out;
}

}  // namespace detail

/// A text, number, bool, optional (nothing is null) or a list of such as JSON.
/// @throws FormatError if a number is not finite
template <class T>
Json json_of(const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    return {Json::Kind::boolean, value ? "true" : "false"};
  } else if constexpr (std::is_integral_v<T>) {
    static_assert(!std::is_same_v<T, char>);
    return {Json::Kind::number, message(value)};
  } else if constexpr (std::is_floating_point_v<T>) {
    return {Json::Kind::number, detail::json_number(double(value))};
  } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    return {Json::Kind::text, std::string(std::string_view(value))};
  } else if constexpr (requires { value.has_value(); }) {
    return value ? json_of(*value) : Json();
  } else {
    Json out{Json::Kind::array};
    for (const auto& item : value) out.items.push_back(json_of(item));
    return out;
  }
}

namespace detail {

inline constexpr size_t most_json_levels = 64;
inline constexpr size_t most_json_bytes = 100'000'000;  // keeps RapidJSON's counts within int

/// Takes what RapidJSON's reader finds. A function that returns false ends the reading.
template <class = void>
class JsonBuilder : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, JsonBuilder<>> {
 public:
  using Size = rapidjson::SizeType;

  Json root;
  std::string problem;  ///< what is wrong beside the grammar

  bool Default() { return false; }
  bool Null() { return put({}); }
  bool Bool(bool value) { return put(json_of(value)); }
  bool RawNumber(const char* text, Size length, bool) {
    Json number{Json::Kind::number, std::string(text, length)};
    const auto value = parse_number(number.text);
    return value && std::isfinite(*value) ? put(std::move(number)) : fail("has too large a number");
  }
  bool String(const char* text, Size length, bool) {
    Json value{Json::Kind::text, std::string(text, length)};
    // RapidJSON 1.1 lets an escape \udc00 pass that follows no \ud800.
    return is_utf8(value.text) ? put(std::move(value)) : fail("has a text that is not UTF-8");
  }
  bool Key(const char* text, Size length, bool) {
    auto& keys = open_.back().keys;
    keys.emplace_back(text, length);
    return is_utf8(keys.back()) || fail("has a key that is not UTF-8");
  }
  bool StartArray() { return start(Json::Kind::array); }
  bool EndArray(Size) { return end(); }
  bool StartObject() { return start(Json::Kind::object); }
  bool EndObject(Size) {
    std::vector<std::string_view> keys(open_.back().keys.begin(), open_.back().keys.end());
    std::sort(keys.begin(), keys.end());
    const auto twice = std::adjacent_find(keys.begin(), keys.end());
    return twice == keys.end() ? end() : fail(message("has the key ", quoted(*twice), " twice"));
  }

 private:
  bool fail(std::string text) {
    problem = std::move(text);
    return false;
  }
  bool put(Json value) {
    (open_.empty() ? root : open_.back().items.emplace_back()) = std::move(value);
    return true;
  }
  bool start(Json::Kind kind) {
    if (open_.size() == most_json_levels)
      return fail(message("is nested more than ", most_json_levels, " deep"));
    open_.push_back({kind});
    return true;
  }
  bool end() {
    Json whole = std::move(open_.back());
    open_.pop_back();
    return put(std::move(whole));
  }

  std::vector<Json> open_;  // arrays and objects that have begun and not ended, outermost first
};

template <class = void>
void append_json_text(std::string& out, const std::string& text) {
  if (!is_utf8(text)) throw FormatError(message("json_text: ", quoted(text), " is not UTF-8"));
  constexpr std::string_view escaped = "\"\\\b\f\n\r\t", letters = "\"\\bfnrt",
                             hex = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    if (const size_t i = escaped.find(c); i != escaped.npos) {
      out += '\\';
      out += letters[i];
    } else if (const auto byte = static_cast<unsigned char>(c); byte < 0x20) {
      out += "\\u00";
      out += hex[byte / 16];
      out += hex[byte % 16];
    } else {
      out += c;
    }
  }
  out += '"';
}

template <class = void>
void append_json(std::string& out, const Json& value, size_t indent, size_t level) {
  const auto line = [&](size_t at) {
    if (indent) out.append(1, '\n').append(indent * at, ' ');
  };
  if (value.kind == Json::Kind::text) return append_json_text(out, value.text);
  if (value.kind == Json::Kind::null) out += "null";
  out += value.text;
  if (value.kind != Json::Kind::array && value.kind != Json::Kind::object) return;
  const bool object = value.kind == Json::Kind::object;
  out += object ? '{' : '[';
  for (size_t i = 0; i < value.items.size(); ++i) {
    if (i) out += ',';
    line(level + 1);
    if (object) {
      append_json_text(out, value.keys[i]);
      out += indent ? ": " : ":";
    }
    append_json(out, value.items[i], indent, level + 1);
  }
  if (!value.items.empty()) line(level);
  out += object ? '}' : ']';
}

}  // namespace detail

/// Reads a JSON text (RFC 8259) that is one object, trusting nothing.
/// @param where  what messages begin with: the function, the file and the part of it
/// @throws FormatError saying where it goes wrong: it is no JSON in UTF-8, no object, has a key
///         twice, is nested more than 64 deep, or has more than 100 MB
template <class = void>
Json parse_json_object(std::string_view text, const std::string& where) {
  if (text.size() > detail::most_json_bytes)
    throw FormatError(message(where, " has ", text.size(), " bytes, expected at most ",
                              detail::most_json_bytes, " of JSON; the file is damaged"));
  const size_t mark = text.starts_with("\xEF\xBB\xBF") ? 3 : 0;
  std::string copy(text.substr(mark));  // texts are unescaped where they stand
  rapidjson::InsituStringStream in(copy.data());
  detail::JsonBuilder<> builder;
  rapidjson::Reader reader;
  // Numbers stay text: RapidJSON 1.1 reads outside its tables on some that it is to read exactly.
  // It recurses, as deep as the builder lets it: else it would count from a null pointer.
  constexpr unsigned flags = rapidjson::kParseInsituFlag | rapidjson::kParseValidateEncodingFlag |
                             rapidjson::kParseNumbersAsStringsFlag;
  const rapidjson::ParseResult result = reader.Parse<flags>(in, builder);
  if (!result.IsError() && builder.root.kind == Json::Kind::object) return std::move(builder.root);
  std::string why = std::move(builder.problem);
  if (result.IsError())
    why += message(why.empty() ? "goes wrong" : "", " at byte ", mark + result.Offset());
  else
    why = "is something else";
  throw FormatError(message(where, " is no JSON object: it ", why, "; the file is damaged"));
}

/// A value as JSON text.
/// @param indent  spaces for each level, every item on a line of its own; 0: all in one line
/// @throws FormatError naming a key or text that is not UTF-8
template <class = void>
std::string json_text(const Json& value, size_t indent = 0) {
  std::string out;
  detail::append_json(out, value, indent, 0);
  return out;
}

VCELL_INSTANTIATE(files, Json parse_json_object<void>(std::string_view, const std::string&));
VCELL_INSTANTIATE(files, std::string json_text<void>(const Json&, size_t));

VCELL_END_NAMESPACE
