#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "vcell/core/check.hpp"

VCELL_BEGIN_NAMESPACE

/// Values of one kind: text, whole numbers, floating numbers, or truth values (0 or 1).
using Labels = std::variant<std::vector<std::string>, std::vector<int64_t>, std::vector<double>,
                            std::vector<uint8_t>>;

template <class = void>
size_t size(const Labels& labels) {
  return std::visit<size_t>([](const auto& v) { return v.size(); }, labels);
}

/// Each value as text: numbers in the shortest form that reads back, truth values as pandas shows
/// them ("True", "False").
template <class = void>
std::vector<std::string> text_of(const Labels& labels) {
  return std::visit<std::vector<std::string>>(
      []<class T>(const std::vector<T>& values) {
        if constexpr (std::is_same_v<T, std::string>) {
          return values;
        } else {
          std::vector<std::string> out(values.size());
          for (size_t i = 0; i < values.size(); ++i) {
            if constexpr (std::is_same_v<T, uint8_t>)
              out[i] = values[i] ? "True" : "False";
            else
              out[i] = message(values[i]);
          }
          return out;
        }
      },
      labels);
}

/// Few different labels, each stored once.
struct Categorical {
  std::vector<int32_t> codes;  ///< which category each row has; -1 = missing
  Labels categories;           ///< different from each other; may hold some that no row has
  bool ordered = false;        ///< whether the categories' order means something

  friend bool operator==(const Categorical&, const Categorical&) = default;
};

/// One column of a table.
struct Column {
  std::variant<std::vector<std::string>, std::vector<int64_t>, std::vector<double>,
               std::vector<uint8_t>, Categorical>
      values;
  /// Empty, or 1 where the value is missing. A Categorical says so by its code, and not here.
  std::vector<uint8_t> missing;

  template <class = void>
  size_t size() const {
    return std::visit<size_t>(
        []<class V>(const V& v) {
          if constexpr (std::is_same_v<V, Categorical>)
            return v.codes.size();
          else
            return v.size();
        },
        values);
  }

  /// Whether a row has no value; NaN is one that is missing.
  template <class = void>
  bool is_missing(size_t row) const {
    if (const auto* c = std::get_if<Categorical>(&values)) return c->codes[row] < 0;
    if (!missing.empty() && missing[row]) return true;
    const auto* numbers = std::get_if<std::vector<double>>(&values);
    return numbers && std::isnan((*numbers)[row]);
  }

  /// Each row as text (see text_of); "" where it is missing.
  template <class = void>
  std::vector<std::string> text() const {
    std::vector<std::string> out(size());
    std::visit<void>(
        [&]<class V>(const V& v) {
          if constexpr (std::is_same_v<V, Categorical>) {
            const auto names = text_of(v.categories);
            for (size_t i = 0; i < out.size(); ++i)
              if (v.codes[i] >= 0) out[i] = names[size_t(v.codes[i])];
          } else {
            out = text_of(Labels(v));
            for (size_t i = 0; i < out.size(); ++i)
              if (is_missing(i)) out[i].clear();
          }
        },
        values);
    return out;
  }

  /// Each row as a number (truth values as 0 and 1); NaN where it is missing.
  /// @throws ConfigError if the column holds text
  template <class = void>
  std::vector<double> numbers() const {
    std::vector<double> out(size(), std::numeric_limits<double>::quiet_NaN());
    const auto fill = [&]<class T>(const std::vector<T>& from, auto place) {
      if constexpr (std::is_same_v<T, std::string>)
        throw ConfigError("Column::numbers: the column holds text, expected numbers");
      else
        for (size_t i = 0; i < out.size(); ++i)
          if (!is_missing(i)) out[i] = double(from[place(i)]);
    };
    if (const auto* c = std::get_if<Categorical>(&values))
      std::visit<void>(
          [&](const auto& v) { fill(v, [&](size_t i) { return size_t(c->codes[i]); }); },
          c->categories);
    else
      std::visit<void>(
          [&]<class V>(const V& v) {
            if constexpr (!std::is_same_v<V, Categorical>) fill(v, [](size_t i) { return i; });
          },
          values);
    return out;
  }

  friend bool operator==(const Column&, const Column&) = default;
};

/// The rows in the given order; a row may be named more than once. Categories stay as they are.
/// @throws ShapeError if there is no such row
template <class = void>
Column select_rows(const Column& column, std::span<const size_t> rows) {
  for (size_t row : rows) check_index("select_rows", "row", row, column.size());
  const auto pick = [&]<class T>(const std::vector<T>& from) {
    std::vector<T> out;
    out.reserve(rows.size());
    for (size_t row : rows) out.push_back(from[row]);
    return out;
  };
  Column out;
  std::visit<void>(
      [&]<class V>(const V& v) {
        if constexpr (std::is_same_v<V, Categorical>)
          out.values = Categorical{pick(v.codes), v.categories, v.ordered};
        else
          out.values = pick(v);
      },
      column.values);
  if (!column.missing.empty()) out.missing = pick(column.missing);
  return out;
}

VCELL_END_NAMESPACE
