#pragma once

#include <span>

#include "vcell/sets/prefetch.hpp"
#include "vcell/sets/set_source.hpp"

VCELL_BEGIN_NAMESPACE

struct SetLoaderOptions {
  /// What the batches are. Together with the step's number they decide every byte of a batch.
  SetSourceOptions source;
  /// How they are made in the background.
  PrefetchOptions prefetch;
};

/// Hands out the batches of a SetSource one after the other and prepares the next ones in the
/// background. The same batches come whatever the number of threads, and a loader that starts at
/// step n goes on as one that came there by itself. After the first few steps nothing is allocated
/// but the list of sets, once an epoch.
///
///   SetLoader loader(screen, parts);
///   for (int step = 0; step < 2000; ++step) {
///     const SetBatch& batch = loader.next();
///   }
class SetLoader {
 public:
  /// @param screen  must outlive the loader
  /// @param parts   (cells); not needed afterwards
  /// @param first   the step of the first batch, when work is resumed
  /// @throws ConfigError if an option does not fit the screen, the part is empty, or one of its
  ///         contexts has no controls
  template <class = void>
  SetLoader(const Screen& screen, std::span<const Part> parts, const SetLoaderOptions& options = {},
            uint64_t first = 0)
      : source_(screen, parts, options.source),
        prefetch_([this](uint64_t step, SetBatch& out) { source_.read(step, out); }, first,
                  checked(options)) {}

  /// The next batch. It stays as it is until the next call.
  const SetBatch& next() { return prefetch_.next(); }
  /// The step of the batch that comes next.
  uint64_t step() const { return prefetch_.number(); }
  /// The batch of any step, made now.
  template <class = void>
  SetBatch batch(uint64_t step) const {
    SetBatch out;
    source_.read(step, out);
    return out;
  }
  const SetSource& source() const { return source_; }

 private:
  template <class = void>
  const PrefetchOptions& checked(const SetLoaderOptions& options) const {
    if (source_.sets() == 0)
      throw ConfigError(message("SetLoader: no cell is in part ", name_of(options.source.sets.part),
                                " of the split"));
    return options.prefetch;
  }

  SetSource source_;
  Prefetch<SetBatch> prefetch_;
};

VCELL_END_NAMESPACE
