#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE

/// The patterns that a pattern with braces stands for: "a/{b,c}.h5" is "a/b.h5" and "a/c.h5".
/// Braces may be nested; one without its partner stands for itself.
template <class = void>
std::vector<std::string> expand_braces(std::string_view pattern) {
  for (size_t open = pattern.find('{'); open != pattern.npos; open = pattern.find('{', open + 1)) {
    std::vector<std::string_view> choices;
    size_t depth = 0, start = open + 1, end = pattern.npos;
    for (size_t i = open; i < pattern.size() && end == pattern.npos; ++i) {
      if (pattern[i] == '{') ++depth;
      if (pattern[i] == '}' && --depth == 0) end = i;
      if (depth <= 1 && (end == i || pattern[i] == ',')) {
        choices.push_back(pattern.substr(start, i - start));
        start = i + 1;
      }
    }
    if (end == pattern.npos) continue;  // no partner
    std::vector<std::string> out;
    for (const std::string_view choice : choices) {
      std::string one(pattern.substr(0, open));
      one += choice;
      one += pattern.substr(end + 1);
      for (std::string& expanded : expand_braces(one)) out.push_back(std::move(expanded));
    }
    return out;
  }
  return {std::string(pattern)};
}

namespace detail {

/// Where a pattern goes on after the one character c, which its place q asks for by itself, by `?`
/// or by `[...]`; npos if it asks for another.
template <class = void>
size_t after_one(std::string_view pattern, size_t q, char c) {
  const bool negated = pattern.substr(q, 2) == "[!";
  const size_t first = q + 1 + negated;
  // A bracket that begins the list is one of the characters.
  const size_t close = pattern[q] == '[' ? pattern.find(']', first + 1) : pattern.npos;
  if (close == pattern.npos)
    return pattern[q] == c || (pattern[q] == '?' && c != '/') ? q + 1 : pattern.npos;
  bool listed = false;
  for (size_t i = first; i < close; ++i)
    if (i + 2 < close && pattern[i + 1] == '-') {
      listed = listed || (pattern[i] <= c && c <= pattern[i + 2]);
      i += 2;
    } else {
      listed = listed || pattern[i] == c;
    }
  return listed != negated && c != '/' ? close + 1 : pattern.npos;
}

}  // namespace detail

/// Whether a path fits a pattern in which `*` stands for any characters but '/', `?` for one of
/// them, `[a-z]` for one of these and `[!a-z]` for one of the others, and braces for a choice.
template <class = void>
bool matches_pattern(std::string_view path, std::string_view pattern) {
  for (const std::string& one : expand_braces(pattern)) {
    // After a mismatch the last star takes one character more.
    size_t p = 0, q = 0, star = one.npos, taken = 0;
    bool fits = true;
    while (fits && p < path.size()) {
      const size_t next = q < one.size() ? detail::after_one(one, q, path[p]) : one.npos;
      if (q < one.size() && one[q] == '*') {
        star = q++;
        taken = p;
      } else if (next != one.npos) {
        ++p;
        q = next;
      } else if (star != one.npos && path[taken] != '/') {
        p = ++taken;
        q = star + 1;
      } else {
        fits = false;
      }
    }
    while (q < one.size() && one[q] == '*') ++q;
    if (fits && q == one.size()) return true;
  }
  return false;
}

VCELL_END_NAMESPACE
