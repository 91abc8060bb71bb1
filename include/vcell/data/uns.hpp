#pragma once

#include <concepts>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "vcell/data/array.hpp"
#include "vcell/data/dataframe.hpp"
#include "vcell/data/matrix.hpp"

VCELL_BEGIN_NAMESPACE

/// An element of a file that vcell does not understand, kept as it was: the image of a small HDF5
/// file whose root holds it under the name "element". Writing it copies it back unchanged.
struct Opaque {
  std::vector<std::byte> image;
  std::string encoding;  ///< its `encoding-type`, or what kind of object it is

  friend bool operator==(const Opaque&, const Opaque&) = default;
};

struct Value;

/// Named values, in the order of their names.
using Dict = std::map<std::string, Value, std::less<>>;

/// One unstructured value: nothing, a truth value, a number, text, an array of numbers of any
/// dtype and shape, a list of texts, a sparse matrix, a table, a column (categorical or with
/// missing values), more named values, or something kept unread.
struct Value {
  using Held = std::variant<std::monostate, bool, int64_t, double, std::string, Array,
                            std::vector<std::string>, Matrix, DataFrame, Column, Dict, Opaque>;
  Held held;

  Value() = default;
  template <class T>
  requires(!std::same_as<std::remove_cvref_t<T>, Value> && std::constructible_from<Held, T>)
      Value(T&& x)
      : held(std::forward<T>(x)) {}

  /// What is held if it is a T, else nullptr.
  template <class T>
  const T* get_if() const {
    return std::get_if<T>(&held);
  }

  friend bool operator==(const Value&, const Value&) = default;
};

/// The value at a path such as "neighbors/params", or nullptr.
template <class = void>
const Value* find(const Dict& dict, std::string_view path) {
  const size_t slash = path.find('/');
  const auto found = dict.find(path.substr(0, slash));
  if (found == dict.end() || slash == path.npos)
    return found == dict.end() ? nullptr : &found->second;
  const Dict* inner = found->second.get_if<Dict>();
  return inner ? find(*inner, path.substr(slash + 1)) : nullptr;
}

VCELL_END_NAMESPACE
