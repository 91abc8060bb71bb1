#include "vcell/kernels/product_blocks.hpp"

#include <sys/mman.h>

#include <cmath>

#include "support/catch.hpp"
#include "support/random_tensor.hpp"
#include "vcell/kernels/serial_gemm.hpp"

using namespace vcell;
using kernel::MatrixView;
using vcell_test::random_tensor;

namespace {

constexpr size_t m = 11, n = 9, k = 10;

/// The product in blocks as a library that takes sizes up to `most` would be given it.
void check_blocks(size_t most, bool ta, bool tb, size_t a_gap, size_t b_gap, size_t c_gap) {
  const size_t as = (ta ? m : k) + a_gap, bs = (tb ? k : n) + b_gap, cs = n + c_gap;
  const auto a = random_tensor<double, 2>({ta ? k : m, as}, 1),
             b = random_tensor<double, 2>({tb ? n : k, bs}, 2);
  auto c = random_tensor<double, 2>({m, cs}, 3), expected = c;
  const MatrixView<const double> av(a.data(), ta ? k : m, ta ? m : k, as),
      bv(b.data(), tb ? n : k, tb ? k : n, bs);
  const double alpha = 0.5, beta = 0.25;
  for (size_t i = 0; i < m; ++i)
    for (size_t j = 0; j < n; ++j) {
      double sum = 0;
      for (size_t l = 0; l < k; ++l)
        sum += (ta ? av.row(l)[i] : av.row(i)[l]) * (tb ? bv.row(j)[l] : bv.row(l)[j]);
      expected(i, j) = alpha * sum + beta * expected(i, j);
    }
  size_t refused = 0;
  kernel::detail::product_in_blocks<double>(
      most, ta, tb, k, av, bv, beta, MatrixView<double>(c.data(), m, n, cs),
      [&](size_t depth, MatrixView<const double> ak, MatrixView<const double> bk, double beta_k,
          MatrixView<double> ck) {
        for (const auto size : {ck.rows, ck.columns, depth, kernel::detail::block_stride(ak),
                                kernel::detail::block_stride(bk), kernel::detail::block_stride(ck)})
          refused += size > most;
        kernel::serial_gemm<double>(ta, tb, alpha, ak, bk, beta_k, ck);
      });
  INFO("at most " << most << (ta ? " T" : " N") << (tb ? "T" : "N") << ' ' << a_gap << ' ' << b_gap
                  << ' ' << c_gap);
  CHECK(refused == 0);
  double error = 0;
  for (size_t i = 0; i < m; ++i)
    for (size_t j = 0; j < cs; ++j) error = std::max(error, std::abs(c(i, j) - expected(i, j)));
  CHECK(error < 1e-13);
}

/// Address space without memory: pages come when they are written.
class Space {
 public:
  explicit Space(size_t bytes)
      : bytes_(bytes),
        data_(mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {}
  ~Space() {
    if (data()) munmap(data_, bytes_);
  }
  Space(const Space&) = delete;
  Space& operator=(const Space&) = delete;
  float* data() const { return data_ == MAP_FAILED ? nullptr : static_cast<float*>(data_); }

 private:
  size_t bytes_;
  void* data_;
};

}  // namespace

TEST_CASE("product blocks: sizes and strides that a library cannot take", "[kernels]") {
  for (const bool ta : {false, true})
    for (const bool tb : {false, true})
      for (const size_t most : {3, 11, 12, 1000})
        for (const size_t gaps : {0, 1, 2, 4, 7})
          check_blocks(most, ta, tb, gaps & 1 ? 50 : 0, gaps & 2 ? 60 : 0, gaps & 4 ? 70 : 0);
}

TEST_CASE("serial_gemm: rows further apart than an int counts", "[kernels]") {
  constexpr size_t stride = (size_t(1) << 31) + 17, rows = 3, depth = 2, columns = 2;
  const Space space(3 * rows * stride * sizeof(float));
  if (!space.data()) VCELL_SKIP("no address space of 77 GB");
  const MatrixView<float> a(space.data(), rows, depth, stride),
      b(space.data() + rows * stride, depth, columns, stride),
      c(space.data() + 2 * rows * stride, rows, columns, stride);
  for (size_t i = 0; i < rows; ++i)
    for (size_t l = 0; l < depth; ++l) a.row(i)[l] = float(1 + i + 10 * l);
  for (size_t l = 0; l < depth; ++l)
    for (size_t j = 0; j < columns; ++j) b.row(l)[j] = float(2 + l + 5 * j);
  kernel::serial_gemm<float>(false, false, 1, a, b, 0, c);
  for (size_t i = 0; i < rows; ++i)
    for (size_t j = 0; j < columns; ++j) {
      float expected = 0;
      for (size_t l = 0; l < depth; ++l) expected += a.row(i)[l] * b.row(l)[j];
      CHECK(c.row(i)[j] == expected);
    }
}
