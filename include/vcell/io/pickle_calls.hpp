#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vcell/io/pickle_builder.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

inline constexpr std::pair<std::string_view, DType> torch_storages[] = {
    {"torch BoolStorage", DType::boolean}, {"torch ByteStorage", DType::u8},
    {"torch CharStorage", DType::i8},      {"torch ShortStorage", DType::i16},
    {"torch IntStorage", DType::i32},      {"torch LongStorage", DType::i64},
    {"torch HalfStorage", DType::f16},     {"torch BFloat16Storage", DType::bf16},
    {"torch FloatStorage", DType::f32},    {"torch DoubleStorage", DType::f64}};

inline constexpr std::pair<std::string_view, DType> torch_dtypes[] = {
    {"torch bool", DType::boolean}, {"torch uint8", DType::u8},      {"torch int8", DType::i8},
    {"torch uint16", DType::u16},   {"torch int16", DType::i16},     {"torch uint32", DType::u32},
    {"torch int32", DType::i32},    {"torch uint64", DType::u64},    {"torch int64", DType::i64},
    {"torch float16", DType::f16},  {"torch bfloat16", DType::bf16}, {"torch float32", DType::f32},
    {"torch float64", DType::f64}};

/// "numpy.core x" of old files is "numpy._core x" of new ones, and Python 2 had __builtin__.
template <class = void>
std::string new_name(std::string name) {
  for (const auto& [old, now] :
       {std::pair<std::string_view, std::string_view>{"numpy.core.", "numpy._core."},
        {"__builtin__ ", "builtins "}})
    if (name.starts_with(old)) return std::string(now) + name.substr(old.size());
  return name;
}

template <class T>
uint32_t PickleBuilder<T>::call(uint32_t callee, uint32_t arguments) {
  const PickleNode& f = node(callee);
  const PickleNode& a = node(arguments);
  if (a.kind != PickleKind::tuple) fail("calls with ", name_of(a.kind), ", expected a tuple");
  if (f.kind == PickleKind::object) return object(f.text, arguments);
  if (f.kind != PickleKind::global) fail("calls ", name_of(f.kind));
  const std::string name = new_name(f.text);
  if (name == "collections OrderedDict" || name == "builtins dict") return dict_of_pairs(a);
  if (name == "collections defaultdict") return items(PickleKind::dict, {});
  if (name == "builtins set" || name == "builtins frozenset")
    return copy_of_items(PickleKind::set, a);
  if (name == "builtins list") return copy_of_items(PickleKind::list, a);
  if (name == "builtins tuple" || name == "torch Size") return copy_of_items(PickleKind::tuple, a);
  if (name == "_codecs encode" || name == "builtins bytes" || name == "builtins bytearray")
    return encoded(a);
  if (name == "torch._utils _rebuild_tensor_v2" || name == "torch._utils _rebuild_tensor")
    return tensor(a, out.storages[size_t(argument(a, 0, PickleKind::storage).integer)].dtype);
  if (name == "torch._utils _rebuild_tensor_v3") {
    const std::string& named = argument(a, 6, PickleKind::global).text;
    for (const auto& [known, dtype] : torch_dtypes)
      if (known == named) return tensor(a, dtype);
    fail("has a tensor of ", quoted(named), ", which vcell does not read");
  }
  if (name == "torch._utils _rebuild_parameter" ||
      name == "torch._utils _rebuild_parameter_with_state") {
    argument(a, 0, PickleKind::tensor);
    return a.items[0];
  }
  if (name == "torch.storage _load_from_bytes") {
    argument(a, 0, PickleKind::bytes);
    return nested_storage(a.items[0]);
  }
  if (name == "numpy dtype") return numpy_dtype_value(a);
  if (name == "numpy._core.multiarray _reconstruct") {
    const uint32_t made = make(PickleKind::array);
    node(made).ready = false;
    return made;
  }
  if (name == "numpy._core.multiarray scalar") {
    argument(a, 1, PickleKind::bytes);
    const uint32_t made = make(PickleKind::array);
    fill(made, numpy_type_of(argument(a, 0, PickleKind::dtype)), {}, false, a.items[1]);
    return made;
  }
  if (name == "numpy._core.numeric _frombuffer") {
    argument(a, 0, PickleKind::bytes);
    const uint32_t made = make(PickleKind::array);
    fill(made, numpy_type_of(argument(a, 1, PickleKind::dtype)), sizes_argument(a, 2),
         argument(a, 3, PickleKind::text).text == "F", a.items[0]);
    return made;
  }
  return object(f.text, arguments);
}

template <class T>
void PickleBuilder<T>::set_state(uint32_t to, uint32_t state) {
  PickleNode& n = node(to);
  const PickleNode& s = node(state);
  switch (n.kind) {
    case PickleKind::object:
      n.items[1] = state;
      return;
    case PickleKind::dtype:
      return set_dtype(n, s);
    case PickleKind::array:
      if (n.ready) fail("fills an array twice");
      argument(s, 2, PickleKind::dtype);
      if (s.items.size() < 5) fail("fills an array with no numbers");
      return fill(to, numpy_type_of(node(s.items[2])), sizes_argument(s, 1),
                  argument(s, 3, PickleKind::boolean).integer != 0, s.items[4]);
    case PickleKind::dict:
    case PickleKind::list:
    case PickleKind::set:
    case PickleKind::tensor:
      return;  // attributes beside what it holds, such as the versions of a state_dict
    default:
      fail("gives ", name_of(n.kind), " a state");
  }
}

template <class T>
uint32_t PickleBuilder<T>::persistent(uint32_t id) {
  const PickleNode& pid = node(id);
  if (pid.kind != PickleKind::tuple || argument(pid, 0, PickleKind::text).text != "storage")
    fail("names something kept elsewhere that is no storage");
  const std::string& type = argument(pid, 1, PickleKind::global).text;
  const std::string& key = argument(pid, 2, PickleKind::text).text;
  TorchStorage made;
  made.key = key;
  made.count = size_argument(pid, 4);
  made.untyped = type == "torch UntypedStorage" || type == "torch.storage UntypedStorage";
  if (made.untyped) made.dtype = DType::u8;
  const auto* known = std::find_if(std::begin(torch_storages), std::end(torch_storages),
                                   [&](const auto& t) { return t.first == type; });
  if (known != std::end(torch_storages))
    made.dtype = known->second;
  else if (!made.untyped)
    fail("has a storage of ", quoted(type), ", which vcell does not read");
  if (pid.items.size() > 5 && node(pid.items[5]).kind != PickleKind::none)
    fail("has a view of a storage as torch wrote before 0.4; save the file with a newer torch");
  const auto [place, fresh] = keys_.try_emplace(key, 0);
  if (fresh) {
    place->second = make(PickleKind::storage, int64_t(out.storages.size()));
    out.storages.push_back(std::move(made));
  } else if (const TorchStorage& first = out.storages[size_t(node(place->second).integer)];
             first.dtype != made.dtype || first.count != made.count) {
    fail("has the storage ", quoted(key), " twice, and not the same");
  }
  return place->second;
}

template <class T>
void PickleBuilder<T>::check_view(const TorchTensor& t, uint64_t there) const {
  if (t.shape.size() != t.stride.size()) fail("has a tensor with more axes than strides");
  uint64_t last = t.offset, count = 1;
  bool wide = false;
  for (const uint64_t extent : t.shape)
    if (extent == 0) count = 0;
  for (size_t d = 0; d < t.shape.size() && count; ++d) {
    uint64_t step = 0;
    wide = wide || __builtin_mul_overflow(count, t.shape[d], &count) ||
           __builtin_mul_overflow(t.shape[d] - 1, t.stride[d], &step) ||
           __builtin_add_overflow(last, step, &last);
    if (wide) break;
  }
  if (wide || (count ? last >= there : t.offset > there))
    fail("has a tensor of shape ", t.shape, " and strides ", t.stride, " from element ", t.offset,
         " on that leaves its storage of ", there, " elements");
  if (count > there && count > most_repeated)
    fail("has a tensor of shape ", t.shape, " that repeats a storage of ", there, " elements");
}

template <class T>
uint32_t PickleBuilder<T>::tensor(const PickleNode& a, DType dtype) {
  const size_t storage = size_t(argument(a, 0, PickleKind::storage).integer);
  const TorchStorage& of = out.storages[storage];
  TorchTensor made{storage, dtype, size_argument(a, 1), sizes_argument(a, 2), sizes_argument(a, 3)};
  check_view(made, of.count * size_of(of.dtype) / size_of(dtype));
  const uint32_t value = make(PickleKind::tensor, int64_t(out.tensors.size()));
  out.tensors.push_back(std::move(made));
  return value;
}

template <class T>
uint32_t PickleBuilder<T>::copy_of_items(PickleKind kind, const PickleNode& a) {
  const uint32_t made = items(kind, {});
  if (a.items.empty()) return made;
  const PickleNode& from = node(a.items[0]);
  if (from.kind != PickleKind::list && from.kind != PickleKind::tuple &&
      from.kind != PickleKind::set)
    fail("makes ", name_of(kind), " of ", name_of(from.kind));
  charge(4 * from.items.size());
  if (kind == PickleKind::set)
    for (const uint32_t member : from.items) check_key(member);
  append(made, from.items);
  return made;
}

template <class T>
uint32_t PickleBuilder<T>::dict_of_pairs(const PickleNode& a) {
  const uint32_t made = items(PickleKind::dict, {});
  if (a.items.empty()) return made;
  const PickleNode& from = node(a.items[0]);
  if (from.kind == PickleKind::dict) {
    charge(4 * from.items.size());
    append(made, from.items);
    return made;
  }
  charge(8 * from.items.size());
  for (const uint32_t pair : argument(a, 0, PickleKind::list).items) {
    if (node(pair).items.size() != 2) fail("makes a dict of something else than pairs");
    put(made, node(pair).items);
  }
  return made;
}

/// Bytes, which protocol 2 writes as a text of as many characters; or as they are.
template <class T>
uint32_t PickleBuilder<T>::encoded(const PickleNode& a) {
  std::string bytes;
  if (!a.items.empty() && node(a.items[0]).kind == PickleKind::bytes) {
    charge(node(a.items[0]).text.size());
    bytes = node(a.items[0]).text;
  } else if (!a.items.empty()) {
    const std::string& from = argument(a, 0, PickleKind::text).text;
    const std::string& coding = argument(a, 1, PickleKind::text).text;
    if (coding != "latin1" && coding != "latin-1") fail("encodes a text as ", quoted(coding));
    charge(from.size());
    bytes.reserve(from.size());
    for (size_t i = 0; i < from.size(); ++i) {
      const auto c = uint8_t(from[i]);
      if (c >= 0xC4) fail("encodes as latin1 what is not");
      bytes += c < 0x80 ? char(c) : char((c & 3) << 6 | (uint8_t(from[++i]) & 0x3F));
    }
  }
  const uint32_t made = make(PickleKind::bytes);
  node(made).text = std::move(bytes);
  return made;
}

template <class T>
uint32_t PickleBuilder<T>::nested_storage(uint32_t bytes) {
  if (nested_) fail("has a storage within a storage");
  const auto [place, fresh] = within_.try_emplace(bytes, 0);
  if (!fresh) return place->second;
  const Pickle inner =
      read_torch_legacy(node(bytes).text, message(out.where, ", the storage at byte ", at), true);
  if (inner.storages.size() != 1 || inner.nodes[inner.root].kind != PickleKind::storage)
    fail("has a storage that is something else");
  TorchStorage storage = inner.storages[0];
  storage.in = bytes;
  storage.key.clear();
  place->second = make(PickleKind::storage, int64_t(out.storages.size()));
  out.storages.push_back(std::move(storage));
  return place->second;
}

}  // namespace detail
VCELL_END_NAMESPACE
