#pragma once

#include <array>

#include "vcell/autograd/send.hpp"

VCELL_BEGIN_NAMESPACE

/// Whole numbers that name something, such as rows of a table or classes, on a device. Which the
/// smallest and the largest is was seen on the host before they went there, so that an operation
/// can tell whether all are within its range.
template <int rank, class Device = Cpu>
class Indices {
 public:
  /// None at all.
  Indices() = default;
  /// Implicit, so that operations take tensors of the host as well.
  Indices(const Tensor<int32_t, rank>& values) { send(values); }

  /// Takes other values, into the same memory where the shape is the same (autograd/send.hpp).
  void send(const Tensor<int32_t, rank>& values) {
    for (auto& extreme : extremes_) extreme = {};
    for (size_t i = 0; i < values.count(); ++i) {
      const int32_t value = values.data()[i];
      if (i == 0 || value < extremes_[0].value) extremes_[0] = {value, i};
      if (i == 0 || value > extremes_[1].value) extremes_[1] = {value, i};
    }
    vcell::send(values, values_);
  }

  const Variable<int32_t, rank, Device>& values() const { return values_; }
  const Shape<rank>& shape() const { return values_.shape(); }
  size_t shape(int axis) const { return values_.shape(axis); }
  size_t count() const { return values_.count(); }

  /// Calls f(index, its place) with the smallest and the largest; with none where there is none.
  template <class F>
  void for_extremes(F f) const {
    if (count() == 0) return;
    for (const auto& [value, place] : extremes_) f(value, place);
  }

 private:
  Variable<int32_t, rank, Device> values_;
  struct Extreme {
    int32_t value = 0;
    size_t place = 0;
  };
  std::array<Extreme, 2> extremes_;
};

VCELL_END_NAMESPACE
