#pragma once

#include <string>
#include <vector>

/// The words of a command line of vcell's where those of `vcell evaluate` are flags of `cell-eval
/// run`, or those of `vcell baseline` flags of `cell-eval baseline`: -ap and such become vcell's
/// own. Where cells are named in cell-eval's way, the last of a flag that comes twice counts, and
/// what cell-eval takes for granted is said (--like cell-eval-0.8, --profile full, its baseline,
/// and its names of column, files and folder). Others stay as they are.
/// @param words  the program first
std::vector<std::string> with_cell_eval_words(std::vector<std::string> words);
