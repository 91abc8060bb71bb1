// Forward declarations that differ from the definitions fail here as well.
#include "vcell/fwd.hpp"
//
#include "vcell/files.hpp"
#include "vcell/vcell.hpp"

const char* version_in_second() { return VCELL_VERSION; }
