#include "vcell/eval/diagnose_cells.hpp"

#include "support.hpp"
#include "support/catch.hpp"
#include "support/threads.hpp"

using namespace vcell_test;

namespace {

/// Cells of two perturbations and the control, 40 each.
struct Sides {
  CsrMatrix<float> X = random_cells(120, 50, 0.6, 0, 8);
  Factor labels = by_turns({"A", "B", "non-targeting"}, 120);

  EvaluationSide side() const {
    return evaluation_sides({X, numbered("g", X.columns), labels, {}}).at(0);
  }
  /// Multiplies what the values of a cell are the log1p of.
  void scale(size_t cell, double factor) {
    for (float& x : X.row_values(cell)) x = float(std::log1p(factor * std::expm1(double(x))));
  }
  bool is(size_t cell, const char* label) const {
    return labels.names[size_t(labels.codes[cell])] == label;
  }
};

std::vector<std::string> said(const Sides& real, const Sides& predicted) {
  return cell_warnings(diagnose_cells(real.side(), predicted.side()), "x");
}

/// Other cells of the same kind.
Sides others() {
  Sides out;
  out.X = random_cells(120, 50, 0.6, 0, 9);
  return out;
}

}  // namespace

TEST_CASE("diagnose_cells: other cells of the same kind are nothing to speak of", "[eval]") {
  const Sides real;
  REQUIRE(said(real, others()).empty());
  auto few = others();
  for (size_t i = 0; i < 60; ++i)  // half of all, as in halves that are held against each other
    few.labels.codes[i] = -1;
  REQUIRE(said(real, few).empty());
  const auto found = diagnose_cells(real.side(), others().side());
  REQUIRE(found.control_distance > 0.4);
  REQUIRE(found.control_distance < 2.5);
  REQUIRE(found.equal_totals == 0);
  REQUIRE(found.whole_real + found.whole_predicted == 0);
  REQUIRE(found.cells_real == 120);
  const Threads threads(3);
  const auto again = diagnose_cells(real.side(), others().side());
  REQUIRE(again.control_distance == found.control_distance);
  REQUIRE(again.total == found.total);
}

TEST_CASE("diagnose_cells: real controls are 0 apart, edited ones far", "[eval]") {
  const Sides real;
  auto edited = real;
  REQUIRE(diagnose_cells(real.side(), real.side()).control_distance == 0);
  for (size_t i = 0; i < 120; ++i)
    for (size_t k = 0; edited.is(i, "non-targeting") && k < edited.X.row_size(i); ++k)
      if (edited.X.row_indices(i)[k] < 25) edited.X.row_values(i)[k] = 0.01f;
  const auto texts = said(real, edited);
  // Their perturbed cells are the real ones, totals and all.
  REQUIRE(texts.size() == 2);
  REQUIRE_THAT(texts[0], contains("Edited controls in 'x'") && contains("times as far"));
  REQUIRE_THAT(texts[1], contains("Library sizes leak in 'x'") && contains("100 %"));
}

TEST_CASE("diagnose_cells: missing controls", "[eval]") {
  auto predicted = others();
  size_t left = 0;
  for (size_t i = 0; i < 120; ++i)
    if (predicted.is(i, "non-targeting") && ++left > 12) predicted.labels.codes[i] = -1;
  const auto texts = said({}, predicted);
  REQUIRE(texts.size() == 1);
  REQUIRE_THAT(texts[0],
               contains("Missing controls in 'x'") && contains(" 12 control") && contains(" 40;"));
}

TEST_CASE("diagnose_cells: counts among log1p values, and totals far apart", "[eval]") {
  auto predicted = others();
  for (const size_t cell : {3, 4, 9})
    for (float& x : predicted.X.row_values(cell)) x = std::ceil(x);
  auto texts = said({}, predicted);
  REQUIRE(texts.size() == 1);
  REQUIRE_THAT(texts[0], contains("Mixed scales in 'x': 3 of 120 predicted cells"));
  texts = said(predicted, others());
  REQUIRE(texts.size() == 1);
  REQUIRE_THAT(texts[0], contains("3 of 120 real cells"));

  predicted = others();
  for (size_t i = 0; i < 120; ++i)
    if (!predicted.is(i, "non-targeting")) predicted.scale(i, 8);
  texts = said({}, predicted);
  REQUIRE(texts.size() == 1);
  REQUIRE_THAT(texts[0], contains("median total") && contains("predicted perturbed cells"));
  for (size_t i = 0; i < 120; ++i)
    if (!predicted.is(i, "non-targeting")) predicted.scale(i, 0.5);
  REQUIRE(said({}, predicted).empty());
}

TEST_CASE("diagnose_cells: totals of real cells leak, of normalised ones they cannot", "[eval]") {
  const Sides real;
  const auto total = [](const Sides& of, size_t cell) {
    double sum = 0;
    for (const float x : of.X.row_values(cell)) sum += std::expm1(double(x));
    return sum;
  };
  auto predicted = others();
  // Cells of one label in another order: cell i has the total of the next of its label.
  for (size_t i = 0; i < 120; ++i)
    for (int twice = 0; twice < 2; ++twice)  // the second time for what float rounds
      predicted.scale(i, total(real, (i + 3) % 120) / total(predicted, i));
  const auto texts = said(real, predicted);
  REQUIRE(texts.size() == 1);
  REQUIRE_THAT(texts[0], contains("Library sizes leak in 'x'"));

  auto normalised = real;
  for (size_t i = 0; i < 120; ++i) {
    normalised.scale(i, 1e3 / total(real, i));
    predicted.scale(i, 1e3 / total(predicted, i));
  }
  const auto found = diagnose_cells(normalised.side(), predicted.side());
  REQUIRE(std::isnan(found.equal_totals));
  REQUIRE(cell_warnings(found).empty());
}
