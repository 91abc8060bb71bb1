// What each step of a training asks of the system.
#pragma once

#include <vector>

#include "train/count_allocations.hpp"
#include "vcell/train/trainer.hpp"

namespace vcell_test {

/// Blocks of vcell's own cache, and calls of operator new on this thread: so far, after each step.
struct StepAllocations {
  std::vector<size_t> blocks, news;

  template <class T, class Task>
  StepAllocations(vcell::Trainer<T>& trainer, Task& task) {
    blocks.reserve(trainer.options().max_steps);
    news.reserve(trainer.options().max_steps);
    vcell::TrainCallbacks callbacks;
    callbacks.progress = [this](const vcell::ProgressUpdate&) {
      blocks.push_back(vcell::Memory<vcell::Cpu>::system_allocations());
      news.push_back(allocations_of_this_thread());
      return true;
    };
    trainer.run(task, callbacks);
  }
};

}  // namespace vcell_test
