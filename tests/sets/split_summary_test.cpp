#include "vcell/sets/split_summary.hpp"

#include "sets/small_screen.hpp"
#include "support/errors.hpp"
#include "vcell/sets/effect_sizes.hpp"
#include "vcell/sets/split.hpp"
#include "vcell/sets/split_column.hpp"

using namespace vcell;
using vcell_test::check_error;
using vcell_test::check_holds;
using vcell_test::even_screen;
using vcell_test::small_screen;

namespace {

const SplitDataset dataset{"screen", "screen.h5ad"};

SplitSpec spec_of(std::map<std::string, HeldOutPerturbations> fewshot,
                  std::map<std::string, Part> zeroshot = {}) {
  SplitSpec spec;
  spec.datasets = {{"screen", "screen.h5ad"}};
  spec.training = {"screen"};
  spec.fewshot = std::move(fewshot);
  spec.zeroshot = std::move(zeroshot);
  return spec;
}

}  // namespace

TEST_CASE("summarize_split: what each part measures", "[sets]") {
  const Screen screen = even_screen({"a", "b", "c"}, 4, 2);
  const auto spec =
      spec_of({{"screen.a", {{}, {"P000", "P003"}}}, {"screen.b", {{"P001"}, {"P003"}}}},
              {{"screen.c", Part::test}});
  auto parts = assign_parts(screen, spec, "screen");
  // P003 trains nowhere: c is held out whole. One cell of a's P001 is taken for validation.
  for (size_t i = 0; i < parts.size(); ++i)
    if (vcell_test::context_of(screen, i) == "a" &&
        vcell_test::perturbation_of(screen, i) == "P001") {
      parts[i] = Part::validation;
      break;
    }
  const SplitSummary s = summarize_split(screen, parts);
  const PartCounts& test = s.of(Part::test);
  CHECK(test.pairs == 7);
  CHECK(test.perturbations == 4);
  CHECK(test.perturbed_cells == 14);
  CHECK(test.control_cells == 2);
  CHECK(test.kinds.few_shot_pairs == 1);   // P000 in a
  CHECK(test.kinds.zero_shot_pairs == 3);  // P000, P001, P002 in c
  CHECK(test.kinds.unseen_pairs == 3);     // P003 everywhere
  CHECK(test.kinds.trained_pairs == 0);
  const PartCounts& validation = s.of(Part::validation);
  CHECK(validation.kinds.trained_pairs == 1);
  CHECK(validation.kinds.few_shot_pairs == 1);
  CHECK(validation.perturbations == 1);
  CHECK(s.contexts[0][size_t(Part::train)].pairs == 2);
  CHECK(s.contexts[2][size_t(Part::test)].control_cells == 2);
  std::string all;
  for (const auto& line : s.verdict) all += line + "\n";
  check_holds(
      all, {"validation: 1 pair of perturbation and context whose other cells train: this "
            "measures fit",
            "test: 1 pair", "test: 3 pairs", "(few-shot)", "(zero-shot)", "models need features"});
  CHECK(all.find("leakage") == std::string::npos);
}

TEST_CASE("summarize_split: a target in validation and test, and parts with nothing", "[sets]") {
  const Screen screen = even_screen({"a", "b"}, 3, 1);
  auto spec = spec_of({{"screen.a", {{"P000"}, {}}}, {"screen.b", {{}, {"P000"}}}});
  check_holds(summarize_split(screen, assign_parts(screen, spec, "screen")).verdict.back(),
              {"leakage: 'P000'", "validation and test"});
  spec = spec_of({});
  const auto verdict = summarize_split(screen, assign_parts(screen, spec, "screen")).verdict;
  REQUIRE(verdict.size() == 2);
  check_holds(verdict[0], {"test: no perturbed cell"});
  check_holds(verdict[1], {"validation: no perturbed cell"});
  const std::vector<Part> unused(screen.cells(), Part::unused);
  check_holds(summarize_split(screen, unused).verdict.back(), {"train: no perturbed cell"});
  CHECK_THROWS_AS(summarize_split(screen, std::vector<Part>(3)), ShapeError);
}

TEST_CASE("split_column: names, parts and back", "[sets]") {
  const Screen screen = even_screen({"a", "b", "c"}, 6, 2);
  const auto check_round = [&](const SplitSpec& spec) {
    const auto parts = assign_parts(screen, spec, "screen");
    const SplitSpec again = split_of_parts(screen, dataset, parts);
    CHECK(again == spec);
    AnnData adata;
    for (size_t i = 0; i < screen.cells(); ++i) adata.obs.index.push_back(vcell::message(i));
    write_split_column(adata, "split", parts);
    CHECK(read_split_column(adata, "split") == parts);
  };
  check_round(split_underrepresented(screen, dataset, "b"));
  check_round(split_zeroshot(screen, dataset, "c", Part::validation));
  check_round(split_by_perturbation(screen, dataset));
  // All perturbations of a context are held out, and its controls train.
  std::vector<std::string> all;
  for (size_t i = 0; i < 6; ++i) all.push_back(vcell::message("P00", i));
  check_round(spec_of({{"screen.a", {{}, all}}}));

  auto parts = assign_parts(screen, split_by_cells(dataset, {.test = 0.5}), "screen");
  check_error<ConfigError>([&] { split_of_parts(screen, dataset, parts); },
                           {"several parts", "a|P000", "share of the cells"});
  for (Part& part : parts) part = Part::unused;
  check_error<ConfigError>([&] { split_of_parts(screen, dataset, parts); }, {"36", "in no part"});

  AnnData adata;
  adata.obs.index = {"1", "2", "3"};
  adata.obs.set("part", std::vector<std::string>{"train", "validation", "tset"});
  check_error<ConfigError>([&] { read_split_column(adata, "part"); },
                           {"'part'", "'tset'", "train, val and test"});
  check_error<ConfigError>([&] { read_split_column(adata, "parts"); }, {"'parts'", "'part'"});
}

TEST_CASE("effect_sizes: the shift beyond what chance gives", "[sets]") {
  // Two genes; controls 0 and 2 in the first (mean 1, variance 2), A twice 4, B is one cell.
  Screen screen = small_screen({{"x", "ctrl", 2}, {"x", "A", 2}, {"x", "B", 1}, {"y", "A", 3}});
  CsrMatrix<float> X;
  X.columns = 2;
  for (const float value : {0.f, 2.f, 4.f, 4.f, 9.f, 1.f, 1.f, 1.f}) {
    X.indices.push_back(0);
    X.values.push_back(value);
    X.end_row();
  }
  const auto sizes = effect_sizes(Matrix(X), screen);
  const auto of = [&](const char* name) { return sizes[size_t(screen.perturbation.code(name))]; };
  CHECK(of("A") == Approx(std::sqrt(9.0 - 2.0 / 2)));  // y has no controls
  CHECK(std::isnan(of("B")));                          // one cell says nothing of its noise
  CHECK(of("ctrl") == 0);
  CHECK_THROWS_AS(effect_sizes(Matrix(X), even_screen({"x"}, 1, 1)), ShapeError);

  // Cells that differ by chance alone have no effect in the mean, however few they are.
  Screen noise = even_screen({"x", "y"}, 60, 3);
  CsrMatrix<float> drawn;
  drawn.columns = 50;
  Rng rng(5);
  for (size_t i = 0; i < noise.cells(); ++i) {
    for (int32_t g = 0; g < 50; ++g) {
      drawn.indices.push_back(g);
      drawn.values.push_back(float(rng.normal()));
    }
    drawn.end_row();
  }
  const auto none = effect_sizes(Matrix(drawn), noise);
  size_t zeros = 0;
  for (const double size : none) zeros += size == 0;
  CHECK(zeros > 10);  // about half of 60; without the correction all are near sqrt(50 * 2 / 3)
  for (const double size : none) CHECK(size < 5);
}
