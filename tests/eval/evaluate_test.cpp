#include "vcell/eval/evaluate.hpp"

#include <cstring>
#include <set>

#include "support.hpp"
#include "support/catch.hpp"
#include "support/threads.hpp"

using namespace vcell_test;

namespace {

const std::vector<std::string> cell_labels = {"ctrl", "g3", "A", "ctrl", "g1"};

LabelledCells cells_of(uint64_t seed, size_t cells = 60, size_t genes = 12) {
  return {random_cells(cells, genes, 0.6, 0, seed),
          numbered("g", genes),
          by_turns(cell_labels, cells),
          {}};
}

LabelledCells in_contexts(LabelledCells cells, const std::vector<std::string>& contexts) {
  std::vector<std::string> text;
  for (size_t i = 0; i < cells.X.rows; ++i)
    text.push_back(contexts[(i / cell_labels.size()) % contexts.size()]);
  cells.context = factor(text);
  return cells;
}

LabelledCells rows_of(const LabelledCells& cells, const std::vector<size_t>& rows) {
  LabelledCells out = cells;
  out.X = select_rows(cells.X, std::span<const size_t>(rows));
  out.perturbation.codes.clear();
  out.context.codes.clear();
  for (size_t row : rows) {
    out.perturbation.codes.push_back(cells.perturbation.codes[row]);
    if (cells.has_contexts()) out.context.codes.push_back(cells.context.codes[row]);
  }
  return out;
}

LabelledCells columns_of(LabelledCells cells, const std::vector<size_t>& columns) {
  cells.X = select_columns(cells.X, std::span<const size_t>(columns));
  std::vector<std::string> genes;
  for (size_t c : columns) genes.push_back(cells.genes[c]);
  cells.genes = genes;
  return cells;
}

LabelledCells without(const LabelledCells& cells, const std::string& label) {
  std::vector<size_t> rows;
  for (size_t i = 0; i < cells.X.rows; ++i)
    if (cells.perturbation.names[size_t(cells.perturbation.codes[i])] != label) rows.push_back(i);
  auto out = rows_of(cells, rows);
  std::vector<std::string> text;
  for (int32_t code : out.perturbation.codes) text.push_back(out.perturbation.names[size_t(code)]);
  out.perturbation = factor(text);
  return out;
}

CsrMatrix<float> cells_labelled(const LabelledCells& cells, const std::string& label) {
  std::vector<size_t> rows;
  for (size_t i = 0; i < cells.X.rows; ++i)
    if (cells.perturbation.names[size_t(cells.perturbation.codes[i])] == label) rows.push_back(i);
  return select_rows(cells.X, std::span<const size_t>(rows));
}

const EvaluationOptions options{.control = "ctrl"};
const EvaluationOptions subset{.control = "ctrl", .subset = true};

}  // namespace

TEST_CASE("evaluate: scores are their definitions", "[eval]") {
  const auto real = cells_of(1), predicted = cells_of(2);
  const auto result = evaluate(real, predicted, options);
  REQUIRE(result.left_out.empty());
  REQUIRE(result.contexts.size() == 1);
  const auto& scores = result.contexts[0].scores;
  const auto real_de = result.contexts[0].real_de.whole(),
             predicted_de = result.contexts[0].predicted_de.whole();
  REQUIRE(result.contexts[0].context.empty());
  REQUIRE(scores.perturbations == std::vector<std::string>{"A", "g1", "g3"});
  std::vector<std::string> names;
  for (const auto& column : scores.columns) names.push_back(column.name);
  REQUIRE(names == std::vector<std::string>{"overlap_at_N", "mae", "discrimination_score_l1",
                                            "pearson_delta", "mae_delta", "edistance"});

  const auto mean = [](const LabelledCells& side, const std::string& label, size_t gene) {
    double sum = 0;
    const auto values = values_of(side.X, side.perturbation, label, gene);
    for (float v : values) sum += double(v);
    return sum / double(values.size());
  };
  for (size_t t = 0; t < 3; ++t) {
    std::vector<float> y, y_hat, delta, delta_hat;
    for (size_t g = 0; g < 12; ++g) {
      const double a = mean(real, scores.perturbations[t], g),
                   b = mean(predicted, scores.perturbations[t], g);
      y.push_back(float(a));
      y_hat.push_back(float(b));
      delta.push_back(float(a - mean(real, "ctrl", g)));
      delta_hat.push_back(float(b - mean(predicted, "ctrl", g)));
    }
    REQUIRE(*scores.column("mae")[t] == Approx(mean_absolute_error(y_hat, y)));
    REQUIRE(*scores.column("mae_delta")[t] == Approx(mean_absolute_error(delta_hat, delta)));
    REQUIRE(*scores.column("pearson_delta")[t] == Approx(pearson(delta_hat, delta)));
    REQUIRE(*scores.column("overlap_at_N")[t] ==
            overlap_at(significant_genes(*real_de, t), significant_genes(*predicted_de, t)));
    const auto cells = cells_labelled(real, scores.perturbations[t]),
               cells_hat = cells_labelled(predicted, scores.perturbations[t]);
    REQUIRE(*scores.column("edistance")[t] == edistance(cells_hat.view(), cells.view()));
  }
}

TEST_CASE("evaluate: a perfect prediction has the best scores", "[eval]") {
  const auto real = cells_of(1, 400);
  auto all = options;
  all.metrics = all_metrics();
  const auto result = evaluate(real, real, all);
  const auto& scores = result.contexts[0].scores;
  for (const Metric& metric : all.metrics)
    for (size_t t = 0; t < 3; ++t) {
      const Score score = scores.column(metric.name)[t];
      INFO(metric.name);
      if (!score || std::isnan(*score)) continue;
      const bool none = *scores.column("de_nsig_counts_real")[t] == 0;
      if (none && metric.reads == MetricReads::expression) continue;
      if (metric.best && metric.name != "edistance") REQUIRE(*score == Approx(*metric.best));
      if (metric.lowest) REQUIRE(*score >= *metric.lowest);
      if (metric.highest) REQUIRE(*score <= *metric.highest + 1e-12);
    }
  for (size_t t = 0; t < 3; ++t) {
    REQUIRE(scores.column("mae")[t] == 0);
    REQUIRE(scores.column("mae_delta")[t] == 0);
    REQUIRE(scores.column("discrimination_score_l1")[t] == 1);
    REQUIRE(*scores.column("pearson_delta")[t] == Approx(1));
    // Every cell is there on both sides at distance 0, and within a side met by others alone.
    const auto cells = cells_labelled(real, scores.perturbations[t]);
    REQUIRE(*scores.column("edistance")[t] < 0);
    REQUIRE(*scores.column("edistance")[t] ==
            Approx(edistance(cells.view(), cells.view())).epsilon(1e-12));
  }
}

TEST_CASE("evaluate: contexts are scored apart and averaged", "[eval]") {
  const auto real = in_contexts(cells_of(1), {"y", "x"});
  const auto predicted = in_contexts(cells_of(2), {"y", "x"});
  const auto result = evaluate(real, predicted, options);
  REQUIRE(result.contexts.size() == 2);
  std::vector<std::vector<Summary>> apart;
  for (size_t c = 0; c < 2; ++c) {
    const std::string name = c ? "y" : "x";
    std::vector<size_t> rows;
    for (size_t i = 0; i < real.X.rows; ++i)
      if (real.context.names[size_t(real.context.codes[i])] == name) rows.push_back(i);
    auto a = rows_of(real, rows), b = rows_of(predicted, rows);
    a.context = b.context = {};
    const auto alone = evaluate(a, b, options);
    REQUIRE(result.contexts[c].context == name);
    for (const auto& column : alone.contexts[0].scores.columns)
      REQUIRE(result.contexts[c].scores.column(column.name) == column.values);
    apart.push_back(summarise(alone.contexts[0].scores));
  }
  const auto mean = summarise(result);
  for (size_t i = 0; i < mean.size(); ++i)
    REQUIRE(mean[i] == mean_of(std::vector{apart[0][i], apart[1][i]}));
}

TEST_CASE("evaluate: the order of the cells and the threads change nothing", "[eval]") {
  const auto real = in_contexts(cells_of(1), {"y", "x"});
  const auto predicted = in_contexts(cells_of(2), {"y", "x"});
  const auto on = [&](int threads) {
    const Threads scope(threads);
    return evaluate(real, predicted, options);
  };
  const auto one = on(1), three = on(3);
  Rng rng(1);
  const auto moved = evaluate(rows_of(real, permutation(real.X.rows, rng)),
                              rows_of(predicted, permutation(predicted.X.rows, rng)), options);
  for (size_t c = 0; c < 2; ++c)
    for (const auto& column : one.contexts[c].scores.columns) {
      REQUIRE(three.contexts[c].scores.column(column.name) == column.values);
      // Its distances come from products in float; the others are sums in double.
      const double margin = column.name == "edistance" ? 1e-5 : 0;
      for (size_t t = 0; t < column.values.size(); ++t)
        REQUIRE(*moved.contexts[c].scores.column(column.name)[t] ==
                Approx(*column.values[t]).epsilon(1e-12).margin(margin));
    }
}

TEST_CASE("evaluate: unequal genes are an error, or left out with subset", "[eval]") {
  const auto real = cells_of(1), predicted = cells_of(2);
  const auto fewer_real = columns_of(real, {0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  const auto fewer = columns_of(predicted, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  REQUIRE_THROWS_WITH(evaluate(fewer_real, fewer, options),
                      contains("genes only in real: 'g10', 'g11'") &&
                          contains("genes only in predicted: 'g2'") && contains("subset"));
  const auto restricted = evaluate(fewer_real, fewer, subset);
  REQUIRE(restricted.left_out.size() == 2);
  const std::vector<size_t> shared = {0, 1, 3, 4, 5, 6, 7, 8, 9};
  const auto expected = evaluate(columns_of(real, shared), columns_of(predicted, shared), options);
  for (const auto& column : expected.contexts[0].scores.columns)
    REQUIRE(restricted.contexts[0].scores.column(column.name) == column.values);
}

TEST_CASE("evaluate: reordered genes are an error, or matched by name with subset", "[eval]") {
  const auto real = cells_of(1), predicted = cells_of(2);
  const auto reordered = columns_of(predicted, {0, 1, 3, 2, 4, 5, 6, 7, 8, 9, 10, 11});
  REQUIRE_THROWS_WITH(evaluate(real, reordered, options),
                      contains("first gene 2: 'g2' in real, 'g3' in predicted"));
  const auto expected = evaluate(real, predicted, options);
  const auto matched = evaluate(real, reordered, subset);
  REQUIRE(matched.left_out.size() == 1);
  for (const auto& column : expected.contexts[0].scores.columns)
    REQUIRE(matched.contexts[0].scores.column(column.name) == column.values);
}

TEST_CASE("evaluate: unequal labels are an error, or left out with subset", "[eval]") {
  const auto real = cells_of(1), predicted = without(cells_of(2), "g3");
  REQUIRE_THROWS_WITH(evaluate(real, predicted, options), contains("labels only in real: 'g3'"));
  REQUIRE_THROWS_WITH(evaluate(predicted, real, options),
                      contains("labels only in predicted: 'g3'"));
  const auto restricted = evaluate(real, predicted, subset);
  REQUIRE(restricted.left_out == std::vector<std::string>{"labels only in real: 'g3'"});
  const auto expected = evaluate(without(real, "g3"), predicted, options);
  for (const auto& column : expected.contexts[0].scores.columns)
    REQUIRE(restricted.contexts[0].scores.column(column.name) == column.values);

  const auto x = in_contexts(cells_of(1), {"y", "x"}), y = in_contexts(cells_of(2), {"y", "z"});
  REQUIRE_THROWS_WITH(evaluate(x, y, options), contains("'A in x'") && contains("'g3 in z'"));
  REQUIRE(evaluate(x, y, subset).contexts.size() == 1);
}

TEST_CASE("evaluate: contexts with nothing but controls are left out", "[eval]") {
  auto real = in_contexts(cells_of(1), {"y", "x"});
  const auto predicted = in_contexts(cells_of(2), {"y", "x"});
  const int32_t x = real.context.code("x"), control = real.perturbation.code("ctrl");
  std::vector<size_t> rows;
  for (size_t i = 0; i < real.X.rows; ++i)
    if (real.context.codes[i] != x || real.perturbation.codes[i] == control) rows.push_back(i);
  const auto result = evaluate(rows_of(real, rows), rows_of(predicted, rows), options);
  REQUIRE(result.contexts.size() == 1);
  REQUIRE(result.contexts[0].context == "y");
  REQUIRE(result.left_out ==
          std::vector<std::string>{"contexts without a perturbation that both have: 'x'"});
}

TEST_CASE("evaluate: what cannot be compared is an error", "[eval]") {
  const auto real = cells_of(1), predicted = cells_of(2);
  REQUIRE_THROWS_WITH(evaluate(without(real, "ctrl"), without(predicted, "ctrl"), options),
                      contains("no cells labelled 'ctrl'"));
  REQUIRE_THROWS_WITH(evaluate(real, without(predicted, "ctrl"), subset),
                      contains("no cells labelled 'ctrl'"));
  auto others = predicted;
  others.perturbation = by_turns({"ctrl", "Z"}, others.X.rows);
  REQUIRE_THROWS_WITH(evaluate(real, others, subset),
                      contains("share no perturbation") && contains("'g3'") && contains("'Z'"));
  others = predicted;
  others.genes = numbered("h", 12);
  REQUIRE_THROWS_WITH(evaluate(real, others, subset), contains("share no gene"));
  REQUIRE_THROWS_WITH(evaluate(real, in_contexts(predicted, {"x"}), subset),
                      contains("divided into contexts"));
}

TEST_CASE("evaluate: values that are no log1p values are an error", "[eval]") {
  const auto real = cells_of(1);
  for (float wrong : {-0.5f, 30.1f, std::nanf("")}) {
    auto predicted = cells_of(2);
    predicted.X.values[0] = wrong;
    REQUIRE_THROWS_WITH(evaluate(real, predicted, options),
                        contains("predicted") && contains("cell 0") && contains("counts"));
  }
  auto counts = cells_of(2);
  for (float& value : counts.X.values) value = std::ceil(value);
  REQUIRE_THROWS_WITH(evaluate(counts, real, options), contains("whole numbers"));
  auto twice = cells_of(2);
  twice.genes[4] = "g1";
  REQUIRE_THROWS_WITH(evaluate(real, twice, options), contains("twice: 'g1'"));
  twice.genes.pop_back();
  REQUIRE_THROWS_AS(evaluate(real, twice, options), ShapeError);
}

TEST_CASE("evaluate: no significant gene and no expressed gene", "[eval]") {
  auto silent = cells_of(1);
  silent.X.indptr.assign(silent.X.rows + 1, 0);
  silent.X.indices.clear();
  silent.X.values.clear();
  const auto result = evaluate(cells_of(1), silent, options);
  const auto& scores = result.contexts[0].scores;
  for (size_t t = 0; t < 3; ++t) {
    REQUIRE(scores.column("overlap_at_N")[t] == 0);
    REQUIRE(std::isnan(*scores.column("pearson_delta")[t]));
    REQUIRE(result.contexts[0].predicted_de.whole()->fdr(t, 0) == 1);
  }
  REQUIRE(std::isnan(*summarise(result)[3][summary_mean]));
}

TEST_CASE("evaluate: a side that was measured once serves several predictions", "[eval]") {
  const auto real = in_contexts(cells_of(1), {"y", "x"});
  const auto predicted = in_contexts(cells_of(2), {"y", "x"});
  const auto expected = evaluate(real, predicted, options);
  const auto result = evaluate(evaluation_sides(real, {.control = "ctrl"}),
                               evaluation_sides(predicted, {.control = "ctrl"}));
  for (size_t c = 0; c < 2; ++c)
    for (const auto& column : expected.contexts[c].scores.columns)
      REQUIRE(result.contexts[c].scores.column(column.name) == column.values);
  // The cells of a context are found among those of the whole side.
  for (const auto& context : evaluation_sides(real, {.control = "ctrl"}))
    for (size_t t = 0; t < context.rows.size(); ++t) {
      REQUIRE(context.rows[t].size() == context.expression.target_membership()[t]);
      for (const size_t row : context.rows[t]) {
        REQUIRE(real.context.names[size_t(real.context.codes[row])] == context.context);
        REQUIRE(real.perturbation.names[size_t(real.perturbation.codes[row])] ==
                context.perturbations()[t]);
      }
    }
  auto fewer = evaluation_sides(predicted, {.control = "ctrl"});
  fewer.pop_back();
  REQUIRE_THROWS_AS(evaluate(evaluation_sides(real, {.control = "ctrl"}), fewer), ConfigError);
}

TEST_CASE("evaluate: a metric of a user's own is a column like any other", "[eval]") {
  auto own = options;
  own.metrics = {{.name = "cells",
                  .scores =
                      [](const EvaluationSide& real, const EvaluationSide&, const MetricOptions&) {
                        std::vector<Score> out;
                        for (const auto& rows : real.rows) out.push_back(double(rows.size()));
                        return out;
                      }},
                 {.name = "alpha",
                  .aggregate = [](const EvaluationSide&, const EvaluationSide&,
                                  const MetricOptions& o) { return Score(o.alpha); }}};
  own.alpha = 0.25;
  own.metrics.push_back({.name = "genes", .of_target = [](const TargetExpression& e) -> Score {
                           return double(e.real.features.size()) + e.alpha;
                         }});
  own.metrics.push_back(
      {.name = "targets", .of_counts = [](std::span<const SignificantCounts> counts) -> Score {
         return double(counts.size());
       }});
  const auto result = evaluate(cells_of(1), cells_of(2), own);
  REQUIRE(result.alpha == 0.25);
  const auto& scores = result.contexts[0].scores;
  REQUIRE(scores.columns.size() == 4);
  REQUIRE(scores.column("genes") == std::vector<Score>(3, 12.25));
  REQUIRE(scores.column("targets") == std::vector<Score>(3, 3.0));
  REQUIRE(scores.column("cells") == std::vector<Score>{12, 12, 12});
  REQUIRE(scores.column("alpha") == std::vector<Score>{0.25, 0.25, 0.25});

  own.metrics[0].scores = [](const auto&, const auto&, const auto&) {
    return std::vector<Score>(2);
  };
  REQUIRE_THROWS_WITH(evaluate(cells_of(1), cells_of(2), own),
                      contains("metric 'cells' gave 2 scores") && contains("3 perturbations"));
  own.metrics[0] = {.name = "empty"};
  REQUIRE_THROWS_WITH(evaluate(cells_of(1), cells_of(2), own),
                      contains("'empty' has none of scores, of_target"));
  own.metrics[0].scores = own.metrics[1].scores;
  own.metrics[1].scores = [](const auto&, const auto&, const auto&) {
    return std::vector<Score>();
  };
  own.metrics = {own.metrics[1]};
  REQUIRE_THROWS_WITH(evaluate(cells_of(1), cells_of(2), own), contains("has several of"));
}

TEST_CASE("evaluate: profiles choose columns", "[eval]") {
  REQUIRE(profile_names() ==
          std::vector<std::string>{"vcell", "full", "minimal", "vcc", "de", "anndata", "pds"});
  auto vcc = options;
  vcc.metrics = metrics_of("vcc");
  const auto all = evaluate(cells_of(1), cells_of(2), options),
             some = evaluate(cells_of(1), cells_of(2), vcc);
  std::vector<std::string> names;
  for (const auto& column : some.contexts[0].scores.columns) {
    names.push_back(column.name);
    REQUIRE(column.values == all.contexts[0].scores.column(column.name));
  }
  REQUIRE(names == std::vector<std::string>{"overlap_at_N", "mae", "discrimination_score_l1"});
  REQUIRE_THROWS_WITH(metrics_of("vc"),
                      contains("'vc'") && contains("did you mean 'vcc'") && contains("'pds'"));
  REQUIRE(metric_named("mae").direction == -1);
  REQUIRE(metric_named("mine").title == "mine");
  REQUIRE(metric_named("mine").direction == 0);
  std::set<std::string> seen;
  for (const Metric& metric : all_metrics()) {
    REQUIRE(seen.insert(metric.name).second);
    REQUIRE_FALSE(metric.title.empty());
    REQUIRE_FALSE(metric.meaning.empty());
  }
}

TEST_CASE("evaluate: sides that were normalised to different totals do not compare", "[eval]") {
  auto real = cells_of(1), predicted = cells_of(2);
  real.target_sum = 1e4;
  REQUIRE_NOTHROW(evaluate(real, predicted, options));
  predicted.target_sum = 1e4 * (1 + 1e-9);
  REQUIRE_NOTHROW(evaluate(real, predicted, options));
  predicted.target_sum = 2e4;
  REQUIRE_THROWS_WITH(evaluate(real, predicted, options),
                      contains("10000") && contains("20000") && contains("normalise"));
}

TEST_CASE("evaluate: can be watched and stopped in each of its parts", "[eval]") {
  auto watched = options;
  std::set<std::string> stages;
  watched.progress = [&](const ProgressUpdate& update) {
    stages.insert(std::string(update.stage));
    REQUIRE(update.done <= update.total);
    return true;
  };
  const auto expected = evaluate(cells_of(1), cells_of(2), options);
  const auto result = evaluate(cells_of(1), cells_of(2), watched);
  for (const auto& column : expected.contexts[0].scores.columns)
    REQUIRE(result.contexts[0].scores.column(column.name) == column.values);
  REQUIRE(stages ==
          std::set<std::string>{"differential expression", "discrimination", "distances"});
  for (const std::string& stage : stages) {
    watched.progress = [&](const ProgressUpdate& update) { return update.stage != stage; };
    REQUIRE_THROWS_AS(evaluate(cells_of(1), cells_of(2), watched), Stopped);
  }
}

TEST_CASE("evaluate: a perturbation's own gene is left out by its symbol", "[eval]") {
  // Perturbations g1 and g3 are genes; under other names of the genes nothing is left out.
  const auto real = cells_of(1), predicted = cells_of(2);
  const auto by_name = evaluate(real, predicted, options).contexts[0].scores;
  auto renamed = real, renamed_predicted = predicted;
  GeneSymbols symbols;
  for (size_t g = 0; g < real.genes.size(); ++g) {
    renamed.genes[g] = message("ENSG", g);
    symbols.of_gene[renamed.genes[g]] = real.genes[g];
  }
  renamed_predicted.genes = renamed.genes;
  auto with_symbols = options;
  with_symbols.symbols = symbols;
  REQUIRE(evaluate(renamed, renamed_predicted, with_symbols)
              .contexts[0]
              .scores.column("discrimination_score_l1") ==
          by_name.column("discrimination_score_l1"));
  // The column that is left out is that of the symbol.
  const auto side = evaluation_sides(renamed, {.control = "ctrl"})[0];
  REQUIRE(own_columns(side.perturbations(), side.genes(), &symbols) ==
          std::vector<int32_t>{-1, 1, 3});
  REQUIRE(own_columns(side.perturbations(), side.genes()) == std::vector<int32_t>{-1, -1, -1});
}
