#include "vcell/files.hpp"
#include "vcell/vcell.hpp"

const char* version_in_second() { return VCELL_VERSION; }
