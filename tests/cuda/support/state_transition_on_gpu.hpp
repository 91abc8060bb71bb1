// What trains State Transition on the GPU and predicts there, for tests that nvcc need not compile:
// state_transition_test.cpp has it.
#pragma once

#include "vcell/train/train_state_transition.hpp"

namespace vcell_test {

vcell::StateTransitionDevice state_transition_on_gpu();

}  // namespace vcell_test
