#include "vcell/files.hpp"
#include "vcell/vcell.hpp"

const char* version_in_second();

int main() { return version_in_second()[0] == VCELL_VERSION[0] ? 0 : 1; }
