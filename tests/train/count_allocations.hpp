// Counts what this thread asks of operator new.
#pragma once

#include <cstddef>

namespace vcell_test {
size_t allocations_of_this_thread();
}
