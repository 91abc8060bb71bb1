#pragma once

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE

/// What lets the cells of a set see each other.
enum class BackboneKind {
  llama,  ///< nn/llama.hpp
  gpt2    ///< nn/gpt2.hpp
};

VCELL_END_NAMESPACE
