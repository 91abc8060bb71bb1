#include "vcell/eval/edistance.hpp"

#include "support.hpp"
#include "support/catch.hpp"
#include "support/threads.hpp"

using namespace vcell_test;

namespace {

/// The terms by plain loops over pairs of cells, in double.
struct Terms {
  double between, within_x, within_y;
  double value() const { return 2 * between - within_x - within_y; }
};

std::vector<std::vector<double>> dense(CsrView<float> X) {
  std::vector<std::vector<double>> out(X.rows, std::vector<double>(X.columns, 0.0));
  for (size_t i = 0; i < X.rows; ++i)
    for (size_t k = 0; k < X.row_size(i); ++k)
      out[i][size_t(X.row_indices(i)[k])] = double(X.row_values(i)[k]);
  return out;
}

double distance(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (size_t g = 0; g < a.size(); ++g) sum += (a[g] - b[g]) * (a[g] - b[g]);
  return std::sqrt(sum);
}

double mean_within(const std::vector<std::vector<double>>& x) {
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i)
    for (size_t j = 0; j < x.size(); ++j)
      if (i != j) sum += distance(x[i], x[j]);
  return x.size() < 2 ? 0 : sum / (double(x.size()) * double(x.size() - 1));
}

Terms terms_by_loops(CsrView<float> x, CsrView<float> y) {
  const auto a = dense(x), b = dense(y);
  double sum = 0;
  for (const auto& u : a)
    for (const auto& v : b) sum += distance(u, v);
  return {sum / (double(a.size()) * double(b.size())), mean_within(a), mean_within(b)};
}

void require_terms(const CsrMatrix<float>& x, const CsrMatrix<float>& y, double within) {
  INFO(x.rows << " and " << y.rows << " cells of " << x.columns << " genes");
  const Terms terms = terms_by_loops(x.view(), y.view());
  REQUIRE(edistance(x.view(), y.view()) ==
          Approx(terms.value()).epsilon(0).margin(within * terms.between));
}

/// Every value stored, zeros too, and moved by an offset.
CsrMatrix<float> shifted(const CsrMatrix<float>& X, float offset) {
  const auto values = dense(X.view());
  CsrMatrix<float> out;
  out.columns = X.columns;
  for (const auto& row : values) {
    for (size_t g = 0; g < row.size(); ++g) {
      out.indices.push_back(int32_t(g));
      out.values.push_back(float(row[g]) + offset);
    }
    out.end_row();
  }
  return out;
}

CsrMatrix<float> rows_of(const CsrMatrix<float>& X, const std::vector<size_t>& rows) {
  return select_rows(X, std::span<const size_t>(rows));
}

}  // namespace

TEST_CASE("edistance: is its definition", "[eval]") {
  // Cells in one block and in several, genes in one piece and in several, neither a multiple.
  for (const auto& [n, m, genes] : std::vector<std::array<size_t, 3>>{{2, 2, 1},
                                                                      {3, 7, 5},
                                                                      {17, 1, 33},
                                                                      {130, 257, 40},
                                                                      {9, 5, 1025},
                                                                      {128, 6, 1024},
                                                                      {21, 140, 2100},
                                                                      {520, 3, 12}}) {
    const auto x = random_cells(n, genes, 0.5, 0, n), y = random_cells(m, genes, 0.7, 0, 1000 + m);
    require_terms(x, y, 1e-6);
    require_terms(y, x, 1e-6);
  }
}

TEST_CASE("edistance: of a few cells, by hand", "[eval]") {
  const auto cells = [](const std::vector<std::array<float, 2>>& values) {
    CsrMatrix<float> X;
    X.columns = 2;
    for (const auto& [a, b] : values) {
      X.indices.insert(X.indices.end(), {0, 1});
      X.values.insert(X.values.end(), {a, b});
      X.end_row();
    }
    return X;
  };
  const auto x = cells({{0, 0}, {3, 4}}), y = cells({{3, 0}}), z = cells({{0, 0}, {0, 0}, {3, 4}});
  REQUIRE(edistance(x.view(), y.view()) == Approx(2 * 3.5 - 5));
  REQUIRE(edistance(y.view(), y.view()) == 0);
  REQUIRE(edistance(x.view(), x.view()) == Approx(-5));
  REQUIRE(edistance(x.view(), z.view()) == Approx(2 * 2.5 - 5 - 5 * 2 / 3.));
  REQUIRE(edistance(3.5, 5, 0.25) == 1.75);
}

TEST_CASE("edistance: a set against itself has -2/n of its within-term", "[eval]") {
  for (const size_t n : {1, 2, 3, 50, 140}) {
    const auto x = random_cells(n, 300, 0.4, 0, n);
    const double within = mean_within(dense(x.view()));
    REQUIRE(edistance(x.view(), x.view()) ==
            Approx(-2 / double(n) * within).epsilon(0).margin(1e-6 * within));
  }
}

TEST_CASE("edistance: cells that are nearly alike keep their digits", "[eval]") {
  // Far from the others and from their mean, near to each other.
  Rng rng(5);
  for (const double apart : {1e-1, 1e-2, 1e-4, 0.0}) {
    const auto x = shifted(random_cells(2, 700, 0.9, 0, 3), 0);
    auto y = x;
    for (float& value : y.values) value += float(apart * rng.normal());
    INFO(apart);
    require_terms(x, y, 1e-6);
    // The first cells alone: their distance, to seven digits of it.
    const auto both = terms_by_loops(x.view(0, 1), y.view(0, 1)).between;
    const std::vector<size_t> all = {0, 1, 0};
    const auto three = select_rows(y, std::span<const size_t>(all));
    REQUIRE(edistance(x.view(0, 1), y.view(0, 1)) == Approx(2 * both).epsilon(1e-5));
    require_terms(x, three, 1e-6);
  }
}

TEST_CASE("edistance: cells that are all the same", "[eval]") {
  const auto x = random_cells(1, 50, 0.5, 0, 1), y = random_cells(1, 50, 0.5, 0, 2);
  const auto many_x = rows_of(x, std::vector<size_t>(300, 0));
  const auto many_y = rows_of(y, std::vector<size_t>(7, 0));
  REQUIRE(edistance(many_x.view(), many_x.view()) == 0);
  require_terms(many_x, many_y, 1e-6);
}

TEST_CASE("edistance: what all cells have in common costs no digit", "[eval]") {
  const auto x = shifted(random_cells(140, 300, 0.5, 0, 1), 1000),
             y = shifted(random_cells(33, 300, 0.7, 0, 2), 1000);
  require_terms(x, y, 1e-6);
  require_terms(x, shifted(x, 0), 1e-6);
}

TEST_CASE("edistance: only cells that are nearly alike are compared value by value", "[eval]") {
  const auto near = [](const CsrMatrix<float>& x, const CsrMatrix<float>& y, bool own) {
    std::vector<size_t> rows(std::max(x.rows, y.rows));
    std::iota(rows.begin(), rows.end(), size_t(0));
    Tensor<float, 1> memory({detail::DistanceBlock::floats});
    return detail::DistanceBlock::sum({}, {x.view(), std::span(rows).first(x.rows)}, {0, x.rows},
                                      {y.view(), std::span(rows).first(y.rows)}, {0, y.rows}, own,
                                      memory.data())
        .near;
  };
  const auto x = shifted(random_cells(40, 1100, 0.5, 0, 1), 1000),
             y = shifted(random_cells(13, 1100, 0.5, 0, 2), 1000),
             alike = rows_of(x, std::vector<size_t>(40, 0));
  CHECK(near(x, y, false) == 0);
  CHECK(near(x, x, true) == 0);
  CHECK(near(x, x, false) == 40);
  CHECK(near(alike, alike, true) == 0);
}

TEST_CASE("edistance: has the same bytes for any number of threads", "[eval]") {
  const auto x = random_cells(600, 1100, 0.3, 0, 1), y = random_cells(270, 1100, 0.3, 0, 2);
  check_same_on_any_threads([&] { return std::vector{edistance(x.view(), y.view())}; });
  const Threads seven(7);
  const double on_seven = edistance(x.view(), y.view());
  const Threads one(1);
  REQUIRE(edistance(x.view(), y.view()) == on_seven);
}

TEST_CASE("edistance: without cells or genes, and of other genes", "[eval]") {
  const auto x = random_cells(4, 6, 0.5, 0, 1);
  REQUIRE(std::isnan(edistance(x.view(), x.view(2, 2))));
  REQUIRE(std::isnan(edistance(x.view(2, 2), x.view())));
  const auto no_genes = random_cells(3, 0, 0.5, 0, 1);
  REQUIRE(edistance(no_genes.view(), no_genes.view()) == 0);
  const auto other = random_cells(4, 7, 0.5, 0, 1);
  REQUIRE_THROWS_WITH(edistance(x.view(), other.view()),
                      contains("edistance") && contains("6") && contains("7"));
  REQUIRE_THROWS_AS(edistance(x.view(), other.view()), ShapeError);
}

TEST_CASE("edistance: means over many sets, borrowed from larger matrices", "[eval]") {
  const auto X = random_cells(60, 90, 0.5, 0, 1), Y = random_cells(41, 90, 0.6, 0, 2);
  const std::vector<size_t> a = {5, 3, 59}, b = {7}, c = {0, 40, 40, 12}, d = {};
  const CsrView<float> end = Y.view(20, 41);
  const std::vector<size_t> e = {0, 20};
  const std::vector<CellSet> x = {{X.view(), a}, {X.view(), b}, {X.view(), d}},
                             y = {{Y.view(), c}, {end, e}, {Y.view(), c}};
  const auto between = mean_distances(x, y), within = mean_distances_within(y);
  const auto first = terms_by_loops(rows_of(X, a).view(), rows_of(Y, c).view()),
             second = terms_by_loops(rows_of(X, b).view(), rows_of(Y, {20, 40}).view());
  REQUIRE(between.size() == 3);
  REQUIRE(between[0] == Approx(first.between).epsilon(1e-6));
  REQUIRE(between[1] == Approx(second.between).epsilon(1e-6));
  REQUIRE(std::isnan(between[2]));
  REQUIRE(within[0] == Approx(first.within_y).epsilon(1e-6));
  REQUIRE(within[1] == Approx(second.within_y).epsilon(1e-6));
  REQUIRE(mean_distances_within(x)[1] == 0);
  REQUIRE(mean_distances_within(x)[2] == 0);
  REQUIRE(mean_distances({}, {}).empty());

  REQUIRE_THROWS_AS(mean_distances(x, {y[0], y[1]}), ShapeError);
  const std::vector<size_t> outside = {60};
  REQUIRE_THROWS_AS(mean_distances_within(std::vector<CellSet>{{X.view(), outside}}), ShapeError);
  const auto other = random_cells(3, 91, 0.5, 0, 1);
  REQUIRE_THROWS_AS(mean_distances_within(std::vector<CellSet>{{X.view(), a}, {other.view(), b}}),
                    ShapeError);
}

TEST_CASE("edistance: squared_distance is its definition", "[eval]") {
  const auto X = random_cells(12, 30, 0.4, 0, 1);
  const auto values = dense(X.view());
  std::vector<size_t> rows;
  for (size_t i = 12; i-- > 0;) rows.push_back(i);
  const CellSet set{X.view(), rows};
  for (size_t i = 0; i < 12; ++i)
    for (size_t j = 0; j < 12; ++j)
      REQUIRE(std::sqrt(squared_distance(set, i, set, j)) ==
              Approx(distance(values[rows[i]], values[rows[j]])).epsilon(1e-12));
}
