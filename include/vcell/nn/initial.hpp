#pragma once

#include <span>
#include <string_view>

#include "vcell/core/parallel_for.hpp"
#include "vcell/core/rng.hpp"

VCELL_BEGIN_NAMESPACE

/// What the initial values of a parameter are drawn from.
struct Initial {
  enum Kind { constant_, uniform_, normal_ } kind = constant_;
  double number = 0;

  static Initial constant(double value) { return {constant_, value}; }
  /// U(-bound, bound)
  static Initial uniform(double bound) { return {uniform_, bound}; }
  /// N(0, std^2)
  static Initial normal(double std) { return {normal_, std}; }
};

namespace detail {

/// Values by seed, name and place: a model with one layer more starts the others alike.
template <class T>
void draw_initial(const Initial& initial, uint64_t seed, std::string_view name, std::span<T> out) {
  parallel_for(out.size(), 1 << 13, [&, stream = stream_of(name)](size_t begin, size_t end) {
    Rng rng(seed, stream);
    rng.seek(begin);  // one draw a number
    for (size_t i = begin; i < end; ++i) {
      double value = initial.number;
      if (initial.kind == Initial::uniform_) value *= 2 * rng.uniform() - 1;
      if (initial.kind == Initial::normal_) value *= rng.normal();
      out[i] = T(value);
    }
  });
}

}  // namespace detail
VCELL_END_NAMESPACE
