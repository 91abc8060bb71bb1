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
                          .cells = 8,
                          .control_cells = 12})
      .screen;
}
AnnData log1p_of(AnnData adata, double total) {
  normalize_to_log1p(adata, {.target_sum = total});
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
