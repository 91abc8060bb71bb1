#pragma once

#include <span>
#include <type_traits>

#include "vcell/core/check.hpp"
#include "vcell/core/device.hpp"
#include "vcell/tensor/shape.hpp"

VCELL_BEGIN_NAMESPACE

/// Borrowed elements on a device, row-major and contiguous: what kernels see. A view does not own
/// its memory and never outlives the tensor it came from. A null view (no data) stands for
/// something optional that is not there, such as a mask. Elements can be read and iterated over
/// where the host may touch them, on the Cpu; a kernel of another device takes `data` apart itself.
template <class T, int rank, class Device = Cpu>
struct View {
  T* data = nullptr;
  Shape<rank> shape{};

  explicit operator bool() const { return data != nullptr; }
  size_t count() const { return vcell::count(shape); }

  /// A view of what may be written is a view of what may be read.
  template <class U>
  requires(std::is_same_v<U, const T> && !std::is_const_v<T>) operator View<U, rank, Device>()
      const {
    return {data, shape};
  }

  T* begin() const requires readable_on_host<Device> { return data; }
  T* end() const requires readable_on_host<Device> { return data + count(); }
  std::span<T> values() const requires readable_on_host<Device> { return {data, count()}; }

  /// The element at an index for each axis. Not checked.
  template <class... Index>
  requires(readable_on_host<Device> && sizeof...(Index) == size_t(rank)) T& operator()(
      Index... index) const {
    size_t offset = 0, axis = 0;
    ((offset = offset * shape[axis++] + size_t(index)), ...);
    return data[offset];
  }

  /// The part at index i of the first axis, one rank lower. Not checked.
  View<T, rank - 1, Device> operator[](size_t i) const requires(rank > 1) {
    View<T, rank - 1, Device> part;
    for (int axis = 1; axis < rank; ++axis) part.shape[axis - 1] = shape[axis];
    part.data = data + i * part.count();
    return part;
  }
  T& operator[](size_t i) const requires(rank == 1 && readable_on_host<Device>) { return data[i]; }

  /// begin .. end - 1 of the first axis.
  /// @throws ShapeError if they are not 0 <= begin <= end <= shape[0]
  View slice(size_t first, size_t last) const requires(rank > 0) {
    if (first > last || last > shape[0])
      detail::fail<ShapeError>("View::slice: ", first, " .. ", last, " of ", shape,
                               ", expected 0 <= begin <= end <= the first size");
    View part = *this;
    part.shape[0] = last - first;
    part.data = data + (shape[0] ? first * (count() / shape[0]) : 0);
    return part;
  }

  /// The same elements under another shape.
  /// @throws ShapeError if it has another number of elements
  template <int other>
  View<T, other, Device> reshape(const Shape<other>& to) const {
    if (!has_at_most(to, count()) || vcell::count(to) != count())
      detail::fail<ShapeError>("View::reshape: ", shape, " has ", count(), " elements and ", to,
                               " has ", has_at_most(to, ~size_t(0)) ? "" : "more than ",
                               has_at_most(to, ~size_t(0)) ? vcell::count(to) : ~size_t(0),
                               "; they must be equal");
    return {data, to};
  }

  /// All axes but the last as one: (rows, columns). Kernels see views of few ranks this way.
  View<T, 2, Device> matrix() const requires(rank > 0) {
    size_t rows = 1;
    for (int axis = 0; axis + 1 < rank; ++axis) rows *= shape[size_t(axis)];
    return {data, {rows, shape[size_t(rank - 1)]}};
  }
  /// All elements in a row.
  View<T, 1, Device> flat() const { return {data, {count()}}; }
};

VCELL_END_NAMESPACE
