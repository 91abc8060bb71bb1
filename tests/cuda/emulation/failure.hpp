#pragma once

#include <stdexcept>

namespace vcell_emulation {

/// What somebody did wrong that a device does not notice: a deadlock, a race, an index out of
/// range, memory used by a stream that does not wait for another one's work on it, ...
struct Failure : std::runtime_error {
  using runtime_error::runtime_error;
};

}  // namespace vcell_emulation
