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
  if (*dtype == DType::boolean) return hdf5::read_numbers<uint8_t>(d);
  if (*dtype == DType::f16 || *dtype == DType::f32 || *dtype == DType::f64)
    return hdf5::read_numbers<double>(d);
  if (*dtype != DType::u64) return hdf5::read_numbers<int64_t>(d);
  const auto numbers = hdf5::read_numbers<uint64_t>(d);
  const auto too_large = [](uint64_t x) { return !std::in_range<int64_t>(x); };
  if (std::any_of(numbers.begin(), numbers.end(), too_large)) {
    element.warn("holds whole numbers of 2^63 and more, read as floating numbers");
    return std::vector<double>(numbers.begin(), numbers.end());
  }
  return std::vector<int64_t>(numbers.begin(), numbers.end());
}

/// Text, numbers or truth values beside a mask of those that are missing.
template <class = void>
Column read_nullable(const hdf5::Object& group) {
  auto values = read_labels(group.open("values"));
  if (!values) group.fail("its 'values' are neither numbers nor text");
  const hdf5::Object mask = group.open("mask");
  Column out;
  std::visit<void>([&](auto&& v) { out.values = std::move(v); }, std::move(*values));
  out.missing = hdf5::read_numbers<uint8_t>(hdf5::open_dataset(mask));
  if (out.missing.size() != out.size())
    mask.fail("has ", out.missing.size(), " entries, expected ", out.size(), " as 'values' has");
  for (size_t i = 0; i < out.missing.size(); ++i)
    if (out.missing[i] > 1)
      mask.fail("holds ", int(out.missing[i]), " at entry ", i, ", expected 0 or 1 (missing)");
  if (std::find(out.missing.begin(), out.missing.end(), 1) == out.missing.end())
    out.missing.clear();
  return out;
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
  Column column = read_nullable(element);
  if (!column.missing.empty()) element.fail("has missing values, expected none");
  Labels out;
  std::visit<void>(
      [&]<class V>(V&& v) {
        if constexpr (!std::is_same_v<V, Categorical>) out = std::move(v);
      },
      std::move(column.values));
  return out;
}

template <class = void>
Column read_categorical(const hdf5::Object& group) {
  Categorical out;
  out.categories = read_complete(group.open("categories"));
  const hdf5::Object codes = group.open("codes");
  const hdf5::Dataset d = hdf5::open_dataset(codes);
  if (d.shape.size() != 1) codes.fail("has shape ", d.shape, ", expected one dimension");
  out.codes = hdf5::read_numbers<int32_t>(d);
  const auto n = int64_t(size(out.categories));
  for (size_t i = 0; i < out.codes.size(); ++i)
    if (out.codes[i] < -1 || out.codes[i] >= n)
      codes.fail("holds ", out.codes[i], " at entry ", i, ", expected -1 (missing) .. ", n, " - 1");
  const auto ordered = hdf5::integers_attribute(group, "ordered");
  out.ordered = ordered && ordered->size() == 1 && ordered->front() != 0;
  return {std::move(out), {}};
}

/// One column, or nothing when its encoding is not understood.
template <class = void>
std::optional<Column> read_column(const hdf5::Object& element) {
  const Encoding encoding = encoding_of(element);
  if (encoding.is("categorical", "0.2.0")) return read_categorical(element);
  for (const char* type : {"nullable-integer", "nullable-boolean", "nullable-string-array"})
    if (encoding.is(type, "0.1.0")) return read_nullable(element);
  const bool plain = encoding.type.empty() || encoding.is("array", "0.2.0") ||
                     encoding.is("string-array", "0.2.0");
  if (!element.is_dataset() || !plain) return {};
  auto labels = read_labels(element);
  if (!labels) return {};
  Column out;
  std::visit<void>([&](auto&& v) { out.values = std::move(v); }, std::move(*labels));
  return out;
}

}  // namespace detail
VCELL_END_NAMESPACE
