#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "vcell/core/error.hpp"
#include "vcell/core/message.hpp"
#include "vcell/io/utf8.hpp"

VCELL_BEGIN_NAMESPACE

/// Text as a TOML string in quotes (a basic string of TOML 1.0), which reads back to the same text.
/// @throws ConfigError if the text is not UTF-8
template <class = void>
std::string toml_string(std::string_view text) {
  if (!is_utf8(text))
    throw ConfigError(message("toml_string: ", quoted(text), " is not UTF-8, as TOML wants it; ",
                              "use another name"));
  constexpr std::string_view hex = "0123456789ABCDEF";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\u00";
      out += hex[byte >> 4];
      out += hex[byte & 15];
    } else {
      out += c;
    }
  }
  return out + '"';
}

/// A name as a TOML key: bare when letters, digits, '_' and '-' make it up, else in quotes.
template <class = void>
std::string toml_key(std::string_view name) {
  for (const char c : name)
    if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '_' &&
        c != '-')
      return toml_string(name);
  return name.empty() ? "\"\"" : std::string(name);
}

/// Texts as a TOML array: ["a", "b"].
template <class = void>
std::string toml_list(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const std::string& text : texts) out += (out.size() > 1 ? ", " : "") + toml_string(text);
  return out + "]";
}

VCELL_END_NAMESPACE
