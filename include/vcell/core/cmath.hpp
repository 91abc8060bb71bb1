#pragma once

// <cmath>, read once: that of libstdc++ has its guard behind what it includes, so a compiler reads
// all of its 2,000 lines again wherever it is named, which a hundred headers would do.
#include <cmath>
