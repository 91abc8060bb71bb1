#pragma once

#include <span>
#include <utility>

#include "vcell/tensor/buffer.hpp"
#include "vcell/tensor/view.hpp"

VCELL_BEGIN_NAMESPACE

/// An array of fixed rank with value semantics: a copy is independent, a move is cheap. Elements
/// lie row-major and contiguous, 64-byte aligned, on a device named by the type.
///
///   Tensor<float, 2> x({2, 3});        // zeros
///   x(1, 2) = 5;
///   auto row = x[1];                   // a view of rank 1
///   auto rows = x.slice(0, 1);         // a view of the first row, rank 2
///
/// @tparam Scalar  float, double, bfloat16 (storage only), or an integer type
/// @tparam rank    number of axes
template <class Scalar, int rank, class Device = Cpu>
class Tensor {
 public:
  using scalar_type = Scalar;

  /// No elements: all sizes 0 (rank 0: one element, zero).
  Tensor() : Tensor(Shape<rank>{}) {}
  /// Zeros.
  explicit Tensor(const Shape<rank>& shape) : Tensor(uninitialized(shape)) { buffer_.zero(); }
  /// A copy of given elements, which lie on the host.
  /// @throws ShapeError if their number is not that of the shape
  Tensor(const Shape<rank>& shape, std::span<const Scalar> values) : Tensor(uninitialized(shape)) {
    check_size_match("Tensor", "number of values", values.size(), "elements of the shape", count());
    Memory<Device>::upload(current_context<Device>(), data(), values.data(),
                           values.size() * sizeof(Scalar));
  }
  Tensor(const Tensor&) = default;
  Tensor& operator=(const Tensor&) = default;
  Tensor(Tensor&& other) noexcept
      : shape_(std::exchange(other.shape_, Shape<rank>{})), buffer_(std::move(other.buffer_)) {}
  Tensor& operator=(Tensor&& other) noexcept {
    shape_ = std::exchange(other.shape_, Shape<rank>{});
    buffer_ = std::move(other.buffer_);
    return *this;
  }

  /// Elements that are not initialised, for results that are about to be written whole.
  static Tensor uninitialized(const Shape<rank>& shape) { return Tensor(shape, Raw{}); }

  const Shape<rank>& shape() const { return shape_; }
  size_t shape(int axis) const { return shape_[size_t(axis)]; }
  size_t count() const { return buffer_.count(); }
  Scalar* data() { return buffer_.data(); }
  const Scalar* data() const { return buffer_.data(); }

  View<Scalar, rank, Device> view() { return {data(), shape_}; }
  View<const Scalar, rank, Device> view() const { return {data(), shape_}; }
  View<Scalar, 2, Device> matrix() { return view().matrix(); }
  View<const Scalar, 2, Device> matrix() const { return view().matrix(); }
  std::span<Scalar> values() requires readable_on_host<Device> { return view().values(); }
  std::span<const Scalar> values() const requires readable_on_host<Device> {
    return view().values();
  }

  /// The element at an index for each axis. Not checked. On the Cpu only.
  template <class... Index>
  requires readable_on_host<Device> Scalar& operator()(Index... index) { return view()(index...); }
  template <class... Index>
  requires readable_on_host<Device>
  const Scalar& operator()(Index... index) const { return view()(index...); }
  /// The part at index i of the first axis: a view one rank lower, or the element of a vector.
  decltype(auto) operator[](size_t i) { return view()[i]; }
  decltype(auto) operator[](size_t i) const { return view()[i]; }
  /// begin .. end - 1 of the first axis, as a view.
  auto slice(size_t begin, size_t end) { return view().slice(begin, end); }
  auto slice(size_t begin, size_t end) const { return view().slice(begin, end); }

  /// The same elements under another shape, without a copy.
  /// @throws ShapeError if it has another number of elements
  template <int other>
  Tensor<Scalar, other, Device> reshape(const Shape<other>& to) && {
    view().template reshape<other>(to);
    Tensor<Scalar, other, Device> y(to, std::move(buffer_));
    shape_ = {};
    return y;
  }

  void zero() { buffer_.zero(); }
  /// The elements themselves, taken out of a tensor that is no longer needed.
  Buffer<Scalar, Device> release() && {
    shape_ = {};
    return std::move(buffer_);
  }

 private:
  template <class, int, class>
  friend class Tensor;
  struct Raw {};
  Tensor(const Shape<rank>& shape, Raw) : shape_(shape), buffer_(checked_count(shape)) {}
  Tensor(const Shape<rank>& shape, Buffer<Scalar, Device> buffer)
      : shape_(shape), buffer_(std::move(buffer)) {}
  /// The product of the sizes, which must not wrap around.
  static size_t checked_count(const Shape<rank>& shape) {
    if (!has_at_most(shape, (~size_t(0) >> 1) / sizeof(Scalar)))
      detail::fail<ShapeError>("Tensor: ", shape, " has more elements than memory can hold");
    return vcell::count(shape);
  }

  Shape<rank> shape_{};
  Buffer<Scalar, Device> buffer_;
};

VCELL_END_NAMESPACE
