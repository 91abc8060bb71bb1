#pragma once

#include <cctype>
#include <charconv>
#include <concepts>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <version>

#include "vcell/core/cmath.hpp"
#include "vcell/core/message.hpp"

VCELL_BEGIN_NAMESPACE

/// A number as tables hold it: the shortest text that reads back to the same value, "NaN", "inf" or
/// "-inf". Whole numbers have no point.
template <std::floating_point T>
std::string number_text(T x) {
  return std::isnan(x) ? "NaN" : message(x);
}

/// The number that a whole text is, in any of the forms that tables hold; nothing if it is none.
template <class = void>
std::optional<double> parse_number(std::string_view text) {
  double x = 0;
#if defined(__cpp_lib_to_chars)
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), x);
  if (error == std::errc() && end == text.data() + text.size()) return x;
  if (error != std::errc::result_out_of_range) return std::nullopt;
#endif
  // Where the standard library reads no floating point, and for numbers too large or too small.
  const std::string copy(text);
  char* end_of_number = nullptr;
  if (copy.empty() || std::isspace(static_cast<unsigned char>(copy[0]))) return std::nullopt;
  x = std::strtod(copy.c_str(), &end_of_number);
  if (end_of_number != copy.c_str() + copy.size()) return std::nullopt;
  return x;
}

VCELL_END_NAMESPACE
