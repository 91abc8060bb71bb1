#pragma once

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE

/// What kind of model a folder holds.
enum class ModelKind {
  state_transition,  ///< models/state_transition.hpp
  state_embedding    ///< models/state_embedding.hpp
};

VCELL_END_NAMESPACE
