#pragma once

#include <algorithm>

#include "vcell/nn/parameters.hpp"

VCELL_BEGIN_NAMESPACE

/// Gives the parameters of a model the values that those of another one of the same configuration
/// have, on the host.
/// @throws ConfigError if names or shapes differ: then nothing has changed
template <class T>
void copy_parameters(const Parameters<T>& from, const Parameters<T>& to) {
  const auto &old = from.all(), &all = to.all();
  const auto is_same = [](const auto& a, const auto& b) {
    return a.name == b.name && a.shape == b.shape;
  };
  if (!std::ranges::equal(old, all, is_same))
    throw ConfigError("copy_parameters: the models are of different configurations");
  for (size_t i = 0; i < all.size(); ++i) {
    const auto values = old[i].value();
    std::ranges::copy(values, all[i].mutable_value().begin());
  }
}

VCELL_END_NAMESPACE
