#pragma once

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vcell/core/message.hpp"
#include "vcell/io/numpy_values.hpp"
#include "vcell/io/pickle.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

inline constexpr uint64_t most_pickle_nodes = 1 << 22;  // values
inline constexpr size_t most_axes = 64;
inline constexpr uint64_t most_repeated = 1 << 24;  // elements of a tensor beyond its storage's

/// A tensor's storage as torch pickles it by itself: a file of the legacy form within a text.
template <class = void>
Pickle read_torch_legacy(std::string_view text, const std::string& where, bool nested);

/// Makes the values of a pickle, from a closed list of what is made; whatever else a pickle calls
/// becomes an object that holds its arguments. What is made stays within a few times the bytes of
/// the text.
template <class = void>
class PickleBuilder {
 public:
  PickleBuilder(std::string_view text, std::string where, bool nested)
      : budget_(4 * text.size() + (1 << 20)), nested_(nested) {
    out.where = std::move(where);
  }

  Pickle out;
  uint64_t at = 0;  ///< byte of the instruction that is being done

  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    throw FormatError(message(out.where, ": the pickle ", parts..., ", at byte ", at,
                              "; the file is damaged or made to do harm"));
  }

  uint32_t none() { return make(PickleKind::none); }
  uint32_t truth(bool value) { return make(PickleKind::boolean, value); }
  uint32_t integer(int64_t value) { return make(PickleKind::integer, value); }
  /// Little-endian two's complement of any length.
  uint32_t whole_number(std::string_view bytes) {
    if (bytes.size() > 8) {
      const uint32_t large = text(PickleKind::bytes, std::string(bytes));
      out.nodes[large].kind = PickleKind::large_integer;
      return large;
    }
    uint64_t value = !bytes.empty() && (bytes.back() & 0x80) ? ~uint64_t(0) : 0;
    for (size_t i = bytes.size(); i-- > 0;) value = value << 8 | uint8_t(bytes[i]);
    return integer(int64_t(value));
  }
  /// A big-endian double.
  uint32_t real(std::string_view bytes) {
    uint64_t bits = 0;
    for (const char c : bytes) bits = bits << 8 | uint8_t(c);
    const uint32_t made = make(PickleKind::real);
    out.nodes[made].real = std::bit_cast<double>(bits);
    return made;
  }
  uint32_t text(PickleKind kind, std::string value) {
    if (kind == PickleKind::text && !is_utf8(value)) kind = PickleKind::bytes;
    const uint32_t made = make(kind);
    out.nodes[made].text = std::move(value);
    return made;
  }
  uint32_t items(PickleKind kind, std::vector<uint32_t> values) {
    const uint32_t made = make(kind);
    out.nodes[made].items = std::move(values);
    return made;
  }

  void extend(uint32_t to, const std::vector<uint32_t>& values) {
    if (node(to).kind == PickleKind::object) to = part(to, 3, PickleKind::list);
    if (node(to).kind != PickleKind::list) fail("appends to ", name_of(node(to).kind));
    append(to, values);
  }
  void add(uint32_t to, const std::vector<uint32_t>& members) {
    if (node(to).kind != PickleKind::set) fail("adds to ", name_of(node(to).kind));
    for (const uint32_t member : members) check_key(member);
    append(to, members);
  }
  /// Keys and values in turn.
  void put(uint32_t to, const std::vector<uint32_t>& pairs) {
    if (node(to).kind == PickleKind::object) to = part(to, 2, PickleKind::dict);
    if (node(to).kind != PickleKind::dict) fail("puts keys into ", name_of(node(to).kind));
    if (pairs.size() % 2) fail("puts a key without a value");
    for (size_t i = 0; i < pairs.size(); i += 2) check_key(pairs[i]);
    append(to, pairs);
  }

  uint32_t global(const std::string& module, const std::string& name) {
    return text(PickleKind::global, module + ' ' + name);
  }
  uint32_t global_of(uint32_t module, uint32_t name) {
    for (const uint32_t part : {module, name})
      if (node(part).kind != PickleKind::text) fail("names a class by ", name_of(node(part).kind));
    return global(node(module).text, node(name).text);
  }

  /// What a class makes of its arguments, a tuple.
  uint32_t call(uint32_t callee, uint32_t arguments);
  /// Gives a value that was made the rest of what it is.
  void set_state(uint32_t to, uint32_t state);
  /// A storage, by what torch says of it: ('storage', class, key, device, elements).
  uint32_t persistent(uint32_t id);

  /// The last word: all that was begun is whole, and no dict has a key twice.
  void finish(uint32_t root, uint64_t end) {
    for (const PickleNode& n : out.nodes) {
      at = n.at;
      if (!n.ready) fail("makes an array and never fills it");
      if (n.kind == PickleKind::dict) check_keys(n);
    }
    out.root = root;
    out.end = end;
  }

 private:
  PickleNode& node(uint32_t place) { return out.nodes[place]; }
  uint32_t make(PickleKind kind, int64_t integer = 0) {
    if (out.nodes.size() == most_pickle_nodes)
      fail("makes more than ", most_pickle_nodes, " values");
    PickleNode made{kind};
    made.at = at;
    made.integer = integer;
    out.nodes.push_back(std::move(made));
    return uint32_t(out.nodes.size() - 1);
  }
  void append(uint32_t to, const std::vector<uint32_t>& values) {
    auto& items = node(to).items;
    items.insert(items.end(), values.begin(), values.end());
  }
  /// Bytes that are made beside those that the text holds.
  void charge(uint64_t bytes) {
    if (bytes > budget_) fail("makes much more than its bytes can be meant for");
    budget_ -= bytes;
  }
  void check_key(uint32_t key) {
    const PickleKind kind = node(key).kind;
    using K = PickleKind;
    if (kind == K::list || kind == K::dict || kind == K::set || kind == K::array)
      fail("has ", name_of(kind), " as a key");
  }
  void check_keys(const PickleNode& dict) const {
    std::vector<std::string_view> texts;
    std::vector<int64_t> numbers;
    for (size_t i = 0; i < dict.items.size(); i += 2) {
      const PickleNode& key = out.nodes[dict.items[i]];
      if (key.kind == PickleKind::text) texts.push_back(key.text);
      if (key.kind == PickleKind::integer) numbers.push_back(key.integer);
    }
    std::sort(texts.begin(), texts.end());
    std::sort(numbers.begin(), numbers.end());
    const auto twice = std::adjacent_find(texts.begin(), texts.end());
    if (twice != texts.end()) fail("has the key ", quoted(*twice), " twice");
    if (std::adjacent_find(numbers.begin(), numbers.end()) != numbers.end())
      fail("has a number as a key twice");
  }
  /// One of the four parts of an object: arguments, state, its items as a dict, as a list.
  uint32_t part(uint32_t object, size_t which, PickleKind kind) {
    uint32_t found = node(object).items[which];
    if (node(found).kind == PickleKind::none) {
      found = items(kind, {});
      node(object).items[which] = found;
    }
    return found;
  }
  uint32_t object(const std::string& name, uint32_t arguments) {
    charge(name.size());
    const uint32_t nothing = none();
    const uint32_t made = items(PickleKind::object, {arguments, nothing, nothing, nothing});
    node(made).text = name;
    return made;
  }

  // Arguments.
  const PickleNode& argument(const PickleNode& of, size_t i, PickleKind kind) {
    if (i >= of.items.size() || node(of.items[i]).kind != kind)
      fail("gives ", name_of(i < of.items.size() ? node(of.items[i]).kind : PickleKind::none),
           " as argument ", i + 1, ", expected ", name_of(kind));
    return node(of.items[i]);
  }
  uint64_t size_argument(const PickleNode& of, size_t i) {
    const int64_t n = argument(of, i, PickleKind::integer).integer;
    if (n < 0) fail("gives ", n, " as argument ", i + 1, ", expected a whole number from 0");
    return uint64_t(n);
  }
  std::vector<uint64_t> sizes_argument(const PickleNode& of, size_t i) {
    const PickleNode& tuple = argument(of, i, PickleKind::tuple);
    if (tuple.items.size() > most_axes) fail("gives a shape of ", tuple.items.size(), " axes");
    std::vector<uint64_t> sizes;
    for (size_t k = 0; k < tuple.items.size(); ++k) sizes.push_back(size_argument(tuple, k));
    return sizes;
  }

  uint32_t tensor(const PickleNode& arguments, DType dtype);
  uint32_t copy_of_items(PickleKind kind, const PickleNode& arguments);
  uint32_t dict_of_pairs(const PickleNode& arguments);
  uint32_t encoded(const PickleNode& arguments);
  uint32_t nested_storage(uint32_t bytes);
  void check_view(const TorchTensor& t, uint64_t there) const;

  NumpyType numpy_type_of(const PickleNode& dtype);
  void fill(uint32_t array, const NumpyType& type, const std::vector<uint64_t>& shape,
            bool by_columns, uint32_t data);
  uint32_t numpy_dtype_value(const PickleNode& arguments);
  void set_dtype(PickleNode& dtype, const PickleNode& state);

  uint64_t budget_;
  bool nested_;
  std::map<std::string, uint32_t> keys_;  // of storages -> their values
  std::map<uint32_t, uint32_t> within_;   // bytes that hold a storage -> it
};

}  // namespace detail
VCELL_END_NAMESPACE
