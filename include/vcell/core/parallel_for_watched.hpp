#pragma once

#include <atomic>
#include <string_view>

#include "vcell/core/parallel_for.hpp"
#include "vcell/core/progress.hpp"

VCELL_BEGIN_NAMESPACE

/// parallel_for with a watcher, who is told after pieces how many of the n are done and may stop
/// the work between pieces. Only the calling thread calls it; inside another parallel_for, where
/// the calling thread may be any, it may not be called before the work is done.
/// @param stage  what is being done, for ProgressUpdate
/// @throws Stopped if the watcher asked to stop; what f did until then stays
template <class F>
void parallel_for_watched(size_t n, size_t grain, F&& f, const Progress& progress,
                          std::string_view stage) {
  if (!progress) return parallel_for(n, grain, f);
  std::atomic<size_t> done = 0;
  std::atomic<bool> stopped = false;
  parallel_for(n, grain, [&](size_t begin, size_t end) {
    if (stopped) return;
    f(begin, end);
    done += end - begin;
    if (thread_index() == 0 && !progress({stage, done, n, {}})) stopped = true;
  });
  if (stopped)
    throw Stopped(message(stage, ": stopped on request after ", done.load(), " of ", n, " steps"));
}

VCELL_END_NAMESPACE
