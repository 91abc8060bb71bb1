#define VCELL_MAKE_files
#include <vcell/files.hpp>
