#pragma once

#include <bit>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "vcell/core/check.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/io/atomic_file.hpp"

VCELL_BEGIN_NAMESPACE

/// Writes a matrix as `.npy` (numpy's format, version 1.0), float32 in the order of C, which
/// numpy.load reads; all or nothing.
/// @param write  given a function that appends values, row by row, (rows, columns) in all
/// @throws ShapeError if others than rows x columns values came; WriteError
template <class = void>
void write_npy_in_pieces(
    const std::filesystem::path& path, size_t rows, size_t columns,
    const std::function<void(const std::function<void(std::span<const float>)>&)>& write) {
  static_assert(std::endian::native == std::endian::little);
  std::string header =
      message("{'descr': '<f4', 'fortran_order': False, 'shape': (", rows, ", ", columns, "), }");
  // The elements begin at a multiple of 64 bytes; the header ends with a line end.
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  std::string begin("\x93NUMPY\x01\x00", 8);
  begin += char(header.size() & 255);
  begin += char(header.size() >> 8);
  write_text_in_pieces(path, [&](const auto& append) {
    append(begin + header);
    size_t count = 0;
    write([&](std::span<const float> values) {
      count += values.size();
      append({reinterpret_cast<const char*>(values.data()), values.size_bytes()});
    });
    check_size_match("write_npy", "values", count, "rows x columns", rows * columns);
  });
}

/// The same of values that are there.
/// @param values  (rows, columns)
template <class = void>
void write_npy(const std::filesystem::path& path, std::span<const float> values, size_t rows,
               size_t columns) {
  write_npy_in_pieces(path, rows, columns, [&](const auto& append) { append(values); });
}

VCELL_INSTANTIATE(
    files, void write_npy_in_pieces<void>(
               const std::filesystem::path&, size_t, size_t,
               const std::function<void(const std::function<void(std::span<const float>)>&)>&));

VCELL_END_NAMESPACE
