#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vcell/data/dataframe.hpp"
#include "vcell/data/joined_dtype.hpp"
#include "vcell/data/joined_names.hpp"
#include "vcell/data/narrowed.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// A column with its labels in every row, as text or numbers, and flags of those that are missing.
struct PlainColumn {
  Labels values;
  std::vector<uint8_t> missing;
};

template <class = void>
PlainColumn plain_column(const Column& column) {
  PlainColumn out{{}, column.is_missing()};
  if (!column.is_categorical()) {
    out.values = column.values();
    return out;
  }
  const Categorical& c = column.categorical();
  if (c.categories.is_text()) {
    out.values = column.text();
    return out;
  }
  // Numbers: a row without one takes the first category's, under its flag.
  std::vector<size_t> places;
  for (const int32_t code : c.codes) places.push_back(code < 0 ? 0 : size_t(code));
  if (c.categories.size() == 0)
    out.values = Numbers(c.categories.numbers().dtype(), places.size());
  else
    out.values = c.categories.select(places);
  return out;
}

/// The numbers of a list, followed by more, as a dtype that holds all.
template <class = void>
Numbers numbers_behind(const std::vector<const Numbers*>& parts, const std::vector<size_t>& sizes) {
  bool is_first = true;
  DType dtype = DType::f32;
  for (const Numbers* part : parts)
    if (part)
      dtype = std::exchange(is_first, false) ? part->dtype() : joined_dtype(dtype, part->dtype());
  return visit_wide<Numbers>(dtype, [&]<class T>() {
    std::vector<T> all;
    for (size_t i = 0; i < parts.size(); ++i) {
      const size_t begin = all.size();
      all.resize(begin + sizes[i]);
      if (parts[i]) parts[i]->copy(0, sizes[i], all.data() + begin);
    }
    return narrowed(std::move(all), dtype);
  });
}

/// Categories of several columns as one list: the first's order where all have the same, else
/// sorted.
template <class = void>
Column joined_categorical(const std::vector<const Column*>& parts,
                          const std::vector<size_t>& sizes) {
  const Categorical* first = nullptr;
  bool same = true, ordered = true, all_text = true, all_numbers = true;
  for (const Column* part : parts) {
    if (!part) continue;
    const Categorical& c = part->categorical();
    if (!first) first = &c;
    same = same && c.categories == first->categories;
    ordered = ordered && c.ordered;
    (c.categories.is_text() ? all_numbers : all_text) = false;
  }
  Categorical out{{}, first->categories, ordered && same};
  std::vector<std::vector<int32_t>> codes(parts.size());  // of each part's categories here
  if (same) {
    for (size_t i = 0; i < parts.size(); ++i)
      if (parts[i])
        for (size_t c = 0; c < first->categories.size(); ++c) codes[i].push_back(int32_t(c));
  } else {
    const auto join = [&](const auto& values_of) {
      using T = typename std::decay_t<decltype(values_of(*first))>::value_type;
      std::vector<T> all;
      for (const Column* part : parts)
        if (part)
          for (auto& value : values_of(part->categorical())) all.push_back(std::move(value));
      std::sort(all.begin(), all.end());
      all.erase(std::unique(all.begin(), all.end()), all.end());
      for (size_t i = 0; i < parts.size(); ++i)
        if (parts[i])
          for (const auto& value : values_of(parts[i]->categorical()))
            codes[i].push_back(
                int32_t(std::lower_bound(all.begin(), all.end(), value) - all.begin()));
      return all;
    };
    if (all_numbers) {
      std::vector<const Numbers*> numbers;
      for (const Column* part : parts)
        if (part) numbers.push_back(&part->categorical().categories.numbers());
      const DType dtype = numbers_behind(numbers, std::vector<size_t>(numbers.size(), 0)).dtype();
      out.categories = visit_wide<Numbers>(dtype, [&]<class T>() {
        return narrowed(
            join([](const Categorical& c) { return c.categories.numbers().template as<T>(); }),
            dtype);
      });
    } else {
      out.categories = join([](const Categorical& c) { return c.categories.text(); });
    }
  }
  for (size_t i = 0; i < parts.size(); ++i) {
    if (!parts[i]) {
      out.codes.insert(out.codes.end(), sizes[i], -1);
      continue;
    }
    for (const int32_t code : parts[i]->categorical().codes)
      out.codes.push_back(code < 0 ? -1 : codes[i][size_t(code)]);
  }
  return out;
}

}  // namespace detail

/// One column below the other, as one: categoricals stay so, with the categories of all (in the
/// order of the first where all have the same, else sorted, and then unordered); numbers get the
/// dtype that holds all (joined_dtype); a mixture becomes text. Rows of a table without the column
/// are missing.
/// @param parts  one for each table, at least one of them not nullptr
/// @param sizes  rows of each table
template <class = void>
Column joined_column(const std::vector<const Column*>& parts, const std::vector<size_t>& sizes) {
  bool categorical = true, gaps = false, numbers = true;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (!parts[i]) {
      gaps = gaps || sizes[i] > 0;
    } else {
      categorical = categorical && parts[i]->is_categorical();
      gaps = gaps || !parts[i]->missing().empty();
    }
  }
  if (categorical) return detail::joined_categorical(parts, sizes);
  std::vector<detail::PlainColumn> plain(parts.size());
  std::vector<uint8_t> missing;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i]) {
      plain[i] = detail::plain_column(*parts[i]);
      if (parts[i]->is_categorical())
        for (const uint8_t flag : plain[i].missing) gaps = gaps || flag;
      missing.insert(missing.end(), plain[i].missing.begin(), plain[i].missing.end());
      numbers = numbers && !plain[i].values.is_text();
    } else {
      missing.insert(missing.end(), sizes[i], 1);
    }
  }
  if (!gaps) missing.clear();
  if (!numbers) {
    std::vector<std::string> all;
    for (size_t i = 0; i < parts.size(); ++i) {
      auto text = parts[i] ? plain[i].values.text() : std::vector<std::string>(sizes[i]);
      all.insert(all.end(), std::make_move_iterator(text.begin()),
                 std::make_move_iterator(text.end()));
    }
    return {std::move(all), std::move(missing)};
  }
  std::vector<const Numbers*> values;
  for (size_t i = 0; i < parts.size(); ++i)
    values.push_back(parts[i] ? &plain[i].values.numbers() : nullptr);
  return {detail::numbers_behind(values, sizes), std::move(missing)};
}

/// Rows of several tables, one table after the other, with the columns that all have or any has.
/// Index names that differ give none.
/// @param what  what the tables are called in messages
template <class = void>
DataFrame joined_table(const std::vector<const DataFrame*>& tables, Join join,
                       std::span<const std::string> what) {
  DataFrame out;
  std::vector<std::vector<std::string>> names;
  std::vector<size_t> sizes;
  for (const DataFrame* table : tables) {
    out.index.insert(out.index.end(), table->index.begin(), table->index.end());
    if (table == tables[0]) out.index_name = table->index_name;
    if (table->index_name != out.index_name) out.index_name = DataFrame().index_name;
    names.push_back(table->names());
    sizes.push_back(table->rows());
  }
  for (const std::string& name : join_names(names, join, what).names) {
    std::vector<const Column*> parts;
    for (const DataFrame* table : tables)
      parts.push_back(table->has(name) ? &table->column(name) : nullptr);
    out.set(name, joined_column(parts, sizes));
  }
  return out;
}

VCELL_END_NAMESPACE
