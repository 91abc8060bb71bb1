#define VCELL_MAKE_models
#include <vcell/vcell.hpp>
