#pragma once

#include <functional>
#include <string>

#include "vcell/core/progress.hpp"

VCELL_BEGIN_NAMESPACE

/// Who is told what by work of many steps. All may be empty.
struct Callbacks {
  Progress progress = {};  ///< where it stands; may stop it
  /// One line that a user wants to know: what was assumed, dropped, found.
  std::function<void(const std::string&)> note = {};
};

/// Says a line to whoever listens.
template <class... Parts>
void note(const Callbacks& callbacks, const Parts&... parts) {
  if (callbacks.note) callbacks.note(message(parts...));
}

VCELL_END_NAMESPACE
