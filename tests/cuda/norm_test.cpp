// The CUDA kernels of layer_norm and rms_norm against those of the CPU.
#include "support/catch.hpp"
#include "vcell/kernels/layer_norm.cuh"
#include "vcell/kernels/rms_norm.cuh"
//
#include "cuda/support/device.hpp"
#include "cuda/support/difference.hpp"
#include "support/largest_error.hpp"
#include "support/random_tensor.hpp"
#include "vcell/kernels/launch.hpp"
#include "vcell/tensor/copy.hpp"
#include "vcell/tensor/memory_cuda.hpp"

namespace {

using namespace vcell;
using vcell_test::difference;
using vcell_test::random_tensor;
using vcell_test::same_bytes;

struct Choice {
  bool has_weight = true, has_bias = true;
  bool wants_dx = true, wants_dw = true, wants_db = true;
  bool accumulate = false, in_place = false;
};

template <class T>
struct Result {
  Tensor<T, 2> y, dx;
  Tensor<T, 1> m, r, dw, db;

  bool same(const Result& other) const {
    return same_bytes(y, other.y) && same_bytes(dx, other.dx) && same_bytes(m, other.m) &&
           same_bytes(r, other.r) && same_bytes(dw, other.dw) && same_bytes(db, other.db);
  }
};

/// What nothing is written to holds the same numbers on every device.
template <class Device, class T>
class Case {
 public:
  Case(const Tensor<T, 2>& x, const Choice& choice)
      : choice_(choice),
        x_(to_device<Device>(x)),
        y_(device_tensor<2>(x.shape(), 2)),
        dy_(device_tensor<2>(x.shape(), 3)),
        dx_(device_tensor<2>(x.shape(), 4)),
        w_(device_tensor<1>({x.shape()[1]}, 5)),
        b_(device_tensor<1>({x.shape()[1]}, 6)),
        dw_(device_tensor<1>({x.shape()[1]}, 7)),
        db_(device_tensor<1>({x.shape()[1]}, 8)),
        m_(device_tensor<1>({x.shape()[0]}, 9)),
        r_(device_tensor<1>({x.shape()[0]}, 10)) {}

  Result<T> layer_norm() {
    const View<const T, 1, Device> none, w = choice_.has_weight ? constant(w_) : none,
                                         b = choice_.has_bias ? constant(b_) : none;
    kernel::forward<kernel::LayerNorm, Device>("test", constant(x_), w, b, target_of_y(), m_.view(),
                                               r_.view(), T(1e-5));
    const auto y = to_host(target_of_y());
    restore_x();
    kernel::backward<kernel::LayerNorm, Device>(
        "test", constant(dy_), constant(x_), w, constant(m_), constant(r_),
        put(dx_, choice_.wants_dx), put(dw_, choice_.wants_dw), put(db_, choice_.wants_db));
    return result(y);
  }
  Result<T> rms_norm() {
    kernel::forward<kernel::RmsNorm, Device>("test", constant(x_), constant(w_), target_of_y(),
                                             r_.view(), T(1e-5));
    const auto y = to_host(target_of_y());
    restore_x();
    kernel::backward<kernel::RmsNorm, Device>("test", constant(dy_), constant(x_), constant(w_),
                                              constant(r_), put(dx_, choice_.wants_dx),
                                              put(dw_, choice_.wants_dw));
    return result(y);
  }

 private:
  template <int rank>
  static Tensor<T, rank, Device> device_tensor(const Shape<rank>& shape, uint64_t seed) {
    return to_device<Device>(random_tensor<T, rank>(shape, seed));
  }
  template <int rank>
  static View<const T, rank, Device> constant(const Tensor<T, rank, Device>& t) {
    return t.view();
  }
  template <int rank>
  kernel::Target<T, rank, Device> put(Tensor<T, rank, Device>& t, bool wanted) {
    return wanted ? kernel::Target<T, rank, Device>{t.view(), choice_.accumulate}
                  : kernel::Target<T, rank, Device>{};
  }
  View<T, 2, Device> target_of_y() {
    if (choice_.in_place && kept_.count() == 0) kept_ = to_host(constant(x_));
    return choice_.in_place ? x_.view() : y_.view();
  }
  void restore_x() {
    if (choice_.in_place) x_ = to_device<Device>(kept_);
  }
  Result<T> result(const Tensor<T, 2>& y) {
    return {y,
            to_host(constant(dx_)),
            to_host(constant(m_)),
            to_host(constant(r_)),
            to_host(constant(dw_)),
            to_host(constant(db_))};
  }

  Choice choice_;
  Tensor<T, 2, Device> x_, y_, dy_, dx_;
  Tensor<T, 1, Device> w_, b_, dw_, db_, m_, r_;
  Tensor<T, 2> kept_;
};

template <class T>
void check_close(const Result<T>& found, const Result<T>& expected, double tolerance) {
  CHECK(difference(found.y, expected.y) <= tolerance);
  CHECK(difference(found.dx, expected.dx) <= tolerance);
  CHECK(difference(found.m, expected.m) <= tolerance);
  CHECK(difference(found.r, expected.r) <= tolerance);
  CHECK(difference(found.dw, expected.dw) <= tolerance);
  CHECK(difference(found.db, expected.db) <= tolerance);
}

/// @param run  run(case), one of its two norms
template <class T, class Run>
void check(const Tensor<T, 2>& x, const Choice& choice, double tolerance, Run run) {
  INFO(message(x.shape(), ", added: ", choice.accumulate));
  Case<Cpu, T> host(x, choice);
  const auto expected = run(host);
  Result<T> first;
  bool is_first = true;
  vcell_test::in_several_orders([&] {
    Case<Cuda, T> gpu(x, choice);
    const auto found = run(gpu);
    check_close(found, expected, tolerance);
    if (std::exchange(is_first, false)) first = found;
    CHECK(found.same(first));
  });
}

const auto layer_norm = [](auto& c) { return c.layer_norm(); };
const auto rms_norm = [](auto& c) { return c.rms_norm(); };

const std::vector<Shape<2>> shapes = {{3, 2},   {6, 31}, {37, 33}, {1, 256},
                                      {2, 257}, {0, 5},  {4, 0}};

}  // namespace

TEMPLATE_TEST_CASE("cuda norms: values and gradients, rows of warps and of blocks", "[cuda]", float,
                   double) {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const double tolerance = 512 * double(std::numeric_limits<TestType>::epsilon());
  for (const auto& shape : shapes)
    for (const bool accumulate : {false, true}) {
      const auto x = random_tensor<TestType, 2>(shape, 1);
      check(x, {.accumulate = accumulate}, tolerance, layer_norm);
      check(x, {.accumulate = accumulate}, tolerance, rms_norm);
    }
}

TEST_CASE("cuda norms: one column, zeros, and what is not a number", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  // Of one column layer_norm leaves rounding times 1 / sqrt(epsilon).
  const auto column = random_tensor<double, 2>({5, 1}, 1);
  check(column, {}, 1e-10, layer_norm);
  check(column, {}, 1e-10, rms_norm);
  for (const size_t columns : {size_t(20), size_t(300)}) {
    auto x = random_tensor<double, 2>({3, columns}, 1);
    for (size_t j = 0; j < columns; ++j) x(1, j) = 0;
    check(x, {}, 1e-10, layer_norm);
    check(x, {}, 1e-10, rms_norm);
    x(2, 7) = NAN;
    check(x, {}, 1e-10, layer_norm);
    check(x, {}, 1e-10, rms_norm);
  }
}

TEST_CASE("cuda layer_norm: rows far from 0 keep their digits", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  for (const size_t columns : {size_t(200), size_t(5000)}) {
    auto x = random_tensor<float, 2>({4, columns}, 1);
    for (float& v : x.values()) v = 4096 + 64 * v;
    Tensor<double, 2> wide({4, columns});
    for (size_t i = 0; i < x.count(); ++i) wide.data()[i] = double(x.data()[i]);
    Case<Cuda, float> narrow(x, {.has_weight = false, .has_bias = false});
    Case<Cpu, double> exact(wide, {.has_weight = false, .has_bias = false});
    const auto found = narrow.layer_norm();
    const auto expected = exact.layer_norm();
    for (size_t i = 0; i < 4; ++i)  // rounded once
      CHECK(std::abs(double(found.m[i]) - expected.m[i]) <= 0.6 * 4096 * 0x1p-23);
    CHECK(vcell_test::largest_difference(found.y.values(), expected.y.values()) < 2e-5);
  }
}

TEST_CASE("cuda norms: weight and bias are optional, and so is every gradient", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  for (const Shape<2> shape : {Shape<2>{5, 30}, {2, 257}}) {
    const auto x = random_tensor<double, 2>(shape, 1);
    for (const Choice& choice :
         std::vector<Choice>{{.has_weight = false},
                             {.has_bias = false},
                             {.wants_dx = false},
                             {.wants_dw = false},
                             {.wants_db = false},
                             {.wants_dw = false, .wants_db = false, .in_place = true},
                             {.wants_dx = false, .wants_dw = false, .wants_db = false}}) {
      check(x, choice, 1e-12, layer_norm);
      if (choice.has_weight && choice.has_bias) check(x, choice, 1e-12, rms_norm);
    }
  }
}

TEST_CASE("cuda norms: rows beyond the grid", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const auto& context = current_context<Cuda>();
  for (const Shape<2> shape : {Shape<2>{11, 20}, {5, 300}}) {
    const size_t rows = shape[0], columns = shape[1];
    const auto matrix = [&](uint64_t seed) {
      return to_device<Cuda>(random_tensor<float, 2>(shape, seed));
    };
    const auto vector = [&](size_t n, uint64_t seed) {
      return to_device<Cuda>(random_tensor<float, 1>({n}, seed));
    };
    const auto x = matrix(1), dy = matrix(2);
    const auto w = vector(columns, 3), b = vector(columns, 4);
    device::with_row_threads(columns, [&](auto threads) {
      const auto run = [&](dim3 grid) {
        const auto start = [&](auto function, auto... arguments) {
          check_status("test", device::launch(context, function, grid, dim3{device::row_threads},
                                              arguments...));
        };
        auto y = matrix(5), dx = matrix(6), rms_y = matrix(7), rms_dx = matrix(8);
        auto m = vector(rows, 9), r = vector(rows, 10), rms = vector(rows, 11);
        start(kernel::detail::layer_norm_forward<threads, float>, x.data(), w.data(), b.data(),
              y.data(), m.data(), r.data(), rows, columns, 1e-5f);
        start(kernel::detail::layer_norm_backward<threads, false, float>, dy.data(), x.data(),
              w.data(), m.data(), r.data(), dx.data(), rows, columns);
        start(kernel::detail::rms_norm_forward<threads, float>, x.data(), w.data(), rms_y.data(),
              rms.data(), rows, columns, 1e-5f);
        start(kernel::detail::rms_norm_backward<threads, false, float>, dy.data(), x.data(),
              w.data(), rms.data(), rms_dx.data(), rows, columns);
        return std::array{to_host(y.view()), to_host(dx.view()), to_host(rms_y.view()),
                          to_host(rms_dx.view())};
      };
      const auto few = run(dim3{2}), many = run(device::grid_for_rows(rows, columns));
      for (size_t k = 0; k < 4; ++k) CHECK(same_bytes(few[k], many[k]));
    });
  }
}
