#pragma once

#include <string>

#include "vcell/core/abi.hpp"

#define VCELL_TEXT(name) VCELL_TEXT_OF(name)
#define VCELL_TEXT_OF(name) #name

VCELL_BEGIN_NAMESPACE

/// What computes matrix products in this program: "dnnl", "openblas", "blis" or "eigen". The inline
/// namespace of vcell is named after it: with_dnnl, ...
inline std::string product_backend() { return std::string(VCELL_TEXT(VCELL_ABI)).substr(5); }

VCELL_END_NAMESPACE

#undef VCELL_TEXT
#undef VCELL_TEXT_OF
