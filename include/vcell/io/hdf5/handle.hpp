#pragma once

#include <hdf5.h>

#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "vcell/core/at_fork.hpp"
#include "vcell/core/message.hpp"
#include "vcell/tensor/memory_cpu.hpp"

#if !H5_VERSION_GE(1, 10, 8)  // whose releases before crash on damage that later ones refuse
#error "vcell needs HDF5 1.10.8 or later: install one, and name its place in CMAKE_PREFIX_PATH"
#endif

VCELL_BEGIN_NAMESPACE
namespace hdf5 {

namespace detail {

/// HDF5 is not thread-safe everywhere: one thread at a time calls it, which may lock this again. A
/// fork waits for that thread, so that HDF5 is whole in the child. (A std::recursive_mutex knows
/// its owner by a number that the child's thread does not have.)
class LibraryLock {
 public:
  LibraryLock() { lock(); }
  LibraryLock(const LibraryLock&) = delete;
  LibraryLock& operator=(const LibraryLock&) = delete;
  ~LibraryLock() { unlock(); }

 private:
  static std::mutex& mutex() {
    static std::mutex of_all;
    // A fork takes the locks last that were told of first: after the memory cache's comes this one,
    // whose holder may still need memory.
    static const bool told =
        (vcell::detail::BlockCache::instance(), vcell::detail::at_fork(lock, unlock, unlock), true);
    (void)told;
    return of_all;
  }
  static int& depth() {
    thread_local int locks = 0;
    return locks;
  }
  static void lock() {
    std::mutex& all = mutex();
    if (depth()++ == 0) all.lock();
  }
  static void unlock() {
    if (--depth() == 0) mutex().unlock();
  }
};

}  // namespace detail

/// Owns one reference to an HDF5 object (file, group, dataset, type, property list, ...).
class Handle {
 public:
  Handle() = default;
  explicit Handle(hid_t id) : id_(id) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    return *this;
  }
  ~Handle() {
    if (id_ < 0) return;
    const detail::LibraryLock lock;
    H5Idec_ref(id_);
  }

  operator hid_t() const { return id_; }
  bool valid() const { return id_ >= 0; }
  /// Gives up the reference without releasing it.
  hid_t release() { return std::exchange(id_, -1); }

 private:
  hid_t id_ = -1;
};

/// While it lives, no other thread calls HDF5, and HDF5 does not print the errors of this one; they
/// stay readable through error_text(). The setting before is put back at the end.
class LibraryUse {
 public:
  LibraryUse() {
    H5Eget_auto2(H5E_DEFAULT, &function_, &data_);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }
  LibraryUse(const LibraryUse&) = delete;
  LibraryUse& operator=(const LibraryUse&) = delete;
  ~LibraryUse() { H5Eset_auto2(H5E_DEFAULT, function_, data_); }

 private:
  const detail::LibraryLock lock_;
  H5E_auto2_t function_ = nullptr;
  void* data_ = nullptr;
};

/// What the last HDF5 call that failed says: its own complaint and the cause at the bottom.
template <class = void>
std::string error_text() {
  struct Texts {
    std::string cause, complaint;
  } texts;
  const auto collect = [](unsigned, const H5E_error2_t* error, void* data) -> herr_t {
    auto& found = *static_cast<Texts*>(data);
    if (!error->desc || !*error->desc) return 0;
    const std::string_view text = error->desc;
    found.complaint = text.substr(0, text.find(": time = "));  // then clock and pointers follow
    if (found.cause.empty()) found.cause = found.complaint;
    return 0;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, collect, &texts);
  if (texts.cause.empty()) return "HDF5 gives no reason";
  if (texts.cause == texts.complaint) return message("HDF5 says: ", texts.cause);
  return message("HDF5 says: ", texts.complaint, "; ", texts.cause);
}

}  // namespace hdf5
VCELL_END_NAMESPACE
