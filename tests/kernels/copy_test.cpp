#include "vcell/kernels/copy.hpp"

#include "support/random_tensor.hpp"
#include "support/threads.hpp"

using namespace vcell;
using kernel::Copy;
using kernel::MatrixView;
using vcell_test::random_tensor;

TEMPLATE_TEST_CASE("copy kernel: moves or adds a block, and touches nothing else", "[kernels]",
                   float, double) {
  using T = TestType;
  struct Block {
    size_t row, rows, column, columns;
  };
  const auto from = random_tensor<T, 2>({9, 13}, 1), before = random_tensor<T, 2>({11, 17}, 2);
  for (const Block b : {Block{0, 9, 0, 13},
                        {2, 1, 3, 1},
                        {8, 1, 0, 13},
                        {0, 9, 12, 1},
                        {1, 7, 2, 8},
                        {4, 0, 2, 5},
                        {4, 3, 2, 0}})
    for (const bool add : {false, true}) {
      CAPTURE(b.row, b.rows, b.column, b.columns, add);
      auto to = before;
      const MatrixView<const T> source =
          MatrixView<const T>(from.view()).block(b.row, b.rows, b.column, b.columns);
      const MatrixView<T> target = MatrixView<T>(to.view()).block(2, b.rows, 4, b.columns);
      REQUIRE(Copy<Cpu>::run(Context<Cpu>(), source, target, add).ok());
      size_t right = 0;
      for (size_t i = 0; i < 11; ++i)
        for (size_t j = 0; j < 17; ++j) {
          const bool inside = i >= 2 && i < 2 + b.rows && j >= 4 && j < 4 + b.columns;
          const T moved = inside ? from(b.row + i - 2, b.column + j - 4) : T(0);
          right += to(i, j) == (inside && !add ? moved : before(i, j) + moved);
        }
      CHECK(right == 11 * 17);
    }
}

TEST_CASE("copy kernel: many rows, on any number of threads", "[kernels]") {
  const auto from = random_tensor<float, 2>({5000, 33}, 1);
  vcell_test::check_same_on_any_threads([&] {
    Tensor<float, 2> to({5000, 33});
    REQUIRE(Copy<Cpu>::run<float>(Context<Cpu>(), from.view(), to.view(), true).ok());
    REQUIRE(Copy<Cpu>::run<float>(Context<Cpu>(), from.view(), to.view(), true).ok());
    size_t right = 0;
    for (size_t i = 0; i < to.count(); ++i) right += to.data()[i] == 2 * from.data()[i];
    REQUIRE(right == to.count());
    return std::vector<float>(to.values().begin(), to.values().end());
  });
}
