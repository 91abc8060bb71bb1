#include "vcell/eval/score_strata.hpp"

#include <limits>

#include "support.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/eval/strata_files.hpp"

using namespace vcell_test;

namespace {

/// A side whose perturbations have 8, 40 and 320 cells; the shift of the last one is strong.
LabelledCells unequal_side(uint64_t seed, float strength) {
  std::vector<std::string> labels;
  for (const auto& [name, n] : {std::pair("ctrl", 300), {"few", 8}, {"some", 40}, {"many", 320}})
    labels.insert(labels.end(), size_t(n), name);
  LabelledCells out{
      random_cells(labels.size(), 9, 0.6, 0, seed), numbered("g", 9), factor(labels), {}};
  for (size_t i = labels.size() - 320; i < labels.size(); ++i)
    for (float& value : out.X.row_values(i)) value *= strength;
  return out;
}

struct Scored {
  std::vector<EvaluationSide> real, predicted;
  EvaluationOptions options;
  Evaluation evaluation;

  Scored() {
    options.control = "ctrl";
    real = evaluation_sides(unequal_side(1, 2.f), {.control = "ctrl"});
    predicted = evaluation_sides(unequal_side(2, 2.f), {.control = "ctrl"});
    evaluation = evaluate(real, predicted, options);
  }
};

const ScoreStratum& part_of(const ScoreStrata& all, const std::string& by, double low) {
  for (const ScoreStratum& part : all.strata)
    if (part.by == by && part.low == low) return part;
  throw std::runtime_error("no stratum of " + by);
}

}  // namespace

TEST_CASE("score_strata: each pair is in one stratum of each kind", "[eval]") {
  const Scored s;
  const auto found = score_strata(s.real, s.predicted, s.evaluation, s.options);
  size_t of_cells = 0, of_genes = 0, genes = 0;
  for (const ScoreStratum& part : found.strata) {
    REQUIRE(part.means.size() == found.metrics.size());
    (part.by == "cells" ? of_cells : part.by == "de_genes" ? of_genes : genes) += part.size;
  }
  REQUIRE(of_cells == 3);
  REQUIRE(of_genes == 3);
  REQUIRE(genes == 9);
  // One perturbation each, so the mean is its score; names are sorted: few, many, some.
  const auto& mae = s.evaluation.contexts[0].scores.column("mae");
  size_t m = 0;
  while (found.metrics[m] != "mae") ++m;
  REQUIRE(part_of(found, "cells", 0).means[m] == mae[0]);
  REQUIRE(part_of(found, "cells", 300).means[m] == mae[1]);
  REQUIRE(part_of(found, "cells", 30).means[m] == mae[2]);
  REQUIRE(part_of(found, "cells", 300).high == std::numeric_limits<double>::infinity());
  REQUIRE(part_of(found, "de_genes", 1).means[m] == mae[1]);  // all of its nine genes
}

TEST_CASE("score_strata: thirds of the genes are scored by themselves", "[eval]") {
  const Scored s;
  const auto found = score_strata(s.real, s.predicted, s.evaluation, s.options);
  size_t m = 0;
  while (found.metrics[m] != "mae") ++m;
  // The mean over thirds of equal size is that of all genes.
  double sum = 0, low = -1;
  for (const ScoreStratum& part : found.strata) {
    if (part.by != "expression") continue;
    REQUIRE(part.size == 3);
    REQUIRE(part.low > low);
    low = part.low;
    sum += *part.means[m] / 3;
  }
  REQUIRE(std::abs(sum - *summarise(s.evaluation.contexts[0].scores.column("mae"))[summary_mean]) <
          1e-12);
  // What reads more than means is not known of some genes.
  size_t overlap = 0;
  while (found.metrics[overlap] != "overlap_at_N") ++overlap;
  for (const ScoreStratum& part : found.strata)
    REQUIRE(part.means[overlap].has_value() == (part.by != "expression"));
}

TEST_CASE("score_strata: no third of the genes has a score in an embedding", "[eval]") {
  const auto strata = [](bool has_embedding) {
    EvaluationOptions options;
    options.control = "ctrl";
    options.metrics = {metrics::discrimination_score_l1(), metrics::discrimination_score_l2(),
                       metrics::discrimination_score_cosine(), metrics::mae()};
    options.metrics[3].name = "silent";
    options.metrics[3].reads = Metric().reads;  // anything, unless it is said
    const auto sides = [&](uint64_t seed) {
      auto cells = unequal_side(seed, 2.f);
      if (has_embedding) {
        cells.embedding = Tensor<float, 2>({cells.X.rows, 2});
        Rng rng(seed);
        for (float& x : cells.embedding.values()) x = float(rng.normal());
      }
      return evaluation_sides(std::move(cells), {.control = "ctrl"});
    };
    const auto real = sides(1), predicted = sides(2);
    return score_strata(real, predicted, evaluate(real, predicted, options), options);
  };
  for (const bool has_embedding : {false, true})
    for (const ScoreStratum& part : strata(has_embedding).strata) {
      INFO(part.by);
      const bool of_genes = part.by == "expression";
      REQUIRE(part.means[0]);
      REQUIRE(part.means[1].has_value() == !(of_genes && has_embedding));
      REQUIRE(part.means[2].has_value() == !(of_genes && has_embedding));
      REQUIRE(part.means[3].has_value() == !of_genes);
    }
}

TEST_CASE("select_genes: means, shifts and tables of some genes", "[eval]") {
  const Scored s;
  const std::vector<size_t> genes = {4, 0};
  const auto some = select_genes(s.real[0], genes);
  REQUIRE(some.genes() == std::vector<std::string>{"g4", "g0"});
  REQUIRE(some.perturbations() == s.real[0].perturbations());
  const auto all = s.real[0].expression.whole(), table = some.expression.whole();
  for (size_t t = 0; t < 3; ++t)
    for (size_t g = 0; g < 2; ++g) {
      REQUIRE(some.mean(t, g) == s.real[0].mean(t, genes[g]));
      REQUIRE(some.shift(t, g) == s.real[0].shift(t, genes[g]));
      REQUIRE(some.control(g) == s.real[0].control(genes[g]));
      REQUIRE(table->fdr(t, g) == all->fdr(t, genes[g]));
      REQUIRE(table->reference_mean(t, g) == all->reference_mean(t, genes[g]));
    }
  const std::vector<size_t> last = {1};
  REQUIRE(some.expression.select(last).whole()->p_value(0, 1) == all->p_value(1, 0));
  const std::vector<size_t> none = {9};
  check_error<ShapeError>([&] { select_genes(s.real[0], none); }, {"select_genes", "9"});
}

TEST_CASE("score_strata: fewer genes than thirds, and no genes", "[eval]") {
  Scored s;
  const std::vector<size_t> two = {1, 2};
  s.real = {select_genes(s.real[0], two)};
  s.predicted = {select_genes(s.predicted[0], two)};
  s.options.metrics = {metrics::mae(), metrics::overlap_at()};
  s.evaluation = evaluate(s.real, s.predicted, s.options);
  size_t n = 0;
  const auto found = score_strata(s.real, s.predicted, s.evaluation, s.options);
  for (const auto& part : found.strata) n += part.by == "expression";
  REQUIRE(n == 2);
  s.real.clear();
  check_error<ShapeError>([&] { score_strata(s.real, s.predicted, s.evaluation, s.options); },
                          {"score_strata"});
}

TEST_CASE("strata: are read back, and damaged files are errors", "[eval]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "strata.csv";
  ScoreStrata made{{"mae", "own"}, {{"cells", 0, 30, 4, {0.5, {}}}}};
  made.strata.push_back(
      {"expression", 0.25, std::numeric_limits<double>::infinity(), 7, {std::nan(""), -1.0}});
  write_strata(path, made);
  REQUIRE(read_text(path) ==
          "by,low,high,size,mae,own\ncells,0,30,4,0.5,\nexpression,0.25,inf,7,NaN,-1\n");
  const auto read = read_strata(path);
  REQUIRE(read.metrics == made.metrics);
  REQUIRE(read.strata[1].size == 7);
  REQUIRE(std::isinf(read.strata[1].high));
  REQUIRE_FALSE(read.strata[0].means[1]);
  REQUIRE(std::isnan(*read.strata[1].means[0]));
  write_text(path, "by,low,high,size\ncells,x,1,1\n");
  check_error<FormatError>([&] { read_strata(path); }, {"row 1", "'low'", "'x'"});
  write_text(path, "by,low,high,size\ncells,0,1,-1\n");
  check_error<FormatError>([&] { read_strata(path); }, {"size -1"});
  REQUIRE(read_strata_in(folder.path() / "none").strata.empty());
}
