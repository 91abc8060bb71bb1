#pragma once

#include <array>
#include <charconv>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

inline void append(std::string& out, std::string_view text) { out += text; }

template <class N, class = std::enable_if_t<std::is_arithmetic_v<N>>>
void append(std::string& out, N value) {
  if constexpr (std::is_same_v<N, char>) {
    out += value;
  } else if constexpr (std::is_same_v<N, bool>) {
    out += value ? "true" : "false";
  } else {
    char text[64];
    out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
  }
}

template <class N>
void append(std::string& out, std::span<const N> numbers) {
  out += '(';
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (i) out += ", ";
    append(out, numbers[i]);
  }
  out += ')';
}

template <class N, size_t n>
void append(std::string& out, const std::array<N, n>& numbers) {
  append(out, std::span<const N>(numbers.data(), n));
}

template <class N>
void append(std::string& out, const std::vector<N>& numbers) {
  append(out, std::span<const N>(numbers));
}

}  // namespace detail

/// The parts one after the other: text as it is, numbers in the shortest form that reads back to
/// the same value, shapes as "(2, 3)". Small on purpose: errors and labels need no more, and the
/// umbrella header stays free of formatting libraries.
template <class... Parts>
std::string message(const Parts&... parts) {
  std::string out;
  (detail::append(out, parts), ...);
  return out;
}

/// 'name', the way every message shows a name.
inline std::string quoted(std::string_view name) { return message('\'', name, '\''); }
// Exact matches for strings: <iomanip> has an std::quoted, which would be found and preferred.
inline std::string quoted(const std::string& name) { return quoted(std::string_view(name)); }
inline std::string quoted(std::string& name) { return quoted(std::string_view(name)); }
inline std::string quoted(const char* name) { return quoted(std::string_view(name)); }

/// "'a', 'b', ... (12 in all)": a list that stays readable however long it is.
/// @param most  how many names are shown
template <class Names = std::vector<std::string>>
std::string list_of(const Names& names, size_t most = 8) {
  std::string out;
  size_t shown = 0;
  for (const auto& name : names) {
    if (shown == most) return message(out, ", ... (", names.size(), " in all)");
    if (shown++) out += ", ";
    out += quoted(name);
  }
  return out.empty() ? "none" : out;
}

VCELL_END_NAMESPACE
