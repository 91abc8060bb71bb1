#pragma once

#include <vector>

#include "console.hpp"
#include "vcell/report/report_input.hpp"

/// The mean of every score, one line a method.
void print_scores(const std::vector<vcell::ScoredMethod>& methods, Console& console);
