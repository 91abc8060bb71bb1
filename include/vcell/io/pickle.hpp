#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vcell/core/error.hpp"
#include "vcell/data/array.hpp"

VCELL_BEGIN_NAMESPACE

/// Where numbers of tensors lie: a record of the archive, or a piece of a text that was read.
struct TorchStorage {
  std::string key;  ///< of its record; empty: it lies in a text
  DType dtype = DType::f32;
  bool untyped = false;        ///< counted in bytes; its tensors say what they are
  uint64_t count = 0;          ///< elements
  std::optional<uint32_t> in;  ///< the value whose text holds it; nothing: the whole file's text
  uint64_t begin = 0;          ///< byte of that text
};

/// A view of a storage.
struct TorchTensor {
  size_t storage = 0;  ///< place in Pickle::storages
  DType dtype = DType::f32;
  uint64_t offset = 0;  ///< elements
  std::vector<uint64_t> shape, stride;

  /// Elements. The reader has seen to it that they can be counted.
  uint64_t count() const {
    uint64_t n = 1;
    for (const uint64_t extent : shape) n *= extent;
    return n;
  }
};

/// The kinds of values. An object is one of a class that vcell does not build: its name and what
/// its making was given, as data.
enum class PickleKind : uint8_t {
  none,
  boolean,
  integer,
  large_integer,
  real,
  text,
  bytes,
  list,
  tuple,
  set,
  dict,
  tensor,
  storage,
  dtype,
  array,
  global,
  object
};

/// A value as a pickle builds it. Values name each other by their places, so neither cycles nor
/// depth matter to whoever frees them.
struct PickleNode {
  PickleKind kind = PickleKind::none;
  bool ready = true;    ///< an array or dtype has its state
  uint64_t at = 0;      ///< byte of the pickle at which it was made
  int64_t integer = 0;  ///< also a boolean, and the place of a tensor, storage or array
  double real = 0;
  std::string text = {};  ///< of text and bytes; the name of a global or an object's class
  std::vector<uint32_t> items =
      {};  ///< of a dict keys and values in turn; of an object PickleObject
};

/// All values of a pickle.
struct Pickle {
  std::string where;             ///< what messages begin with: function, file and the part of it
  std::deque<PickleNode> nodes;  // which stay where they are while others are added
  std::vector<TorchStorage> storages;
  std::vector<TorchTensor> tensors;
  std::vector<Array> arrays;  ///< of numpy
  uint32_t root = 0;
  uint64_t end = 0;  ///< bytes of the text that it took
};

namespace detail {

template <class = void>
std::string_view name_of(PickleKind kind) {
  constexpr std::string_view names[] = {
      "None",      "a truth value", "a whole number", "a large whole number",
      "a number",  "a text",        "bytes",          "a list",
      "a tuple",   "a set",         "a dict",         "a tensor",
      "a storage", "a dtype",       "an array",       "a class",
      "an object"};
  return names[size_t(kind)];
}

}  // namespace detail

/// A value of a pickle, borrowed: the pickle must live as long.
class PickleValue {
 public:
  PickleValue(const Pickle& pickle, uint32_t place) : pickle_(&pickle), place_(place) {}

  PickleKind kind() const { return node().kind; }
  bool is(PickleKind kind) const { return node().kind == kind; }
  const PickleNode& node() const { return pickle_->nodes[place_]; }
  const Pickle& pickle() const { return *pickle_; }
  uint32_t place() const { return place_; }
  /// The class of an object, or the global's own name, as "package.module Name".
  const std::string& class_name() const { return node().text; }

  /// Items of a list, tuple or set; pairs of a dict.
  size_t size() const {
    return is(PickleKind::dict) ? node().items.size() / 2 : node().items.size();
  }
  /// @throws ShapeError if there is no such item
  template <class = void>
  PickleValue operator[](size_t i) const {
    return item(i, 0, 1);
  }
  template <class = void>
  PickleValue key(size_t i) const {
    return item(i, 0, 2);
  }
  template <class = void>
  PickleValue value(size_t i) const {
    return item(i, 1, 2);
  }

  /// The value of a dict under a text; nothing if there is none, or this is no dict.
  template <class = void>
  std::optional<PickleValue> find(std::string_view key) const {
    if (is(PickleKind::dict))
      for (size_t i = 0; i < size(); ++i)
        if (const PickleValue k = this->key(i); k.is(PickleKind::text) && k.node().text == key)
          return value(i);
    return std::nullopt;
  }
  /// The same, which must be there.
  /// @throws FormatError naming the file and the key
  template <class = void>
  PickleValue at(std::string_view key) const {
    check(PickleKind::dict);
    if (const auto found = find(key)) return *found;
    fail(message("has no ", quoted(key), "; it has ", list_of(keys())));
  }
  /// The keys of a dict that are texts.
  template <class = void>
  std::vector<std::string> keys() const {
    std::vector<std::string> out;
    for (size_t i = 0; is(PickleKind::dict) && i < size(); ++i)
      if (key(i).is(PickleKind::text)) out.push_back(key(i).node().text);
    return out;
  }

  /// @throws FormatError naming file and place if it is something else; so do those below
  template <class = void>
  const std::string& text() const {
    check(PickleKind::text);
    return node().text;
  }
  template <class = void>
  int64_t integer() const {
    check(PickleKind::integer);
    return node().integer;
  }
  template <class = void>
  bool truth() const {
    check(PickleKind::boolean);
    return node().integer != 0;
  }
  /// A number, whole or not.
  template <class = void>
  double number() const {
    if (is(PickleKind::integer)) return double(node().integer);
    check(PickleKind::real);
    return node().real;
  }
  /// A list, tuple or set of texts.
  template <class = void>
  std::vector<std::string> texts() const {
    if (!is(PickleKind::tuple) && !is(PickleKind::set)) check(PickleKind::list);
    std::vector<std::string> out;
    for (size_t i = 0; i < size(); ++i) out.push_back((*this)[i].text());
    return out;
  }
  template <class = void>
  const TorchTensor& tensor() const {
    check(PickleKind::tensor);
    return pickle_->tensors[size_t(node().integer)];
  }
  /// An array of numpy.
  template <class = void>
  const Array& array() const {
    check(PickleKind::array);
    return pickle_->arrays[size_t(node().integer)];
  }

  /// @throws FormatError "file: the value made at byte N ..."
  template <class = void>
  [[noreturn]] void fail(const std::string& what) const {
    throw FormatError(message(pickle_->where, ": ", detail::name_of(kind()),
                              is(PickleKind::object) ? " of " + quoted(node().text) : "",
                              " made at byte ", node().at, ' ', what));
  }

 private:
  template <class = void>
  void check(PickleKind expected) const {
    if (!is(expected)) fail(message("stands where ", detail::name_of(expected), " is expected"));
  }
  template <class = void>
  PickleValue item(size_t i, size_t which, size_t of) const {
    check_index("PickleValue", "item", i, node().items.size() / of);
    return {*pickle_, node().items[i * of + which]};
  }

  const Pickle* pickle_;
  uint32_t place_;
};

VCELL_END_NAMESPACE
