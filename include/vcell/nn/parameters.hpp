#pragma once

#include <string>
#include <vector>

#include "vcell/autograd/variable.hpp"
#include "vcell/core/rng.hpp"

VCELL_BEGIN_NAMESPACE

/// One parameter of a model: its name, its shape, and a flat handle to value and gradient.
template <class T, class Device = Cpu>
struct Parameter {
  std::string name;
  std::vector<size_t> shape;
  Variable<T, 1, Device> flat;  ///< all elements in a row, row-major
};

/// The parameters of a model by name, in the order in which its layers made them. Layers add theirs
/// and keep handles; optimisers, checkpoints and loaders see all of them here. The names are those
/// that files use.
template <class T, class Device = Cpu>
class Parameters {
 public:
  /// @param seed  what every initial value is a function of, together with its name and place
  explicit Parameters(uint64_t seed = 0) : seed_(seed) {}
  Parameters(const Parameters&) = delete;  // a copy would share values with its original
  Parameters& operator=(const Parameters&) = delete;
  Parameters(Parameters&&) = default;
  Parameters& operator=(Parameters&&) = default;

  /// Registers a parameter, with given values.
  /// @throws ConfigError if the name is taken
  template <int rank>
  Variable<T, rank, Device> add(std::string name, Tensor<T, rank, Device> values) {
    if (find(name)) throw ConfigError(message("Parameters: the name ", quoted(name), " is taken"));
    const Variable<T, rank, Device> v(std::move(values), true);
    all_.push_back({std::move(name),
                    {v.shape().begin(), v.shape().end()},
                    v.template reshape<1>({v.count()})});
    return v;
  }
  /// Registers a parameter drawn from U(-bound, bound).
  template <int rank>
  Variable<T, rank, Device> uniform(std::string name, const Shape<rank>& shape, double bound) {
    return draw<rank>(std::move(name), shape,
                      [=](Rng& rng) { return (2 * rng.uniform() - 1) * bound; });
  }
  /// Registers a parameter drawn from N(0, deviation^2).
  template <int rank>
  Variable<T, rank, Device> normal(std::string name, const Shape<rank>& shape, double deviation) {
    return draw<rank>(std::move(name), shape, [=](Rng& rng) { return rng.normal() * deviation; });
  }
  /// Registers a parameter of one value.
  template <int rank>
  Variable<T, rank, Device> constant(std::string name, const Shape<rank>& shape, double value) {
    return draw<rank>(std::move(name), shape, [=](Rng&) { return value; });
  }

  const std::vector<Parameter<T, Device>>& all() const { return all_; }
  /// The parameter of that name, or null.
  const Parameter<T, Device>* find(std::string_view name) const {
    for (const auto& p : all_)
      if (p.name == name) return &p;
    return nullptr;
  }
  /// Numbers in all parameters.
  size_t count() const {
    size_t n = 0;
    for (const auto& p : all_) n += p.flat.count();
    return n;
  }
  void zero_gradients() const {
    for (const auto& p : all_) p.flat.zero_gradient();
  }

 private:
  /// Values by name and place, not by order: a model with one layer more starts the others alike.
  template <int rank, class Draw>
  Variable<T, rank, Device> draw(std::string name, const Shape<rank>& shape, Draw one) {
    Tensor<T, rank> values(shape);
    Rng rng(seed_, stream_of(name));
    for (T& v : values.values()) v = T(one(rng));
    static_assert(std::is_same_v<Device, Cpu>, "vcell: make a model on the Cpu");
    return add(std::move(name), std::move(values));
  }

  uint64_t seed_;
  std::vector<Parameter<T, Device>> all_;
};

VCELL_END_NAMESPACE
