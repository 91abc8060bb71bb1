#pragma once

#include <filesystem>

#include "vcell/io/hdf5/output.hpp"
#include "vcell/io/hdf5/output_disk.hpp"

VCELL_BEGIN_NAMESPACE
namespace hdf5 {

/// Writes an HDF5 file itself, which nobody else has.
/// @param file     of it; one of that name is replaced
/// @param writing  says how; packer and disk_failed are set here
/// @param gzip     as in ChunkPacker
/// @param write    of the root: writes what is in it
/// @throws WriteError if the disk does not take it
template <class F>
void write_file(const std::filesystem::path& file, Writing writing, int gzip, F&& write) {
  const LibraryUse use;
  bool disk_failed = false;
  ChunkPacker packer(gzip);
  writing.disk_failed = &disk_failed;
  writing.packer = &packer;
  const Handle access(H5Pcreate(H5P_FILE_ACCESS)), creation(H5Pcreate(H5P_FILE_CREATE));
  write_through(access, disk_failed);
  // The file is this writer's alone and locked by it, which HDF5 would find in its way where the
  // system has one kind of locks, as NFS.
#if H5_VERSION_GE(1, 12, 1) || (H5_VERSION_GE(1, 10, 7) && !H5_VERSION_GE(1, 12, 0))
  H5Pset_file_locking(access, false, true);
#endif
  // 1.8 is the oldest format without times in groups and with attributes beyond 64 KiB.
  H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_LATEST);
  H5Pset_obj_track_times(creation, false);
  {
    const Handle made(H5Fcreate(file.string().c_str(), H5F_ACC_TRUNC, creation, access));
    OutputGroup root{&writing, "/", {}};
    root.check(hid_t(made), "");
    root.id = Handle(H5Gopen2(made, "/", H5P_DEFAULT));
    write(std::as_const(root));
  }
  writing.check_disk();
}

}  // namespace hdf5
VCELL_END_NAMESPACE
