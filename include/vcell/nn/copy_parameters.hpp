#pragma once

#include <algorithm>

#include "vcell/nn/parameters.hpp"

VCELL_BEGIN_NAMESPACE

/// Gives the parameters of a model, on any device, the values that those of another one of the same
/// configuration have, which is on the host.
/// @throws ConfigError if names or shapes differ: then nothing has changed
template <class T, class Device>
void copy_parameters(const Parameters<T>& from, const Parameters<T, Device>& to) {
  const auto& old = from.all();
  const auto& all = to.all();
  const auto is_same = [](const auto& a, const auto& b) {
    return a.name == b.name && a.shape == b.shape;
  };
  if (!std::ranges::equal(old, all, is_same))
    throw ConfigError("copy_parameters: the models are of different configurations");
  for (size_t i = 0; i < all.size(); ++i) {
    const auto values = old[i].value();
    to.load(i, {values.begin(), values.end()});
  }
}

VCELL_END_NAMESPACE
