#define VCELL_MAKE_ops
#include <vcell/vcell.hpp>
