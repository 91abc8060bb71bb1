#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
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

class Value;

/// Named values, in the order of their names.
using Dict = std::map<std::string, Value, std::less<>>;

/// What one name of an AnnData stands for, where that may be anything: an entry of uns, or of
/// obsm, varm, obsp and varp (there a matrix, an array of more dimensions, a table, or something
/// kept unread).
class Value {
 public:
  enum class Kind {
    nothing,  ///< None
    array,    ///< numbers of any dtype and shape; a single one has no dimensions
    text,
    texts,
    matrix,  ///< sparse or dense
    table,
    column,  ///< categorical, or with missing values
    dict,    ///< more named values
    opaque,  ///< kept unread
  };

  Value() = default;
  Value(Array x) : kind_(Kind::array), array_(std::move(x)) {}
  /// A single number or truth value.
  template <class T>
  requires std::is_arithmetic_v<T> Value(T x) : Value(Array::of<T>({}, {&x, 1})) {}
  Value(std::string x) : kind_(Kind::text), texts_{std::move(x)} {}
  Value(const char* x) : Value(std::string(x)) {}
  Value(std::vector<std::string> x) : kind_(Kind::texts), texts_(std::move(x)) {}
  Value(Matrix x) : kind_(Kind::matrix), matrix_(std::move(x)) {}
  Value(DataFrame x) : kind_(Kind::table), table_(std::move(x)) {}
  Value(Column x) : kind_(Kind::column), column_(std::move(x)) {}
  Value(Dict x) : kind_(Kind::dict), dict_(std::move(x)) {}
  Value(Opaque x) : kind_(Kind::opaque), opaque_(std::move(x)) {}

  Kind kind() const { return kind_; }
  bool is_nothing() const { return kind_ == Kind::nothing; }
  /// What is held if it is of that kind, else nullptr.
  const Array* array() const { return kind_ == Kind::array ? &array_ : nullptr; }
  const std::string* text() const { return kind_ == Kind::text ? &texts_.front() : nullptr; }
  const std::vector<std::string>* texts() const { return kind_ == Kind::texts ? &texts_ : nullptr; }
  const Matrix* matrix() const { return kind_ == Kind::matrix ? &matrix_ : nullptr; }
  const DataFrame* table() const { return kind_ == Kind::table ? &table_ : nullptr; }
  const Column* column() const { return kind_ == Kind::column ? &column_ : nullptr; }
  const Dict* dict() const { return kind_ == Kind::dict ? &dict_ : nullptr; }
  const Opaque* opaque() const { return kind_ == Kind::opaque ? &opaque_ : nullptr; }

  /// Whether it is a single number (truth values are none), which is then written to `number`.
  template <class = void>
  bool is_number(double& number) const {
    if (kind_ != Kind::array || !array_.shape.empty() || array_.dtype() == DType::boolean)
      return false;
    return array_.values.copy(0, 1, &number);
  }

  friend bool operator==(const Value& a, const Value& b) { return a.is_equal(b); }

 private:
  bool is_equal(const Value& other) const;

  Kind kind_ = Kind::nothing;
  Array array_;
  std::vector<std::string> texts_;
  Matrix matrix_;
  DataFrame table_;
  Column column_;
  Dict dict_;
  Opaque opaque_;
};

// Not defaulted within the class: nvcc would look into the dictionary before Value is complete.
inline bool Value::is_equal(const Value& other) const {
  return kind_ == other.kind_ && array_ == other.array_ && texts_ == other.texts_ &&
         matrix_ == other.matrix_ && table_ == other.table_ && column_ == other.column_ &&
         dict_ == other.dict_ && opaque_ == other.opaque_;
}

/// The value at a path such as "neighbors/params", or nullptr.
template <class = void>
const Value* find(const Dict& dict, std::string_view path) {
  const size_t slash = path.find('/');
  const auto found = dict.find(path.substr(0, slash));
  if (found == dict.end() || slash == path.npos)
    return found == dict.end() ? nullptr : &found->second;
  const Dict* inner = found->second.dict();
  return inner ? find(*inner, path.substr(slash + 1)) : nullptr;
}

VCELL_END_NAMESPACE
