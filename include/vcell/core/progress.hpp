#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

#include "vcell/core/error.hpp"
#include "vcell/core/message.hpp"

VCELL_BEGIN_NAMESPACE

/// Where long work stands.
struct ProgressUpdate {
  std::string_view stage;  ///< what is being done, e.g. "train"
  size_t done = 0;         ///< steps finished
  size_t total = 0;        ///< steps in all; 0 when not known
  std::string_view note;   ///< a short remark to show beside it, e.g. "loss 0.42"
};

/// Called now and then by long work. Returning false asks the work to stop at the next point where
/// nothing is lost. An empty function means that nobody watches.
using Progress = std::function<bool(const ProgressUpdate&)>;

/// Tells the watcher, if there is one.
/// @throws Stopped if it asks to stop
inline void report(const Progress& progress, const ProgressUpdate& update) {
  if (progress && !progress(update))
    throw Stopped(message(update.stage, ": stopped on request after ", update.done,
                          update.total ? message(" of ", update.total) : "", " steps"));
}

VCELL_END_NAMESPACE
