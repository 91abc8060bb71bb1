/// @file
/// The version of this copy of vcell. Under 1.0.0 a new minor version may change the interface.
#pragma once

#define VCELL_VERSION_MAJOR 0
#define VCELL_VERSION_MINOR 1
#define VCELL_VERSION_PATCH 0

/// The version as text, "0.1.0".
#define VCELL_VERSION_TEXT(major, minor, patch) #major "." #minor "." #patch
#define VCELL_VERSION_EXPAND(major, minor, patch) VCELL_VERSION_TEXT(major, minor, patch)
#define VCELL_VERSION \
  VCELL_VERSION_EXPAND(VCELL_VERSION_MAJOR, VCELL_VERSION_MINOR, VCELL_VERSION_PATCH)
