#include "vcell/kernels/matrix_view.hpp"

#include <vector>

#include "support/catch.hpp"

using namespace vcell;
using kernel::MatrixView;

TEST_CASE("matrix_view: rows and blocks", "[kernels]") {
  std::vector<int> x(12);
  for (size_t i = 0; i < 12; ++i) x[i] = int(i);
  const MatrixView<int> m(View<int, 2>{x.data(), {3, 4}});
  CHECK(m.stride == 4);
  CHECK(m.row(2)[1] == 9);
  const auto part = m.block(1, 2, 2, 2);
  CHECK(part.rows == 2);
  CHECK(part.columns == 2);
  CHECK(part.row(1)[0] == 10);
  const MatrixView<const int> read = part;
  CHECK(read.row(0)[1] == 7);
  CHECK(read.stride == 4);
}
