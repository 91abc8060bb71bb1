#pragma once

#include "vcell/core/device.hpp"

VCELL_BEGIN_NAMESPACE

/// Work of a context that was queued once and can be queued again as it was, at one call. Whoever
/// trains on a device that has this launches a whole step with it, which costs the host what one
/// kernel does (tensor/recording_cuda.hpp).
template <class Device>
class Recording;

/// The Cpu does its work at once and records none.
template <>
class Recording<Cpu> {
 public:
  static constexpr bool is_possible = false;
};

VCELL_END_NAMESPACE
