#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "vcell/core/check.hpp"
#include "vcell/core/cmath.hpp"
#include "vcell/data/dtype.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// A number as another type. `fits` becomes false when that type cannot hold it; rounding to a
/// shorter floating type is no failure.
template <class To, class From>
To convert_number(From x, bool& fits) {
  if constexpr (std::is_same_v<From, half> || std::is_same_v<From, bfloat16>) {
    return convert_number<To>(float(x), fits);
  } else if constexpr (std::is_floating_point_v<To> || std::is_same_v<To, From>) {
    return To(x);
  } else if constexpr (std::is_same_v<To, bool>) {
    fits = fits && (x == From(0) || x == From(1));
    return x != From(0);
  } else if constexpr (std::is_integral_v<From>) {
    fits = fits && std::in_range<To>(x);
    return To(x);
  } else {
    const From limit = std::ldexp(From(1), int(sizeof(To)) * 8 - int(std::is_signed_v<To>));
    const bool in = x >= (std::is_signed_v<To> ? -limit : From(0)) && x < limit;
    fits = fits && in && x == std::trunc(x);
    return in ? To(x) : To(0);
  }
}

}  // namespace detail

/// A list of numbers whose dtype is known when the program runs, as a file holds them. Truth values
/// are bytes, 0 or 1. Equal are lists of one dtype and the same bytes.
class Numbers {
 public:
  /// No numbers, of float32.
  Numbers() = default;
  /// Takes over what a vector holds.
  template <class T>
  Numbers(std::vector<T> values) : Numbers(std::move(values), dtype_of<T>()) {}
  /// The same, of a dtype that is kept as T: truth values too are uint8_t, 0 or 1.
  /// @throws FormatError if it is kept otherwise
  template <class T>
  Numbers(std::vector<T> values, DType dtype) : size_(values.size()), dtype_(dtype) {
    static_assert(is_storage_v<T>, "say int64_t, uint32_t, ..., or Numbers::truths for bool");
    check_holds<T>("Numbers");
    held_ = new Values<T>(std::move(values));
    bytes_ = held_->bytes();
  }
  /// Zeros of any dtype.
  template <class = void>
  Numbers(DType dtype, size_t n) {
    *this =
        visit_storage<Numbers>(dtype, [&]<class T>() { return Numbers(std::vector<T>(n), dtype); });
  }
  /// Truth values: true where a flag is not 0.
  template <class = void>
  static Numbers truths(std::vector<uint8_t> flags) {
    for (uint8_t& flag : flags) flag = flag != 0;
    return {std::move(flags), DType::boolean};
  }

  Numbers(const Numbers& other)
      : held_(other.held_ ? other.held_->copy() : nullptr),
        bytes_(held_ ? held_->bytes() : nullptr),
        size_(other.size_),
        dtype_(other.dtype_) {}
  Numbers(Numbers&& other) noexcept { swap(other); }
  Numbers& operator=(Numbers other) noexcept {
    swap(other);
    return *this;
  }
  ~Numbers() { delete held_; }

  size_t size() const { return size_; }
  DType dtype() const { return dtype_; }
  std::span<const std::byte> bytes() const { return {bytes_, size_ * size_of(dtype_)}; }
  std::span<std::byte> bytes() { return {bytes_, size_ * size_of(dtype_)}; }

  /// Whether the numbers lie in memory as T: uint8_t also for truth values.
  template <class T>
  bool holds() const {
    static_assert(is_storage_v<T>, "say int64_t, uint32_t, ..., uint8_t for bool");
    return dtype_ == dtype_of<T>() || (std::is_same_v<T, uint8_t> && dtype_ == DType::boolean);
  }
  /// The numbers, borrowed.
  /// @throws FormatError if they are of another type
  template <class T>
  std::span<const T> values() const {
    check_holds<T>("Numbers::values");
    return {reinterpret_cast<const T*>(bytes_), size_};
  }
  template <class T>
  std::span<T> values() {
    check_holds<T>("Numbers::values");
    return {reinterpret_cast<T*>(bytes_), size_};
  }
  /// Calls f(std::span<const T>) with the numbers as they lie in memory, and returns what it
  /// returns, an R.
  template <class R = void, class F>
  R visit(F&& f) const {
    return visit_storage<R>(dtype_, [&]<class T>() -> R { return f(values<T>()); });
  }

  /// Writes count numbers from `first` on as T, rounded to nearest where T is shorter.
  /// @return whether T holds each of them; rounding to a shorter floating type is no failure
  /// @throws ShapeError if there are no such numbers
  template <class T>
  bool copy(size_t first, size_t count, T* to) const {
    if (first > size_ || count > size_ - first) [[unlikely]]
      detail::fail<ShapeError>("Numbers::copy: ", count, " from ", first, " on, of ", size_);
    bool fits = true;
    visit([&](auto values) {
      for (size_t i = 0; i < count; ++i) to[i] = detail::convert_number<T>(values[first + i], fits);
    });
    return fits;
  }
  /// All numbers as T.
  /// @throws FormatError if T cannot hold one of them (integers and bool are never rounded)
  template <class T>
  std::vector<T> as() const {
    std::vector<T> out(size_);
    bool fits = true;
    if constexpr (std::is_same_v<T, bool>)  // which std::vector packs
      visit([&](auto values) {
        for (size_t i = 0; i < size_; ++i) out[i] = detail::convert_number<bool>(values[i], fits);
      });
    else
      fits = copy(0, size_, out.data());
    if (!fits)
      throw FormatError(message("Numbers::as: one of ", size_, " numbers of ", name_of(dtype_),
                                " does not fit into ", name_of(dtype_of<T>())));
    return out;
  }
  /// The same without a copy where they are of that type; nothing is left here.
  template <class T>
  std::vector<T> take() {
    std::vector<T> out;
    if (held_ && holds<T>())
      out = std::move(static_cast<Values<T>&>(*held_).values);
    else
      out = as<T>();
    *this = Numbers(std::vector<T>());
    return out;
  }

  /// Makes the numbers ones of T, where they are not.
  /// @throws FormatError if T cannot hold one of them (integers and bool are never rounded)
  template <class T>
  void become() {
    if (!holds<T>()) *this = as<T>();
  }

  /// Drops all but the first n.
  /// @throws ShapeError if there are fewer
  template <class = void>
  void truncate(size_t n) {
    if (n > size_) [[unlikely]]
      detail::fail<ShapeError>("Numbers::truncate: to ", n, " of ", size_);
    if (held_) held_->resize(n);
    size_ = n;
  }

  /// The numbers at these places, in the given order; a place may be named more than once.
  /// @param width  how many numbers lie at one place
  /// @throws ShapeError if there is no such place
  template <class = void>
  Numbers select(std::span<const size_t> places, size_t width = 1) const {
    Numbers out(dtype_, places.size() * width);
    const size_t each = width * size_of(dtype_), there = width ? size_ / width : 0;
    for (size_t i = 0; i < places.size() && each; ++i) {
      check_index("Numbers::select", "place", places[i], there);
      std::memcpy(out.bytes_ + i * each, bytes_ + places[i] * each, each);
    }
    return out;
  }

  template <class = void>
  friend bool operator==(const Numbers& a, const Numbers& b) {
    return a.dtype_ == b.dtype_ && a.size_ == b.size_ &&
           std::equal(a.bytes().begin(), a.bytes().end(), b.bytes().begin());
  }

 private:
  // A vector whose type is forgotten, so that it can be taken over and given back.
  struct Held {
    virtual ~Held() = default;
    virtual Held* copy() const = 0;
    virtual std::byte* bytes() = 0;
    virtual void resize(size_t n) = 0;
  };
  template <class T>
  struct Values final : Held {
    std::vector<T> values;
    explicit Values(std::vector<T> v) : values(std::move(v)) {}
    Held* copy() const override { return new Values(values); }
    std::byte* bytes() override { return reinterpret_cast<std::byte*>(values.data()); }
    void resize(size_t n) override { values.resize(n); }
  };

  void swap(Numbers& other) noexcept {
    std::swap(held_, other.held_);
    std::swap(bytes_, other.bytes_);
    std::swap(size_, other.size_);
    std::swap(dtype_, other.dtype_);
  }
  template <class T>
  void check_holds(const char* function) const {
    if (!holds<T>()) [[unlikely]]
      detail::fail<FormatError>(function, ": the numbers are of ", name_of(dtype_), ", not ",
                                name_of(dtype_of<T>()));
  }

  Held* held_ = nullptr;  // owned; <memory> costs more to include than all of this header
  std::byte* bytes_ = nullptr;
  size_t size_ = 0;
  DType dtype_ = DType::f32;
};

VCELL_END_NAMESPACE
