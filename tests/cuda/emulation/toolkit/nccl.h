// Stands in for NCCL where kernels run as plain C++: one rank, whose sums are what it has. Work is
// ordered as that of kernels.
#pragma once

#include <climits>
#include <memory>
#include <set>

#include "cuda/emulation/toolkit/cuda_runtime_api.h"

enum ncclResult_t {
  ncclSuccess = 0,
  ncclUnhandledCudaError = 1,
  ncclInvalidArgument = 4,
  ncclInvalidUsage = 5
};
enum ncclDataType_t {
  ncclInt32 = 2,
  ncclUint64 = 5,
  ncclFloat32 = 7,
  ncclFloat64 = 8,
  ncclBfloat16 = 9
};
enum ncclRedOp_t { ncclSum = 0 };
struct ncclUniqueId {
  char internal[128];
};

namespace vcell_emulation {

struct NcclComm {
  int device = 0;
};
/// Communicators that were made and not destroyed.
inline std::set<const NcclComm*>& live_communicators() {
  static auto& all = *new std::set<const NcclComm*>;
  return all;
}
inline size_t bytes_of(ncclDataType_t type) {
  return type == ncclBfloat16 ? 2 : type == ncclInt32 || type == ncclFloat32 ? 4 : 8;
}

/// A collective of one rank, in place.
inline ncclResult_t collective(const void* from, void* to, size_t count, ncclDataType_t type,
                               const NcclComm* comm, cudaStream_t stream) {
  if (!live_communicators().count(comm) || from != to) return ncclInvalidArgument;
  const auto error = with_live(
      [&](auto& device) {
        if (stream->device != comm->device || !device.holds(to, count * bytes_of(type)))
          return cudaErrorInvalidValue;
        return do_or_record(stream, [=](auto& there, auto& on) {
          there.step(on);
          there.note_use(on, to, true);
        });
      },
      stream);
  return error == cudaSuccess ? ncclSuccess : ncclUnhandledCudaError;
}

}  // namespace vcell_emulation

using ncclComm_t = vcell_emulation::NcclComm*;

inline const char* ncclGetErrorString(ncclResult_t result) {
  switch (result) {
    case ncclSuccess:
      return "no error";
    case ncclUnhandledCudaError:
      return "unhandled cuda error (run with NCCL_DEBUG=INFO for details)";
    case ncclInvalidArgument:
      return "invalid argument (run with NCCL_DEBUG=WARN for details)";
    case ncclInvalidUsage:
      return "invalid usage (run with NCCL_DEBUG=WARN for details)";
  }
  return "unknown result code";
}
inline const char* ncclGetLastError(ncclComm_t) { return ""; }
inline ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  static char next = 0;
  *id = {};
  id->internal[0] = ++next;
  return ncclSuccess;
}
/// Where there were more ranks, it would wait for them.
inline ncclResult_t ncclCommInitRank(ncclComm_t* made, int ranks, ncclUniqueId id, int rank) {
  *made = nullptr;
  if (!id.internal[0] || rank != 0) return ncclInvalidArgument;
  if (ranks != 1) return ncclInvalidUsage;
  if (vcell_emulation::that_device(vcell_emulation::current_device()) != cudaSuccess)
    return ncclUnhandledCudaError;
  auto comm = std::make_unique<vcell_emulation::NcclComm>();
  comm->device = vcell_emulation::current_device();
  *made = comm.release();
  vcell_emulation::live_communicators().insert(*made);
  return ncclSuccess;
}
inline ncclResult_t ncclCommDestroy(ncclComm_t comm) {
  if (!vcell_emulation::live_communicators().erase(comm)) return ncclInvalidArgument;
  delete comm;
  return ncclSuccess;
}
inline ncclResult_t ncclAllReduce(const void* from, void* to, size_t count, ncclDataType_t type,
                                  ncclRedOp_t operation, ncclComm_t comm, cudaStream_t stream) {
  if (operation != ncclSum) return ncclInvalidArgument;
  return vcell_emulation::collective(from, to, count, type, comm, stream);
}
inline ncclResult_t ncclBroadcast(const void* from, void* to, size_t count, ncclDataType_t type,
                                  int root, ncclComm_t comm, cudaStream_t stream) {
  if (root != 0) return ncclInvalidArgument;
  return vcell_emulation::collective(from, to, count, type, comm, stream);
}
