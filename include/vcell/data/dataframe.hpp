#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vcell/data/column.hpp"

VCELL_BEGIN_NAMESPACE

/// A table with a name for every row (cells or genes) and columns in a fixed order.
class DataFrame {
 public:
  DataFrame() = default;
  explicit DataFrame(std::vector<std::string> names) : index(std::move(names)) {}

  /// The name of the index itself; "_index" when it has none.
  std::string index_name = "_index";
  /// The rows' names. Its size is the number of rows, so it is set before the columns.
  std::vector<std::string> index;

  size_t rows() const { return index.size(); }
  /// The columns' names, in order.
  const std::vector<std::string>& names() const { return names_; }
  bool has(std::string_view name) const { return place(name) < names_.size(); }

  /// @throws ConfigError naming the columns there are, if this one is not among them
  template <class = void>
  const Column& column(std::string_view name) const {
    const size_t i = place(name);
    if (i == names_.size())
      throw ConfigError(message("DataFrame::column: there is no column ", quoted(name),
                                "; the columns are ", list_of(names_, 40)));
    return columns_[i];
  }

  /// Replaces the column of this name, or adds it behind the others.
  /// @throws ShapeError if it has not one value per row
  template <class = void>
  void set(std::string_view name, Column column) {
    check_size_match("DataFrame::set", message("rows of column ", quoted(name)).c_str(),
                     column.size(), "rows of the table", rows());
    const size_t i = place(name);
    if (i < names_.size()) {
      columns_[i] = std::move(column);
    } else {
      names_.emplace_back(name);
      columns_.push_back(std::move(column));
    }
  }
  template <class = void>
  void set(std::string_view name, Numbers numbers) {
    set(name, Column(Labels(std::move(numbers))));
  }
  /// The same for texts, or numbers of a dtype.
  template <class T>
  void set(std::string_view name, std::vector<T> values) {
    set(name, Column(Labels(std::move(values))));
  }

  /// Removes a column; nothing happens if there is none of this name.
  template <class = void>
  void erase(std::string_view name) {
    const size_t i = place(name);
    if (i == names_.size()) return;
    names_.erase(names_.begin() + std::ptrdiff_t(i));
    columns_.erase(columns_.begin() + std::ptrdiff_t(i));
  }

  /// The rows in the given order; a row may be named more than once.
  /// @throws ShapeError if there is no such row
  template <class = void>
  DataFrame select_rows(std::span<const size_t> rows) const {
    DataFrame out;
    out.index_name = index_name;
    out.names_ = names_;
    out.index.reserve(rows.size());
    for (size_t row : rows) {
      check_index("DataFrame::select_rows", "row", row, index.size());
      out.index.push_back(index[row]);
    }
    for (const Column& column : columns_) out.columns_.push_back(column.select_rows(rows));
    return out;
  }

  friend bool operator==(const DataFrame&, const DataFrame&) = default;

 private:
  template <class = void>
  size_t place(std::string_view name) const {
    return size_t(std::find(names_.begin(), names_.end(), name) - names_.begin());
  }

  std::vector<std::string> names_;
  std::vector<Column> columns_;
};

VCELL_END_NAMESPACE
