#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "vcell/core/error.hpp"
#include "vcell/core/machine_memory.hpp"
#include "vcell/core/message.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Memory that what is read of some files may take, which small ones can claim to be much.
class MemoryGrant {
 public:
  /// @param budget      bytes; 0: 64 times the files' size, or 1 GiB if that is more, and never
  ///                    more than the machine has
  /// @param file_bytes  of all files together
  MemoryGrant(const char* function, size_t budget, double file_bytes)
      : function_(function), granted_(double(budget)) {
    if (!budget)
      granted_ = lesser(std::max(double(size_t(1) << 30), 64.0 * file_bytes), machine_memory());
  }

  /// Bytes that are about to be taken, for as long as the files are read.
  /// @param what  for whom, e.g. "file 'matrix.mtx'"
  /// @throws FormatError if they are more than is left
  template <class = void>
  void take(double bytes, const std::string& what) {
    if (taken_ + bytes > granted_)
      throw FormatError(message(function_, ": ", what, " needs ", uint64_t(std::min(bytes, 9e18)),
                                " bytes of memory beside the ", uint64_t(taken_),
                                " that were taken so far, and ", uint64_t(granted_),
                                " are granted; if you trust it, grant more by ",
                                "H5adReadOptions::budget"));
    taken_ += bytes;
  }

 private:
  const char* function_;
  double granted_, taken_ = 0;
};

}  // namespace detail
VCELL_END_NAMESPACE
