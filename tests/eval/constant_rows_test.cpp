#include "vcell/eval/vcc2025/constant_rows.hpp"

#include "support/catch.hpp"
#include "vcell/data/row_sink.hpp"

using namespace vcell;

TEST_CASE("constant_rows: some rows are one cell, the others as they are", "[eval]") {
  CsrMatrix<float> X;
  X.columns = 3;
  for (int i = 0; i < 7; ++i) {
    X.indices.insert(X.indices.end(), {0, 2});
    X.values.insert(X.values.end(), {float(i), 1.5f});
    X.end_row();
  }
  const std::vector<float> cell = {0, 2, 3};
  const vcc2025::ConstantRows rows(std::make_shared<const CsrMatrix<float>>(X), {{1, 4}, {6}},
                                   cell);
  CsrMatrix<float> expected;
  expected.columns = 3;
  for (size_t row = 0; row < 7; ++row) {
    if (row == 1 || row == 4 || row == 6) {
      expected.indices.insert(expected.indices.end(), {1, 2});
      expected.values.insert(expected.values.end(), {2.0f, 3.0f});
      expected.end_row();
    } else {
      expected.append(X.view(row, row + 1));
    }
  }
  for (const size_t bytes : {size_t(1), size_t(40), size_t(1000)}) {
    CsrMatrix<float> found;
    found.columns = 3;
    copy_rows<float>(rows, found, {.bytes = bytes});
    CHECK(found == expected);
  }
  const auto X_shared = std::make_shared<const CsrMatrix<float>>(X);
  CHECK_THROWS_AS(vcc2025::ConstantRows(X_shared, {{7}}, cell), ShapeError);
  CHECK_THROWS_AS(vcc2025::ConstantRows(X_shared, {{1}}, std::vector<float>{1, 2}), ShapeError);
}
