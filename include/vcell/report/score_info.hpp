#pragma once

#include <string>
#include <string_view>

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE

/// How people read a score.
struct ScoreInfo {
  std::string title;
  std::string meaning;  ///< one sentence
  int digits = 3;       ///< shown behind the point where room is short
  int direction = 0;    ///< 1: larger is better, -1: smaller is, 0: not known
};

/// What is known about a score by its name; for others the name itself.
template <class = void>
ScoreInfo score_info(std::string_view name) {
  if (name == "discrimination_score_l1")
    return {"Discrimination",
            "Is the predicted shift nearer to the observed shift of its own perturbation than to "
            "those of the others? 1: nearest of all; about 0.5: no better than chance.",
            2, 1};
  if (name == "pearson_delta")
    return {"Shift correlation",
            "Pearson correlation over genes of the predicted and the observed shift of the mean "
            "expression. 1: same direction and proportions; 0: unrelated.",
            2, 1};
  if (name == "overlap_at_N")
    return {
        "DE overlap",
        "Of the N genes that are differentially expressed in the observed cells, the share found "
        "among the N strongest of the predicted cells. 1: all; 0: none, or no such gene at all.",
        2, 1};
  if (name == "mae")
    return {
        "Expression error",
        "Mean absolute difference of predicted and observed mean expression (log1p) over genes. "
        "0: none.",
        3, -1};
  if (name == "mae_delta")
    return {
        "Shift error",
        "Mean absolute difference of the predicted and the observed shift, each against its own "
        "control cells, over genes. 0: none.",
        3, -1};
  if (name == "edistance")
    return {
        "Energy distance",
        "How far the predicted cells as a whole, their spread included, are from the observed "
        "cells: twice the mean distance between a predicted and an observed cell, less the mean "
        "distance of two predicted and that of two observed cells, over all genes. 0 is expected "
        "of samples of one distribution; so below 0 is possible.",
        3, -1};
  return {std::string(name), "", 3, 0};
}

VCELL_END_NAMESPACE
