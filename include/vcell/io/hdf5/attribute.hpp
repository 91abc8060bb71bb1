#pragma once

#include <optional>
#include <string>
#include <vector>

#include "vcell/io/hdf5/text.hpp"

VCELL_BEGIN_NAMESPACE
namespace hdf5 {
namespace detail {

/// An attribute whose size was found safe to read.
struct Attribute {
  Handle id, type, space;
  size_t count = 0;
};

template <class = void>
std::optional<Attribute> open_attribute(const Object& object, const char* name) {
  if (H5Aexists(object.id, name) <= 0) return {};
  Attribute a{Handle(H5Aopen(object.id, name, H5P_DEFAULT)), {}, {}, 0};
  object.check(hid_t(a.id), message("open its attribute ", quoted(name)).c_str());
  a.type = Handle(H5Aget_type(a.id));
  a.space = Handle(H5Aget_space(a.id));
  object.check(hid_t(a.type), "read an attribute's type");
  object.check(hid_t(a.space), "read an attribute's shape");
  if (H5Sget_simple_extent_type(a.space) != H5S_NULL)
    a.count = count_of(object, shape_of(object, a.space));
  object.charge(double(a.count) * double(H5Tget_size(a.type)), double(H5Aget_storage_size(a.id)),
                1);
  return a;
}

}  // namespace detail

/// The texts of an attribute; nothing when there is no such attribute. An empty attribute of any
/// type holds no text: anndata writes an empty list as float64.
template <class = void>
std::optional<std::vector<std::string>> texts_attribute(const Object& object, const char* name) {
  const auto a = detail::open_attribute(object, name);
  if (!a) return {};
  if (a->count == 0) return std::vector<std::string>();
  if (H5Tget_class(a->type) != H5T_STRING)
    object.fail("its attribute ", quoted(name), " holds ", type_name(a->type), ", expected text");
  return detail::read_texts(object, a->type, a->count,
                            [&](hid_t memory, void* to) { return H5Aread(a->id, memory, to); });
}

/// The text of a scalar attribute; nothing when there is no such attribute.
template <class = void>
std::optional<std::string> text_attribute(const Object& object, const char* name) {
  const auto texts = texts_attribute(object, name);
  if (!texts) return {};
  if (texts->size() != 1)
    object.fail("its attribute ", quoted(name), " has ", texts->size(), " values, expected one");
  return texts->front();
}

/// The whole numbers of an attribute (truth values as 0 and 1); nothing when there is none.
template <class = void>
std::optional<std::vector<int64_t>> integers_attribute(const Object& object, const char* name) {
  const auto a = detail::open_attribute(object, name);
  if (!a) return {};
  const auto dtype = dtype_of_type(a->type);
  if (!dtype || (*dtype != DType::boolean && H5Tget_class(a->type) != H5T_INTEGER))
    object.fail("its attribute ", quoted(name), " holds ", type_name(a->type),
                ", expected whole numbers");
  object.take(double(a->count) * sizeof(int64_t), double(a->count) * double(H5Tget_size(a->type)));
  std::vector<int64_t> out(a->count);
  if (*dtype == DType::boolean) {
    std::vector<int8_t> bytes(a->count);
    object.check(H5Aread(a->id, a->type, bytes.data()), "read an attribute");
    std::copy(bytes.begin(), bytes.end(), out.begin());
  } else if (!out.empty()) {
    object.check(H5Aread(a->id, H5T_NATIVE_INT64, out.data()), "read an attribute");
  }
  return out;
}

/// The names of an object's attributes, sorted.
template <class = void>
std::vector<std::string> attribute_names(const Object& object) {
  std::vector<std::string> out;
  hsize_t position = 0;
  const auto add = [](hid_t, const char* name, const H5A_info_t*, void* data) -> herr_t {
    auto& list = *static_cast<std::vector<std::string>*>(data);
    list.emplace_back(name);
    return list.size() > Reading::most_objects ? -1 : 0;
  };
  object.check(H5Aiterate2(object.id, H5_INDEX_NAME, H5_ITER_NATIVE, &position, add, &out),
               "list its attributes");
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace hdf5
VCELL_END_NAMESPACE
