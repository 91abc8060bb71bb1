#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "vcell/io/hdf5/handle.hpp"

#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

VCELL_BEGIN_NAMESPACE
namespace hdf5 {
namespace detail {

/// The file under an HDF5 file that is being written. When the disk fails, HDF5 keeps objects that
/// it can neither write nor close, and crashes on them when the program ends. This driver therefore
/// tells it that all went well, notes the failure, and writes no more.
struct OutputDisk : H5FD_t {
  int file = -1;
  bool* failed = nullptr;
  haddr_t allocated = 0, written = 0;

  static H5FD_t* open(const char* name, unsigned, hid_t access, haddr_t) {
    const int file = ::open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0) return nullptr;
    auto* disk = new OutputDisk{};
    disk->file = file;
    disk->failed = *static_cast<bool* const*>(H5Pget_driver_info(access));
    return disk;
  }
  static herr_t close(H5FD_t* self) {
    auto* disk = static_cast<OutputDisk*>(self);
    *disk->failed |= ::close(disk->file) != 0;
    delete disk;
    return 0;
  }
  static herr_t query(const H5FD_t*, unsigned long* flags) {
    if (flags)
      *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
               H5FD_FEAT_AGGREGATE_SMALLDATA;
    return 0;
  }
  static haddr_t get_allocated(const H5FD_t* self, H5FD_mem_t) {
    return static_cast<const OutputDisk*>(self)->allocated;
  }
  static herr_t set_allocated(H5FD_t* self, H5FD_mem_t, haddr_t end) {
    static_cast<OutputDisk*>(self)->allocated = end;
    return 0;
  }
  static haddr_t get_written(const H5FD_t* self, H5FD_mem_t) {
    return static_cast<const OutputDisk*>(self)->written;
  }
  static herr_t read(H5FD_t* self, H5FD_mem_t, hid_t, haddr_t address, size_t n, void* to) {
    const int file = static_cast<const OutputDisk*>(self)->file;
    auto* const bytes = static_cast<char*>(to);
    size_t done = 0;
    while (done < n) {
      const ssize_t got = ::pread(file, bytes + done, n - done, off_t(address + done));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) break;
      done += size_t(got);
    }
    std::fill_n(bytes + done, n - done, '\0');  // what lies beyond the end
    return 0;
  }
  static herr_t write(H5FD_t* self, H5FD_mem_t, hid_t, haddr_t address, size_t n,
                      const void* from) {
    auto* disk = static_cast<OutputDisk*>(self);
    disk->written = std::max(disk->written, address + n);
    const auto* const bytes = static_cast<const char*>(from);
    for (size_t done = 0; done < n && !*disk->failed;) {
      const ssize_t put = ::pwrite(disk->file, bytes + done, n - done, off_t(address + done));
      if (put > 0)
        done += size_t(put);
      else if (put == 0 || errno != EINTR)
        *disk->failed = true;
    }
    return 0;
  }
  static herr_t truncate(H5FD_t* self, hid_t access, hbool_t) {
    auto* disk = static_cast<OutputDisk*>(self);
    if (disk->written < disk->allocated)
      return write(self, H5FD_MEM_DEFAULT, access, disk->allocated - 1, 1, "");
    // What HDF5 gave back at the end: without it a file that was cut short is known by its length.
    if (disk->written > disk->allocated && !*disk->failed) {
      *disk->failed = ::ftruncate(disk->file, off_t(disk->allocated)) != 0;
      disk->written = disk->allocated;
    }
    return 0;
  }
};

}  // namespace detail

/// File access properties for a new file. Failures of the disk come out in `failed`, which must
/// outlive the file, and nowhere else.
/// @return negative when HDF5 fails
template <class = void>
herr_t write_through(hid_t access, bool& failed) {
  using Disk = detail::OutputDisk;
  static constexpr H5FD_mem_t kinds[] = H5FD_FLMAP_DICHOTOMY;
  H5FD_class_t driver = {};
#if H5_VERSION_GE(1, 13, 0)
  driver.version = H5FD_CLASS_VERSION;
  driver.value = H5FD_class_value_t(1000);  // among those that nobody registers
#endif
  driver.name = "vcell output";
  driver.maxaddr = haddr_t(1) << 62;
  driver.fc_degree = H5F_CLOSE_WEAK;
  driver.fapl_size = sizeof(bool*);
  driver.open = Disk::open;
  driver.close = Disk::close;
  driver.query = Disk::query;
  driver.get_eoa = Disk::get_allocated;
  driver.set_eoa = Disk::set_allocated;
  driver.get_eof = Disk::get_written;
  driver.read = Disk::read;
  driver.write = Disk::write;
  driver.truncate = Disk::truncate;
  std::copy(std::begin(kinds), std::end(kinds), driver.fl_map);
  const Handle id(H5FDregister(&driver));
  bool* const pointer = &failed;
  return H5Pset_driver(access, id, &pointer);
}

}  // namespace hdf5
VCELL_END_NAMESPACE
