#pragma once

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE

/// How a loss over elements becomes one number.
enum class Reduction { mean, sum };

VCELL_END_NAMESPACE
