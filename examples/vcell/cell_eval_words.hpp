#pragma once

#include <string>
#include <vector>

/// The words of a command line of vcell's where those of `vcell evaluate` are flags of `cell-eval
/// run`: -ap and such become vcell's own, and where the real or the predicted cells are named in
/// cell-eval's way, what it takes for granted is said (--like cell-eval-0.8, --profile full, and
/// its names of column and folder). Others stay as they are.
/// @param words  the program first
std::vector<std::string> with_cell_eval_words(std::vector<std::string> words);
