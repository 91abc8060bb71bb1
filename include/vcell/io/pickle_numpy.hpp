#pragma once

#include <string>
#include <utility>
#include <vector>

#include "vcell/io/pickle_builder.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// dtype('f4', align, copy), whose byte order comes with its state.
template <class T>
uint32_t PickleBuilder<T>::numpy_dtype_value(const PickleNode& a) {
  const uint32_t made = make(PickleKind::dtype);
  node(made).text = argument(a, 0, PickleKind::text).text;
  charge(node(made).text.size());
  return made;
}

/// (version, byte order, subtype, names, fields, size, alignment, flags)
template <class T>
void PickleBuilder<T>::set_dtype(PickleNode& dtype, const PickleNode& state) {
  dtype.integer = argument(state, 1, PickleKind::text).text == ">";
}

template <class T>
NumpyType PickleBuilder<T>::numpy_type_of(const PickleNode& dtype) {
  auto type = numpy_type(dtype.text);
  if (!type) fail("has an array of dtype ", quoted(dtype.text), ", which vcell does not read");
  type->big = type->big || dtype.integer;
  return *type;
}

/// Makes of an array that was begun numbers, a text, or a list of values.
template <class T>
void PickleBuilder<T>::fill(uint32_t array, const NumpyType& type,
                            const std::vector<uint64_t>& shape, bool by_columns, uint32_t data) {
  PickleNode& n = node(array);
  const PickleNode& from = node(data);
  const std::vector<size_t> sizes(shape.begin(), shape.end());
  n.ready = true;
  if (type.kind == 'O') {  // objects, which are given as a list
    if (from.kind != PickleKind::list || !elements_of(sizes, 1, from.items.size()))
      fail("has an array of objects whose list is not of its shape ", shape);
    charge(4 * from.items.size());
    n.kind = PickleKind::list;
    n.items = from.items;
    return;
  }
  if (from.kind != PickleKind::bytes)
    fail("has an array whose numbers are ", name_of(from.kind), ", expected bytes");
  charge(from.text.size());
  const auto wrong = [&] {
    fail("has an array of shape ", shape, " and ", from.text.size(), " bytes, which do not fit ",
         "each other");
  };
  if (type.kind == 'U' || type.kind == 'S') {
    const auto count = elements_of(sizes, type.size, from.text.size());
    if (!count) wrong();
    std::vector<uint32_t> texts;
    for (size_t i = 0; i < *count; ++i) {
      const auto value =
          numpy_text(type, std::string_view(from.text).substr(i * type.size, type.size));
      if (!value) fail("has an array of texts that are no Unicode");
      if (shape.empty()) {
        n.kind = PickleKind::text;
        n.text = *value;
        return;
      }
      texts.push_back(text(PickleKind::text, *value));
    }
    n.kind = PickleKind::list;
    n.items = std::move(texts);
    return;
  }
  if (!numpy_dtype(type))
    fail("has an array of dtype ", quoted(message(type.kind, type.size)),
         ", which vcell does not read");
  auto made = numpy_array(type, sizes, by_columns, from.text);
  if (!made) wrong();
  if (shape.empty()) {  // a number
    const DType dtype = made->dtype();
    if (dtype >= DType::f16) {
      n.kind = PickleKind::real;
      n.real = made->template as<double>()[0];
    } else if (dtype == DType::u64 && made->values.template values<uint64_t>()[0] > INT64_MAX) {
      n.kind = PickleKind::large_integer;
      n.text = from.text;
    } else {
      n.kind = dtype == DType::boolean ? PickleKind::boolean : PickleKind::integer;
      n.integer = made->template as<int64_t>()[0];
    }
    return;
  }
  n.integer = int64_t(out.arrays.size());
  out.arrays.push_back(std::move(*made));
}

}  // namespace detail
VCELL_END_NAMESPACE
