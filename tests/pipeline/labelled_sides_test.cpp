#include "vcell/pipeline/labelled_sides.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "vcell/eval/evaluate.hpp"
#include "vcell/simulate/simulate_screen.hpp"

using namespace vcell;
using vcell_test::check_error;

namespace {

AnnData counts() {
  return simulate_screen({.seed = 3,
                          .genes = 20,
                          .contexts = 2,
                          .perturbations = 3,
                          .cells_per_perturbation = 8,
                          .control_cells = 12})
      .screen;
}
AnnData log1p_of(AnnData adata, double total) {
  normalize_to_log1p(adata, {.target_sum = total, .library_log1p = true});
  return adata;
}

}  // namespace

TEST_CASE("labelled_sides: counts go to the total of the other side", "[pipeline]") {
  const double total = 1234;
  const LabelledSidesOptions options{.context_keys = {"context"}};
  for (const bool real_counts : {true, false}) {
    INFO(real_counts);
    const auto normalized = log1p_of(counts(), total);
    const auto [real, predicted] = real_counts ? labelled_sides(counts(), normalized, options)
                                               : labelled_sides(normalized, counts(), options);
    CHECK(real.target_sum == total);
    CHECK(predicted.target_sum == total);
    CHECK(real.X == predicted.X);
    CHECK(real.genes == predicted.genes);
    CHECK(real.perturbation.names == predicted.perturbation.names);
    CHECK(real.context.names.size() == 2);
  }
  CHECK_FALSE(labelled_sides(counts(), counts()).first.has_contexts());
}

TEST_CASE("labelled_sides: a total that is not known is said", "[pipeline]") {
  std::vector<std::string> notes;
  const Callbacks callbacks{.note = [&](const std::string& line) { notes.push_back(line); }};
  const auto said = [&] {
    return std::any_of(notes.begin(), notes.end(), [](const std::string& line) {
      return line.find("does not say what total") != std::string::npos;
    });
  };
  labelled_sides(counts(), log1p_of(counts(), 500), {}, callbacks);
  CHECK_FALSE(said());
  auto unknown = log1p_of(counts(), 500);
  unknown.uns.erase("vcell");
  labelled_sides(counts(), unknown, {}, callbacks);
  CHECK(said());
}

TEST_CASE("labelled_sides: what does not fit is an error that names it", "[pipeline]") {
  check_error<ConfigError>(
      [] { labelled_sides(counts(), counts(), {.perturbation_key = "perturbatio"}); },
      {"[data] perturbation_key 'perturbatio'", "'perturbation'"});
  check_error<ConfigError>([] { labelled_sides(counts(), counts(), {.context_keys = {"line"}}); },
                           {"[data] context_keys 'line'"});
  auto none = counts();
  none.X.reset();
  check_error<ConfigError>([&] { labelled_sides(counts(), none); }, {"no X"});
  auto sides = labelled_sides(log1p_of(counts(), 500), log1p_of(counts(), 1000));
  check_error<ConfigError>([&] { evaluate(std::move(sides.first), std::move(sides.second)); },
                           {"the real cells", "500", "the predicted cells", "1000", "normalise"});
}

TEST_CASE("labelled_sides: counts of both go to the median total of each", "[pipeline]") {
  auto twice = counts();
  transform_rows<float>(*twice.X, [](size_t, std::span<float> values) {
    for (float& x : values) x *= 2;
  });
  const auto [real, predicted] = labelled_sides(counts(), twice);
  CHECK(real.is_own_total);
  CHECK(predicted.is_own_total);
  CHECK(*predicted.target_sum == Approx(2 * *real.target_sum));
  CHECK_NOTHROW(evaluate(real, predicted));
  // cell-eval's way also where the other side has log1p values and says of what total.
  const LabelledSidesOptions like{.like_cell_eval = true};
  const auto sides = labelled_sides(counts(), log1p_of(counts(), 1234), like);
  CHECK(sides.first.is_own_total);
  CHECK(sides.first.target_sum != 1234);
}

TEST_CASE("labelled_sides: counts that are kept, and a scale that is guessed", "[pipeline]") {
  const auto [real, predicted] = labelled_sides(counts(), counts(), {.keep_counts = true});
  CHECK(real.scale == Scale::counts);
  CHECK_FALSE(real.target_sum);
  CHECK(real.X == to_csr<float>(*counts().X));
  // Log1p values of which nobody says so.
  auto silent = log1p_of(counts(), 1000);
  silent.uns.erase("vcell");
  silent.uns.erase("log1p");
  check_error<ConfigError>([&] { labelled_sides(silent, silent); }, {"scale"});
  const auto guessed = labelled_sides(silent, silent, {.like_cell_eval = true});
  CHECK(guessed.first.scale == Scale::log1p);
  CHECK_FALSE(guessed.first.is_own_total);
  CHECK(guessed.first.X == to_csr<float>(*silent.X));
}

TEST_CASE("labelled_sides: an embedding of both", "[pipeline]") {
  auto cells = counts();
  DenseMatrix<float> embedding{cells.cells(), 2, std::vector<float>(2 * cells.cells(), 0.5f)};
  cells.obsm.insert_or_assign("X_mine", Value(Matrix(embedding)));
  const auto sides = labelled_sides(cells, cells, {.embedding = "X_mine"});
  CHECK(sides.second.embedding.shape() == Shape<2>{cells.cells(), 2});
  CHECK(sides.second.embedding(3, 1) == 0.5f);
  check_error<ConfigError>([&] { labelled_sides(cells, counts(), {.embedding = "X_mine"}); },
                           {"X_mine"});
}
