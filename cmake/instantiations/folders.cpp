#define VCELL_MAKE_folders
#include <vcell/pipeline.hpp>
