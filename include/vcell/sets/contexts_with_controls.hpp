#pragma once

#include <vector>

#include "vcell/sets/screen.hpp"

VCELL_BEGIN_NAMESPACE

/// Whether a context has control cells. From one that has none nothing can be predicted or learnt.
/// @return  (contexts)
template <class = void>
std::vector<bool> contexts_with_controls(const Screen& screen) {
  std::vector<bool> has(screen.context.names.size(), false);
  for (size_t i = 0; i < screen.cells(); ++i)
    if (screen.is_control(i)) has[size_t(screen.context.codes[i])] = true;
  return has;
}

VCELL_END_NAMESPACE
