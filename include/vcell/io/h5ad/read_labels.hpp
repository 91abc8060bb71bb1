#pragma once

#include <limits>
#include <optional>

#include "vcell/data/column.hpp"
#include "vcell/io/h5ad/encoding.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// The values of a one-dimensional dataset; nothing when it holds neither numbers nor text.
template <class = void>
std::optional<Labels> read_labels(const hdf5::Object& element) {
  const hdf5::Dataset d = hdf5::open_dataset(element);
  if (d.null || d.shape.size() != 1)
    element.fail("has shape ", d.shape, ", expected one dimension");
  if (H5Tget_class(d.type) == H5T_STRING) return hdf5::read_text(d);
  const auto dtype = hdf5::dtype_of_type(d.type);
  if (!dtype) return {};
  return hdf5::read_array(d).values;
}

/// Text, numbers or truth values beside a mask of those that are missing.
template <class = void>
Column read_nullable(const hdf5::Object& group) {
  auto values = read_labels(group.open("values"));
  if (!values) group.fail("its 'values' are neither numbers nor text");
  const hdf5::Object mask = group.open("mask");
  auto missing = hdf5::read_numbers<uint8_t>(hdf5::open_dataset(mask));
  if (missing.size() != values->size())
    mask.fail("has ", missing.size(), " entries, expected ", values->size(), " as 'values' has");
  for (size_t i = 0; i < missing.size(); ++i)
    if (missing[i] > 1)
      mask.fail("holds ", int(missing[i]), " at entry ", i, ", expected 0 or 1 (missing)");
  // Text is written with a mask only where it needs one: AnnData before 0.11 does not read it.
  if (values->is_text() && std::find(missing.begin(), missing.end(), 1) == missing.end())
    missing.clear();
  return {std::move(*values), std::move(missing)};
}

/// Values none of which may be missing: categories, or an index.
template <class = void>
Labels read_complete(const hdf5::Object& element) {
  if (element.is_dataset()) {
    auto labels = read_labels(element);
    if (!labels) element.fail("holds neither numbers nor text");
    return std::move(*labels);
  }
  if (!encoding_of(element).type.starts_with("nullable-"))
    element.fail("has ", encoding_of(element).text(), ", expected an array or a nullable array");
  const Column column = read_nullable(element);
  if (std::find(column.missing().begin(), column.missing().end(), 1) != column.missing().end())
    element.fail("has missing values, expected none");
  return column.values();
}

/// Checks the codes of a categorical; fails, by calling `fail` with what is wrong, where one is out
/// of range.
template <class Code, class Fail>
void check_codes(const std::vector<Code>& codes, size_t labels, Fail&& fail) {
  const auto n = double(labels);
  for (size_t i = 0; i < codes.size(); ++i)
    if (double(codes[i]) < -1 || double(codes[i]) >= n)
      fail("holds ", codes[i], " at entry ", i, ", expected -1 (missing) .. ", labels, " - 1");
}

/// Reads the codes of a categorical whose labels are known.
template <class = void>
void read_codes(const hdf5::Object& codes, Categorical& out) {
  const hdf5::Dataset d = hdf5::open_dataset(codes);
  if (d.shape.size() != 1) codes.fail("has shape ", d.shape, ", expected one dimension");
  out.codes = hdf5::read_numbers<int32_t>(d);
  check_codes(out.codes, out.categories.size(), [&](const auto&... said) { codes.fail(said...); });
}

/// Whether the labels of a categorical are in an order that means something.
template <class = void>
bool read_ordered(const hdf5::Object& element) {
  const auto ordered = hdf5::integers_attribute(element, "ordered");
  return ordered && ordered->size() == 1 && ordered->front() != 0;
}

}  // namespace detail
VCELL_END_NAMESPACE
