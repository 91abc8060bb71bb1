/// @file
/// Names of vcell for headers that only mention them.
#pragma once

#include "vcell/core/abi.hpp"
