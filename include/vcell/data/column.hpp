#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "vcell/data/numbers.hpp"

VCELL_BEGIN_NAMESPACE

/// Values of one kind: text, or numbers of one dtype.
class Labels {
 public:
  /// No texts.
  Labels() = default;
  Labels(std::vector<std::string> texts) : texts_(std::move(texts)) {}
  Labels(Numbers numbers) : is_text_(false), numbers_(std::move(numbers)) {}
  template <class T>
  Labels(std::vector<T> numbers) : Labels(Numbers(std::move(numbers))) {}

  bool is_text() const { return is_text_; }
  size_t size() const { return is_text_ ? texts_.size() : numbers_.size(); }
  /// None where they are numbers.
  const std::vector<std::string>& texts() const { return texts_; }
  /// None where they are text.
  const Numbers& numbers() const { return numbers_; }

  /// Each value as text: numbers in the shortest form that reads back, truth values as pandas shows
  /// them ("True", "False").
  template <class = void>
  std::vector<std::string> text() const {
    if (is_text_) return texts_;
    std::vector<std::string> out(size());
    numbers_.visit([&](auto values) {
      for (size_t i = 0; i < out.size(); ++i)
        if (numbers_.dtype() == DType::boolean)
          out[i] = values[i] ? "True" : "False";
        else
          out[i] = message(+values[i]);
    });
    return out;
  }

  /// The values in the given order.
  /// @throws ShapeError if there is no such value
  template <class = void>
  Labels select(std::span<const size_t> places) const {
    for (size_t place : places) check_index("Labels::select", "place", place, size());
    if (!is_text_) return numbers_.select(places);
    std::vector<std::string> out;
    out.reserve(places.size());
    for (size_t place : places) out.push_back(texts_[place]);
    return out;
  }

  friend bool operator==(const Labels&, const Labels&) = default;

 private:
  bool is_text_ = true;
  std::vector<std::string> texts_;
  Numbers numbers_;
};

/// Few different labels, each stored once.
struct Categorical {
  std::vector<int32_t> codes;  ///< which category each row has; -1 = missing
  Labels categories;           ///< different from each other; may hold some that no row has
  bool ordered = false;        ///< whether the categories' order means something

  friend bool operator==(const Categorical&, const Categorical&) = default;
};

/// One column of a table: text or numbers, or a categorical of either.
class Column {
 public:
  Column() = default;
  /// @param missing  empty, or 1 where the value is missing
  /// @throws ShapeError if there are flags for another number of rows
  template <class = void>
  Column(Labels values, std::vector<uint8_t> missing = {})
      : values_(std::move(values)), missing_(std::move(missing)) {
    if (!missing_.empty())
      check_size_match("Column", "flags", missing_.size(), "rows", values_.size());
  }
  Column(Categorical values) : is_categorical_(true), categorical_(std::move(values)) {}

  bool is_categorical() const { return is_categorical_; }
  /// Codes and categories; empty where the column is no categorical.
  const Categorical& categorical() const { return categorical_; }
  /// What the rows hold; empty where the column is a categorical.
  const Labels& values() const { return values_; }
  /// Empty, or 1 where the value is missing. A categorical says so by its code, and not here.
  const std::vector<uint8_t>& missing() const { return missing_; }

  size_t size() const { return is_categorical_ ? categorical_.codes.size() : values_.size(); }

  /// Which rows have no value, 1 for each that has not; NaN is one that is missing.
  template <class = void>
  std::vector<uint8_t> is_missing() const {
    std::vector<uint8_t> out(size(), 0);
    for (size_t i = 0; i < categorical_.codes.size(); ++i) out[i] = categorical_.codes[i] < 0;
    std::copy(missing_.begin(), missing_.end(), out.begin());
    if (!is_categorical_ && values_.numbers().dtype() >= DType::f16)
      values_.numbers().visit([&](auto x) {
        for (size_t i = 0; i < x.size(); ++i) out[i] |= uint8_t(std::isnan(double(x[i])));
      });
    return out;
  }

  /// Each row as text (see Labels::text); "" where it is missing.
  template <class = void>
  std::vector<std::string> text() const {
    std::vector<std::string> labels = (is_categorical_ ? categorical_.categories : values_).text();
    if (is_categorical_) {
      std::vector<std::string> out(size());
      for (size_t i = 0; i < out.size(); ++i)
        if (categorical_.codes[i] >= 0) out[i] = labels[size_t(categorical_.codes[i])];
      return out;
    }
    const auto missing = is_missing();
    for (size_t i = 0; i < labels.size(); ++i)
      if (missing[i]) labels[i].clear();
    return labels;
  }

  /// Each row as a number (truth values as 0 and 1); NaN where it is missing.
  /// @throws ConfigError if the column holds text
  template <class = void>
  std::vector<double> numbers() const {
    const Labels& labels = is_categorical_ ? categorical_.categories : values_;
    if (labels.is_text())
      throw ConfigError("Column::numbers: the column holds text, expected numbers");
    const auto all = labels.numbers().template as<double>();
    const auto missing = is_missing();
    std::vector<double> out(size(), std::numeric_limits<double>::quiet_NaN());
    for (size_t i = 0; i < out.size(); ++i)
      if (!missing[i]) out[i] = all[is_categorical_ ? size_t(categorical_.codes[i]) : i];
    return out;
  }

  /// The rows in the given order; a row may be named more than once. Categories stay as they are.
  /// @throws ShapeError if there is no such row
  template <class = void>
  Column select_rows(std::span<const size_t> rows) const {
    for (size_t row : rows) check_index("Column::select_rows", "row", row, size());
    const auto pick = [&]<class T>(const std::vector<T>& from) {
      std::vector<T> out;
      out.reserve(rows.size());
      for (size_t row : rows) out.push_back(from[row]);
      return out;
    };
    if (is_categorical_)
      return Categorical{pick(categorical_.codes), categorical_.categories, categorical_.ordered};
    return {values_.select(rows), missing_.empty() ? missing_ : pick(missing_)};
  }

  /// The same, with these rows missing too.
  /// @throws ShapeError if there are flags for another number of rows
  template <class = void>
  Column with_missing(std::span<const uint8_t> flags) const {
    check_size_match("Column::with_missing", "flags", flags.size(), "rows", size());
    Column out = *this;
    if (!is_categorical_) out.missing_.resize(flags.size(), 0);
    for (size_t i = 0; i < flags.size(); ++i)
      if (flags[i] && is_categorical_)
        out.categorical_.codes[i] = -1;
      else if (flags[i])
        out.missing_[i] = 1;
    return out;
  }

  friend bool operator==(const Column&, const Column&) = default;

 private:
  bool is_categorical_ = false;
  Labels values_;
  Categorical categorical_;
  std::vector<uint8_t> missing_;
};

VCELL_END_NAMESPACE
