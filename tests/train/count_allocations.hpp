// Counts what this thread asks of operator new.
#pragma once

#include <cstddef>

namespace vcell_test {
/// So far; always 0 under a sanitizer, which brings an operator new of its own.
size_t allocations_of_this_thread();
}  // namespace vcell_test
