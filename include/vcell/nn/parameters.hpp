#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "vcell/autograd/variable.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/nn/arena.hpp"

VCELL_BEGIN_NAMESPACE

/// A parameter of a model as files know it: a name, a shape, and where its numbers are. Several may
/// be rows of one entry of the arena, which operations take whole.
template <class T, class Device = Cpu>
struct Parameter {
  std::string name;
  std::vector<size_t> shape;
  size_t count;                  ///< numbers
  Variable<T, 1, Device> entry;  ///< the whole entry in a row
  size_t begin;                  ///< where in the entry it starts
  size_t entry_number;           ///< which entry of the arena that is

  View<const T, 1, Device> value() const { return {entry.value().data + begin, {count}}; }
  View<T, 1, Device> mutable_value() const { return {entry.mutable_value().data + begin, {count}}; }
  /// Zeros where nothing has flowed back; null when frozen.
  View<T, 1, Device> gradient() const {
    const auto all = entry.gradient();
    return {all ? all.data + begin : nullptr, {count}};
  }
};

/// Rows that have a name of their own, out of an entry that one product reads.
struct NamedRows {
  std::string name;
  size_t rows;
};

/// The parameters of one model or several: an arena of values, with a table of names in the order
/// in which layers declared them. Layers declare and keep handles; optimisers, checkpoints and
/// loaders see everything here. The names are those that files use.
///
/// Values are laid out as one block when an operation, an optimiser or a writer first wants one;
/// nothing can be declared after that. What was loaded before moves in then, and only the rest is
/// drawn. Gradients are one block once an optimiser asks for it (lay_out_gradients); before that
/// each entry has its own.
template <class T, class Device = Cpu>
class Parameters {
 public:
  using Table = std::vector<Parameter<T, Device>>;

  /// @param seed  what every initial value is a function of, together with its name and place
  explicit Parameters(uint64_t seed = 0)
      : arena_(detail::make_node<detail::Arena<T, Device>>(seed)) {}
  Parameters(const Parameters&) = delete;  // a copy would share values with its original
  Parameters& operator=(const Parameters&) = delete;
  Parameters(Parameters&&) = default;
  Parameters& operator=(Parameters&&) = default;

  /// Declares a parameter.
  /// @throws ConfigError if the name is taken; Error if values are laid out already
  template <int rank>
  Variable<T, rank, Device> add(std::string name, const Shape<rank>& shape,
                                const Initial& initial) {
    static_assert(rank >= 1, "vcell: a parameter needs an axis");
    return add_rows<rank>({{std::move(name), shape[0]}}, shape, initial);
  }
  /// Declares one with given values, which lie on the host.
  /// @throws the same
  template <int rank>
  Variable<T, rank, Device> add(std::string name, const Tensor<T, rank>& values) {
    const auto v = add<rank>(std::move(name), values.shape(), Initial());
    load(table_.size() - 1, {values.values().begin(), values.values().end()});
    return v;
  }
  /// Declares one that is made of named groups of rows, one below the other. Each is drawn, saved,
  /// loaded and shown under its own name.
  /// @param shape  of the whole; its first size is the sum of the rows
  /// @throws the same; ShapeError if the rows do not add up
  template <int rank>
  Variable<T, rank, Device> add_rows(const std::vector<NamedRows>& groups, const Shape<rank>& shape,
                                     const Initial& initial) {
    const size_t offset = arena_->size, entry = nodes_.size();
    const size_t row = shape[0] ? vcell::count(shape) / shape[0] : 0;
    check_new(groups, shape[0]);
    auto node =
        detail::make_node<detail::ParameterNode<T, Device>>(arena_, offset, vcell::count(shape));
    const Variable<T, rank, Device> whole(
        shape, detail::NodePointer<detail::ValueNode<T, Device>>(node.get()));
    size_t begin = 0;
    for (const auto& [name, rows] : groups) {
      std::vector<size_t> part_shape(shape.begin(), shape.end());
      part_shape[0] = rows;
      arena_->parts.push_back({name, offset + begin, rows * row, initial, {}});
      table_.push_back({name, std::move(part_shape), rows * row,
                        whole.template reshape<1>({whole.count()}), begin, entry});
      begin += rows * row;
    }
    nodes_.push_back(std::move(node));
    arena_->size = offset + arena_->padded(whole.count());
    return whole;
  }

  /// All names in order.
  const Table& all() const { return table_; }
  /// The parameter of that name, or null.
  const Parameter<T, Device>* find(std::string_view name) const {
    for (const auto& p : table_)
      if (p.name == name) return &p;
    return nullptr;
  }
  /// Numbers in all parameters.
  size_t count() const {
    size_t n = 0;
    for (const auto& p : table_) n += p.count;
    return n;
  }

  /// All values as one block: entries in order, on 64 bytes, zeros between them.
  View<T, 1, Device> values() const { return {arena_->lay_out(), {arena_->size}}; }
  /// Their number, zeros between entries included.
  size_t values_count() const { return arena_->size; }
  /// Where in values() a parameter starts.
  size_t value_offset(const Parameter<T, Device>& p) const {
    return nodes_[p.entry_number]->offset + p.begin;
  }
  /// Sets values of parameters by their numbers in all(); those of before the layout wait for it.
  /// Sizes are the caller's business (load_parameters checks).
  void load(size_t number, std::vector<T> values) const;

  /// Keeps parameters as they are: they get no gradient, optimisers leave them out.
  /// @param name  of a parameter, or what names begin with up to a '.', such as a layer's
  /// @throws ConfigError if nothing has that name, or it is some rows of an entry only; Error if
  ///         gradients are laid out already
  void freeze(std::string_view name) const;
  /// The same of all that is frozen in the parameters of another model of this configuration, on
  /// any device.
  /// @throws ShapeError if those are not as many; Error if gradients are laid out already
  template <class Other>
  void freeze_like(const Parameters<T, Other>& other) const;

  /// Forgets all gradients; nothing is written.
  void clear_gradients() const {
    for (const auto& node : nodes_) {
      if (!node->requires_gradient) continue;
      node->gradient_room();
      node->gradient_is_set = false;
    }
  }
  /// Makes one block of the gradients of what is not frozen, unless it is there: entries in order,
  /// on 64 bytes, zeros between them. Gradients that there are move in.
  void lay_out_gradients() const;
  /// The block, with zeros where nothing has flowed back.
  View<T, 1, Device> gradients() const {
    lay_out_gradients();
    for (const auto& node : nodes_)
      if (node->requires_gradient) node->gradient_data();
    return {arena_->gradients.data(), {arena_->gradients.count()}};
  }
  /// Where in gradients() a parameter that is not frozen starts.
  size_t gradient_offset(const Parameter<T, Device>& p) const {
    lay_out_gradients();
    return arena_->gradient_offsets[p.entry_number] + p.begin;
  }
  /// Parts of values() and gradients() that belong together: what optimisers go through, one part
  /// where nothing is frozen.
  struct Run {
    size_t value_offset, gradient_offset, count;
  };
  std::vector<Run> runs() const;

 private:
  void check_may_freeze(const char* function, std::string_view name) const {
    if (!arena_->gradient_offsets.empty())
      throw Error(message("Parameters::", function, ": ", quoted(name),
                          " after gradients were laid out; freeze before the optimizer is made"));
  }
  void check_new(const std::vector<NamedRows>& groups, size_t rows) const {
    size_t sum = 0;
    for (const auto& [name, n] : groups) {
      sum += n;
      if (find(name))
        throw ConfigError(message("Parameters: the name ", quoted(name), " is taken"));
      if (arena_->sealed || arena_->laid_out)
        throw Error(message("Parameters: ", quoted(name),
                            " was declared after values were in use; ",
                            "make all layers before the first of them computes"));
    }
    check_size_match("Parameters", "named rows", sum, "rows", rows);
  }

  detail::NodePointer<detail::Arena<T, Device>> arena_;
  std::vector<detail::NodePointer<detail::ParameterNode<T, Device>>> nodes_;
  Table table_;
};

template <class T, class Device>
void Parameters<T, Device>::load(size_t number, std::vector<T> values) const {
  const auto& p = table_[number];
  const std::lock_guard lock(arena_->mutex);
  if (arena_->laid_out)
    Memory<Device>::upload(current_context<Device>(), p.mutable_value().data, values.data(),
                           values.size() * sizeof(T));
  else
    arena_->parts[number].loaded = std::move(values);
}

template <class T, class Device>
template <class Other>
void Parameters<T, Device>::freeze_like(const Parameters<T, Other>& other) const {
  check_size_match("Parameters::freeze_like", "parameters", other.all().size(), "those here",
                   table_.size());
  for (size_t i = 0; i < table_.size(); ++i) {
    if (other.all()[i].entry.requires_gradient()) continue;
    check_may_freeze("freeze_like", table_[i].name);
    nodes_[table_[i].entry_number]->requires_gradient = false;
  }
}

template <class T, class Device>
void Parameters<T, Device>::freeze(std::string_view name) const {
  const auto is_meant = [&](const std::string& other) {
    return other.starts_with(name) && (other.size() == name.size() || other[name.size()] == '.');
  };
  check_may_freeze("freeze", name);
  std::vector<std::string> found;
  for (const auto& p : table_)
    if (is_meant(p.name)) found.push_back(p.name);
  if (found.empty())
    throw ConfigError(message("Parameters::freeze: no parameter is or begins with ", quoted(name),
                              "; expected one of ", [&] {
                                std::vector<std::string> names;
                                for (const auto& p : table_) names.push_back(p.name);
                                return list_of(names);
                              }()));
  for (const auto& p : table_)
    for (const auto& other : table_)
      if (p.entry_number == other.entry_number && is_meant(p.name) && !is_meant(other.name))
        throw ConfigError(message("Parameters::freeze: ", quoted(p.name), " and ",
                                  quoted(other.name), " are rows of one entry, which is frozen ",
                                  "whole or not at all; freeze what both begin with"));
  for (const auto& p : table_)
    if (is_meant(p.name)) nodes_[p.entry_number]->requires_gradient = false;
}

template <class T, class Device>
void Parameters<T, Device>::lay_out_gradients() const {
  auto& offsets = arena_->gradient_offsets;
  if (offsets.size() == nodes_.size()) return;
  arena_->sealed = true;
  size_t size = 0;
  for (const auto& node : nodes_) {
    offsets.push_back(size);
    if (node->requires_gradient) size += arena_->padded(node->count);
  }
  arena_->gradients = Buffer<T, Device>(size);
  arena_->gradients.zero();
  for (size_t i = 0; i < nodes_.size(); ++i) {
    auto& node = *nodes_[i].get();
    if (!node.requires_gradient) continue;
    T* slice = arena_->gradients.data() + offsets[i];
    if (node.gradient_is_set)
      Memory<Device>::copy(current_context<Device>(), slice, node.gradient, node.count * sizeof(T));
    node.gradient = slice;
    node.own_gradient = {};
  }
}

template <class T, class Device>
auto Parameters<T, Device>::runs() const -> std::vector<Run> {
  lay_out_gradients();
  std::vector<Run> all;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (!nodes_[i]->requires_gradient) continue;
    const Run run{nodes_[i]->offset, arena_->gradient_offsets[i], arena_->padded(nodes_[i]->count)};
    if (!all.empty() && all.back().value_offset + all.back().count == run.value_offset)
      all.back().count += run.count;
    else
      all.push_back(run);
  }
  return all;
}

VCELL_INSTANTIATE(models, class Parameters<float>);

VCELL_END_NAMESPACE
