// Rows and tables of several sources as one.
#include "vcell/data/joined_rows.hpp"

#include "support/errors.hpp"
#include "vcell/data/collect_rows.hpp"
#include "vcell/data/joined_table.hpp"
#include "vcell/data/selected_rows.hpp"

using namespace vcell;
using vcell_test::check_error;
using Texts = std::vector<std::string>;

TEST_CASE("joined_dtype: as numpy promotes", "[data]") {
  using enum DType;
  const std::tuple<DType, DType, DType> cases[] = {{boolean, boolean, boolean},
                                                   {boolean, u8, u8},
                                                   {boolean, f32, f32},
                                                   {u8, i8, i16},
                                                   {u8, u16, u16},
                                                   {u16, i8, i32},
                                                   {u16, i32, i32},
                                                   {u32, i32, i64},
                                                   {u64, i8, f64},
                                                   {i8, i64, i64},
                                                   {u64, u8, u64},
                                                   {i8, f16, f16},
                                                   {u8, f16, f16},
                                                   {i16, f16, f32},
                                                   {u16, f32, f32},
                                                   {i32, f16, f64},
                                                   {i32, f32, f64},
                                                   {i64, f32, f64},
                                                   {u64, f64, f64},
                                                   {f16, f32, f32},
                                                   {f32, f64, f64},
                                                   {f16, bf16, f32},
                                                   {bf16, f32, f32},
                                                   {i8, bf16, f32},
                                                   {i32, bf16, f64},
                                                   {bf16, f64, f64}};
  for (const auto& [a, b, both] : cases) {
    CAPTURE(name_of(a), name_of(b));
    CHECK(joined_dtype(a, b) == both);
    CHECK(joined_dtype(b, a) == both);
  }
}

TEST_CASE("join_names: inner in the first's order, outer as they come", "[data]") {
  const std::vector<Texts> tables = {{"b", "a", "c"}, {"c", "d", "b"}, {"e", "b", "c"}};
  const Texts what = {"one", "two", "three"};
  const auto inner = join_names(tables, Join::inner, what);
  CHECK(inner.names == Texts{"b", "c"});
  CHECK(inner.places == std::vector<std::vector<int32_t>>{{0, -1, 1}, {1, -1, 0}, {-1, 0, 1}});
  const auto outer = join_names(tables, Join::outer, what);
  CHECK(outer.names == Texts{"b", "a", "c", "d", "e"});
  CHECK(outer.places == std::vector<std::vector<int32_t>>{{0, 1, 2}, {2, 3, 0}, {4, 0, 2}});
  const std::vector<Texts> twice = {{"a"}, {"b", "b"}};
  check_error<ConfigError>([&] { join_names(twice, Join::outer, what); }, {"two", "'b'", "once"});
  CHECK(join_names(std::vector<Texts>{{"a", "c"}, {"b", "b", "c"}}, Join::inner, what).names ==
        Texts{"c"});  // a name that comes twice and is not joined does no harm
}

TEST_CASE("JoinedRows: rows of all sources, columns where they belong, for any blocks", "[data]") {
  const Matrix a(CsrMatrix<int32_t>{2, 3, {0, 2, 3}, {0, 2, 1}, {1, 2, 3}},
                 {true, DType::i64, DType::i64});
  const Matrix b = DenseMatrix<float>{3, 2, {0.5f, 4, 0, 0, 5, 0}};
  const Matrix none = CsrMatrix<float>{0, 1, {0}, {}, {}};
  const JoinedRows<Matrix> rows({a, none, b}, {{0, 1, 2}, {1}, {3, 0}}, 4);
  CHECK(rows.rows() == 5);
  CHECK(rows.columns() == 4);
  CHECK(rows.dtype() == DType::f64);
  CHECK(rows.is_sparse());
  CHECK(rows.layout == SparseLayout{false, DType::i64, DType::i64});
  const Matrix expected(5, 4, {0, 2, 3, 5, 5, 6}, {0, 2, 1, 0, 3, 3},
                        std::vector<double>{1, 2, 3, 4, 0.5, 5}, rows.layout);
  CHECK(collect_rows(rows) == expected);
  for (const BlockLimits limits : {BlockLimits{.rows = 1}, {.rows = 3}, {.bytes = 1}, {}}) {
    CsrMatrix<double> all;
    all.columns = 4;
    copy_rows<double>(rows, all, limits);
    CHECK(Matrix(all, rows.layout) == expected);
  }
  // Over the borders of sources, as those who leave rows out read it.
  SelectedRows<JoinedRows<Matrix>> some(rows);
  some.keep_rows(std::vector<uint8_t>{0, 1, 1, 0, 1});
  some.keep_columns(std::vector<uint8_t>{1, 0, 0, 1});
  CHECK(to_dense<double>(collect_rows(some)).values == std::vector<double>{0, 0, 4, 0.5, 0, 5});
  CsrMatrix<float> scratch;
  CHECK(row_block(rows, 0, 5, scratch).values.size() == 6);
  CHECK(row_block(rows, 2, 2, scratch).rows == 0);

  // One whose columns are the joined ones is handed through; fewer columns are left out.
  const JoinedRows<Matrix> same({a, a}, {{0, 1, 2}, {0, -1, 1}}, 3);
  CHECK(same.dtype() == DType::i32);
  CHECK(to_dense<int32_t>(collect_rows(same)).values ==
        std::vector<int32_t>{1, 0, 2, 0, 3, 0, 1, 2, 0, 0, 0, 0});
  const JoinedRows<Matrix> dense({b, a}, {{0, 1}, {1, 0, -1}}, 2);
  CHECK(collect_rows(dense) == Matrix(DenseMatrix<double>{5, 2, {0.5, 4, 0, 0, 5, 0, 0, 1, 3, 0}}));

  check_error<ConfigError>([] { JoinedRows<Matrix>({}, {}, 1); }, {"sources"});
  check_error<ShapeError>([&] { JoinedRows<Matrix>({a}, {{0, 1}}, 3); }, {"places", "2", "3"});
  check_error<ShapeError>([&] { JoinedRows<Matrix>({a}, {{0, 1, 0}}, 3); }, {"two columns"});
  check_error<ShapeError>([&] { JoinedRows<Matrix>({a}, {{0, 1, 3}}, 3); }, {"3"});
  check_error<ShapeError>([&] { row_block(rows, 4, 6, scratch); }, {"4 .. 6", "5 rows"});
}

TEST_CASE("joined_table: columns by name, categories of all, gaps where a table has none",
          "[data]") {
  DataFrame a({"x", "y"}), b({"z"});
  a.index_name = b.index_name = "cell";
  a.set("same", Categorical{{1, 0}, Texts{"q", "p"}, true});
  b.set("same", Categorical{{0}, Texts{"q", "p"}, true});
  a.set("labels", Categorical{{1, -1}, Texts{"q", "p"}, true});
  b.set("labels", Categorical{{0}, Texts{"a"}, true});
  a.set("plate", Categorical{{0, 1}, std::vector<int32_t>{10, 9}, false});
  b.set("plate", Categorical{{0}, std::vector<int64_t>{7}, false});
  a.set("n", std::vector<int32_t>{1, 2});
  b.set("n", std::vector<float>{0.5f});
  a.set("mixed", std::vector<int32_t>{1, 2});
  b.set("mixed", Texts{"t"});
  a.set("some", Categorical{{0, -1}, std::vector<int32_t>{4}, false});
  b.set("some", std::vector<int32_t>{5});
  a.set("only_a", std::vector<int64_t>{3, 4});
  b.set("only_b", Categorical{{0}, Texts{"k"}, false});
  b.set("text_b", Texts{"u"});
  const Texts what = {"A", "B"};
  const DataFrame inner = joined_table({&a, &b}, Join::inner, what);
  CHECK(inner.index == Texts{"x", "y", "z"});
  CHECK(inner.index_name == "cell");
  CHECK(inner.names() == Texts{"same", "labels", "plate", "n", "mixed", "some"});
  CHECK(inner.column("same") == Column(Categorical{{1, 0, 0}, Texts{"q", "p"}, true}));
  CHECK(inner.column("labels") == Column(Categorical{{1, -1, 0}, Texts{"a", "p", "q"}, false}));
  CHECK(inner.column("plate") ==
        Column(Categorical{{2, 1, 0}, std::vector<int64_t>{7, 9, 10}, false}));
  CHECK(inner.column("n") == Column(Labels(std::vector<double>{1, 2, 0.5})));
  CHECK(inner.column("mixed") == Column(Labels(Texts{"1", "2", "t"})));
  CHECK(inner.column("some").values().numbers().dtype() == DType::i32);
  CHECK(inner.column("some").text() == Texts{"4", "", "5"});

  const DataFrame outer = joined_table({&a, &b}, Join::outer, what);
  CHECK(outer.names().size() == 9);
  CHECK(outer.column("only_a") == Column(std::vector<int64_t>{3, 4, 0}, {0, 0, 1}));
  CHECK(outer.column("only_b") == Column(Categorical{{-1, -1, 0}, Texts{"k"}, false}));
  CHECK(outer.column("text_b").text() == Texts{"", "", "u"});
  CHECK(outer.column("text_b").is_missing() == std::vector<uint8_t>{1, 1, 0});
  b.index_name = "other";
  CHECK(joined_table({&a, &b}, Join::inner, what).index_name == "_index");
}
