#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "vcell/core/abi.hpp"
#include "vcell/core/cmath.hpp"
#include "vcell/eval/score_table.hpp"
#include "vcell/io/utf8.hpp"

VCELL_BEGIN_NAMESPACE

/// Text as HTML shows it, in an element or in an attribute between double quotes. Control
/// characters, which HTML does not allow, become U+FFFD, and so do bytes that are not UTF-8.
template <class = void>
std::string escape_html(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    const size_t n = utf8_length(text, i);
    const bool control = (uint8_t(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7f;
    if (n == 0 || control)
      out += "\xEF\xBF\xBD";
    else if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else if (c == '\'')
      out += "&#39;";
    else
      out += text.substr(i, n);
    i += std::max<size_t>(n, 1);
  }
  return out;
}

/// A score for reading: "0.42", a true minus sign, an en dash for null, "NaN".
template <class = void>
std::string show(const Score& score, int digits) {
  if (!score) return "\u2013";
  if (std::isnan(*score)) return "NaN";
  if (std::isinf(*score)) return *score > 0 ? "\u221E" : "\u2212\u221E";
  const std::string text = fmt::format("{:.{}f}", std::abs(*score), digits);
  const bool zero = text.find_first_not_of("0.") == std::string::npos;
  return *score < 0 && !zero ? "\u2212" + text : text;
}

/// "1 cell", "3 cells".
template <class = void>
std::string counted(size_t n, std::string_view what) {
  return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
}

namespace detail {

/// "perturbation_mean" as "perturbation mean", safe in HTML.
template <class = void>
std::string spoken(std::string name) {
  std::replace(name.begin(), name.end(), '_', ' ');
  return escape_html(name);
}

/// A section of the page under a heading, both HTML.
template <class = void>
std::string section(std::string_view id, std::string_view heading, const std::string& inside) {
  return fmt::format(
      "<section id=\"{0}\" aria-labelledby=\"{0}-h\">\n<h2 id=\"{0}-h\">{1}</h2>\n{2}"
      "</section>\n",
      id, heading, inside);
}

}  // namespace detail

VCELL_END_NAMESPACE
