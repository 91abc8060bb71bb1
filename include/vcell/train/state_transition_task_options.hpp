#pragma once

#include <cstddef>

#include "vcell/models/training_anchors.hpp"
#include "vcell/sets/set_loader.hpp"

VCELL_BEGIN_NAMESPACE

struct StateTransitionTaskOptions {
  /// Sets, controls, batch size and seed. The part is ignored: train for losses, validation for
  /// validation. The seed is that of dropout too.
  SetSourceOptions sets = {};
  PrefetchOptions prefetch = {};
  /// Batches of validation sets that are measured, the first ones in an order drawn by the seed and
  /// always the same; 0: all.
  size_t validation_batches = 64;
  /// What an anchored model starts from: its strata() cut the training sets. Must outlive the task;
  /// given exactly when the model is anchored.
  const TrainingAnchors* anchors = nullptr;
  /// Whether validation chooses how much of what an anchored model has learnt is to be believed:
  /// of 0, 0.25, 0.5, 0.7 and 1 the alpha with the lowest loss. Only where the validation cells are
  /// of pairs that are not trained on; else alpha is 1.
  bool choose_alpha = false;
  /// Bytes of the device that the screen's cells may take. Where all fit they are brought there
  /// once, dense, and training batches are gathered there; else each batch is sent, beside the step
  /// before it (train/send_beside.hpp). Changes no result.
  size_t resident_bytes = 0;
};

VCELL_END_NAMESPACE
