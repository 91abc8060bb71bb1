#define VCELL_MAKE_data
#include <vcell/vcell.hpp>
