#pragma once

#include "vcell/sets/split_spec.hpp"
#include "vcell/train/experiment.hpp"

VCELL_BEGIN_NAMESPACE

/// Sees to it that a split keeps controls apart where an experiment says so and the split does not
/// say itself in which shares.
template <class = void>
void controls_of_split(const Experiment& e, SplitSpec& split) {
  if (e.controls == ControlUse::disjoint && !split.controls)
    split.controls = {e.controls_validation, e.controls_test, e.training.seed};
}

VCELL_END_NAMESPACE
