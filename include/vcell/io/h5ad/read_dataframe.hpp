#pragma once

#include "vcell/io/h5ad/legacy_table.hpp"
#include "vcell/io/h5ad/read_column.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// A table of anndata 0.8 and later, or of 0.7, whose columns alone are another.
inline bool is_dataframe(const Encoding& encoding) {
  return encoding.is("dataframe", "0.2.0") || encoding.is("dataframe", "0.1.0");
}

/// A table. Columns of a kind that is not understood are left out, with a warning.
template <class = void>
DataFrame read_dataframe(const hdf5::Object& group) {
  if (hdf5::holds_records(group)) return read_legacy_table(group);
  const Encoding encoding = encoding_of(group);
  if (!group.is_group() || !is_dataframe(encoding))
    group.fail("has ", encoding.text(), ", expected a table: 'dataframe' 0.2.0 or 0.1.0, or ",
               "records (a compound type)");
  const auto index_name = hdf5::text_attribute(group, "_index");
  const auto order = hdf5::texts_attribute(group, "column-order");
  if (!index_name || !order)
    group.fail("lacks the attribute ", index_name ? "'column-order'" : "'_index'");

  warn_of_attributes(group, {"_index", "column-order"});
  DataFrame out(read_complete(group.open(*index_name)).text());
  out.index_name = *index_name;
  for (const std::string& name : *order) {
    const hdf5::Object element = group.open(name);
    if (out.has(name)) group.fail("names the column ", quoted(name), " twice in 'column-order'");
    auto column = read_column(element);
    if (!column) {
      element.warn("is a column with ", encoding_of(element).text(), ", which is left out");
      continue;
    }
    if (column->size() != out.rows())
      element.fail("has ", column->size(), " values, expected ", out.rows(), " as the index has");
    out.set(name, std::move(*column));
  }
  return out;
}

}  // namespace detail
VCELL_END_NAMESPACE
