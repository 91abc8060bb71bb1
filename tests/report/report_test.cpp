#include "vcell/report/report.hpp"

#include "eval/support.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace vcell_test;

namespace {

const std::string hostile = "</td><script>alert('x')</script>\"&`rm`$(rm)\n[[0]]";

/// Two contexts, four perturbations (one of them a gene, one with a hostile name), strong shifts.
Evaluation example(double strength, const ExpressionMemory& memory = {}) {
  const std::vector<std::string> labels = {"ctrl", "g1", "ctrl", "B", hostile, "zero", "ctrl"};
  const auto side = [&](uint64_t seed, double scale) {
    const size_t cells = 70 * labels.size();
    LabelledCells out{
        random_cells(cells, 12, 0.7, 0, seed), numbered("g", 11), by_turns(labels, cells), {}};
    out.genes.push_back(hostile + "gene");
    for (size_t i = 0; i < cells; ++i) {
      const auto& name = out.perturbation.names[size_t(out.perturbation.codes[i])];
      const auto values = out.X.row_values(i);
      if (name == "g1" || name == "B")
        for (size_t k = 0; k < values.size() / 2; ++k)
          values[k] *= float(name == "B" ? 1 + scale : 1 - scale);
    }
    std::vector<std::string> contexts;
    for (size_t i = 0; i < cells; ++i)
      contexts.push_back((i / labels.size()) % 2 ? "rep<1>" : "rep 2");
    out.context = factor(contexts);
    return out;
  };
  return evaluate(side(1, 0.5), side(2, strength), {.control = "ctrl", .memory = memory});
}

ReportInput example_input() {
  ReportInput input;
  input.title = "A <screen> & more";
  input.method = "State Transition";
  input.held_out = true;
  input.evaluation = example(0.4);
  input.others = {scored_method("control_copy", example(0))};
  input.run = {{"Data <1>", {{"File", "a&b.h5ad"}, {"Cells", "490"}}}};
  for (int i = 1; i <= 1000; ++i) input.training_loss.push_back({double(i), 1 + 1. / i});
  input.validation_loss = {{500, 1.5}, {1000, 1.25}};
  input.kept_steps = {1000};
  return input;
}

bool has_gnuplot() { return gnuplot("set terminal svg\nplot x\n").trouble.empty(); }

size_t occurrences(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (size_t i = text.find(part); i != std::string::npos; i = text.find(part, i + 1)) ++n;
  return n;
}

/// Whether every element that is opened is closed, in order; attributes hold no '<' or '>'.
bool is_nested(const std::string& html) {
  std::vector<std::string> open;
  for (size_t i = html.find('<'); i != std::string::npos; i = html.find('<', i + 1)) {
    if (html.compare(i, 2, "<!") == 0) continue;
    const size_t end = html.find('>', i);
    if (end == std::string::npos) return false;
    const bool closes = html[i + 1] == '/', alone = html[end - 1] == '/';
    const size_t begin = i + 1 + closes;
    const std::string name = html.substr(begin, html.find_first_of(" \n/>", begin) - begin);
    if (name == "meta" || name == "br" || alone) continue;
    if (!closes) {
      open.push_back(name);
      continue;
    }
    if (open.empty() || open.back() != name) return false;
    open.pop_back();
  }
  return open.empty();
}

const ReportOptions without_gnuplot{{.program = "vcell-no-such-program"}};

}  // namespace

TEST_CASE("report: has everything that it is for", "[report]") {
  const auto input = example_input();
  const std::string html = report_html(input);
  REQUIRE(is_nested(html));
  for (const char* part :
       {"A &lt;screen&gt; &amp; more", "a&amp;b.h5ad", "Data &lt;1&gt;", "State Transition",
        "control copy", "Mean scores", "Predicted and observed shifts",
        "Differentially expressed genes", "Scores by perturbation", "Training", "What was run",
        "rep&lt;1&gt;", "Discrimination", "Energy distance <small>lower is better</small>",
        "The weights of step 1000 were kept", "8 pairs of perturbation and context in 2 contexts",
        "than <b>control copy</b> in "})
    REQUIRE_THAT(html, contains(part));
  // Each perturbation of each context has its row with the number of its cells.
  REQUIRE(occurrences(html, "<th scope=\"row\">g1</th><td class=\"n\">35</td>") == 2);
  // The means are those of agg_results.csv.
  const auto mean = summarise(input.evaluation)[2][summary_mean];
  REQUIRE_THAT(html, contains(show(mean, 3)));
  REQUIRE(mean_score(methods_of(input)[0], "discrimination_score_l1") == mean);
  REQUIRE_FALSE(mean_score(input.others[0], "no_such_score"));
}

TEST_CASE("report: needs no other file and carries no time", "[report]") {
  const auto input = example_input();
  const std::string html = report_html(input);
  for (const char* outside : {"<script", "<link", "<img", "<iframe", "@import", "url(http", "src="})
    REQUIRE_THAT(html, !contains(outside));
  REQUIRE(occurrences(html, "http") == occurrences(html, "http://www.w3.org/"));
  REQUIRE(report_html(input) == html);
}

TEST_CASE("report: names are escaped, in tables and in plots", "[report]") {
  const std::string html = report_html(example_input());
  REQUIRE_THAT(html, !contains("alert('x')"));
  REQUIRE_THAT(html, contains("&lt;script&gt;alert(&#39;x&#39;)"));
  if (has_gnuplot()) REQUIRE(occurrences(html, "<svg") == 8);  // six shifts, overlap, training
}

TEST_CASE("report: identifiers are unique", "[report]") {
  const std::string html = report_html(example_input());
  std::set<std::string> seen;
  for (const std::string quote : {"\"", "'"})
    for (size_t i = html.find(" id=" + quote); i != std::string::npos;
         i = html.find(" id=" + quote, i + 1)) {
      const size_t begin = i + 5;
      REQUIRE(seen.insert(html.substr(begin, html.find(quote, begin) - begin)).second);
    }
  REQUIRE(seen.size() > 10);
}

TEST_CASE("report: without gnuplot it says so and has the rest", "[report]") {
  const std::string html = report_html(example_input(), without_gnuplot);
  REQUIRE(is_nested(html));
  REQUIRE(occurrences(html, "No plot: vcell-no-such-program: not found") == 8);
  REQUIRE(occurrences(html, "<svg") == 0);
  REQUIRE_THAT(html, contains("correlation") && contains("Scores by perturbation"));
}

TEST_CASE("report: an interval stands below its mean", "[report]") {
  auto input = example_input();
  const std::string bare = report_html(input, without_gnuplot);
  REQUIRE_THAT(bare, !contains("interval of about 95"));
  ScoreIntervals& made = input.others[0].intervals;
  made.metrics = {"mae"};
  made.overall.intervals = {ScoreInterval{0.25, -1.5, 0.875}};
  input.evaluation.intervals = made;
  const std::string html = report_html(input, without_gnuplot);
  REQUIRE(is_nested(html));
  REQUIRE(occurrences(html, "<br><small>\u22121.500 to 0.875</small></td>") == 2);
  REQUIRE_THAT(html, contains("Below a mean stands an interval of about 95"));
}

TEST_CASE("report: ceilings have a column of their own", "[report]") {
  auto input = example_input();
  REQUIRE_THAT(report_html(input, without_gnuplot), !contains(">Ceiling<"));
  input.ceilings = {{"pearson_delta", 0.875}};
  const std::string html = report_html(input, without_gnuplot);
  REQUIRE(is_nested(html));
  REQUIRE_THAT(html, contains("<th scope=\"col\" class=\"n\">Ceiling</th>") &&
                         contains("<td class=\"n\">0.875</td><td class=\"n\">1</td></tr>") &&
                         contains("halves of the observed cells"));
  input.level_ceilings = {{"guide <1>", {{"pearson_delta", 0.75}}}};
  const std::string by = report_html(input, without_gnuplot);
  REQUIRE(is_nested(by));
  REQUIRE_THAT(
      by,
      contains("<th scope=\"col\" class=\"n\">Ceiling<br><small>by guide &lt;1&gt;</small></th>") &&
          contains("<td class=\"n\">0.875</td><td class=\"n\">0.750</td><td class=\"n\">1</td>") &&
          contains("A ceiling by a column"));
}

TEST_CASE("report: differences from other methods, with what is certain in bold", "[report]") {
  const auto method = [](const std::string& name, double mae, double pearson, size_t n) {
    ScoredMethod out{name, "", {{"", {numbered("P", n), {{"mae", {}}, {"pearson_delta", {}}}}}}};
    for (size_t i = 0; i < n; ++i) {
      out.contexts[0].scores.columns[0].values.push_back(mae + 0.001 * double(i % 2));
      out.contexts[0].scores.columns[1].values.push_back(pearson);
    }
    return out;
  };
  const auto with = [&](size_t n) {
    ReportInput input;
    input.method = "mine";
    input.evaluation.contexts.emplace_back();
    input.evaluation.contexts[0].scores = method("", 0.25, 0.5, n).contexts[0].scores;
    input.others = {method("worse", 0.5, 0.5, n), method("other_one", 0.125, 0.5, n)};
    return input;
  };
  const auto six = with(6);
  const auto found = method_differences(six);
  REQUIRE(found.size() == 4);
  REQUIRE(found[1].other == "other_one");
  REQUIRE(found[1].found->difference == Approx(0.125));
  const std::string html = difference_section(six);
  REQUIRE_THAT(html, contains("<b>\u22120.250</b>") && contains("other one") &&
                         contains("<td class=\"n\">0.125<br><small>0.125 to 0.125"));
  REQUIRE(is_nested(html));
  REQUIRE(difference_section(with(5)).empty());

  const TemporaryFolder folder;
  write_differences(folder.path() / "d.csv", with(5));
  REQUIRE_THAT(read_text(folder.path() / "d.csv"),
               contains("metric,method,other,difference,low,high,perturbations\n"
                        "mae,mine,worse,,,,\n"));
  write_differences(folder.path() / "d.csv", six);
  REQUIRE_THAT(read_text(folder.path() / "d.csv"), contains("pearson_delta,mine,worse,0,0,0,6\n"));

  // What has one value of all perturbations says nothing of each.
  auto own = six;
  own.metrics = {{.name = "mae",
                  .aggregate = [](const EvaluationSide&, const EvaluationSide&,
                                  const MetricOptions&) { return Score(1.); }}};
  REQUIRE(method_differences(own).empty());
}

TEST_CASE("report: scores of parts, of the main metrics", "[report]") {
  auto input = example_input();
  REQUIRE(strata_section(input).empty());
  const double beyond = std::numeric_limits<double>::infinity();
  input.evaluation.strata = {{"mae", "mse"},
                             {{"de_genes", 0, 1, 3, {0.25, 9.5}},
                              {"cells", 30, 100, 2, {{}, 9.5}},
                              {"cells", 300, beyond, 1, {0.5, 9.5}},
                              {"expression", 0.125, beyond, 4, {0.75, 9.5}}}};
  const std::string html = strata_section(input);
  REQUIRE(is_nested(html));
  REQUIRE_THAT(html, contains(">0 DE genes<") && contains(">30 to 99 cells<") &&
                         contains(">300 or more cells<") && contains("expression from 0.12") &&
                         contains("<td class=\"n\">0.250</td>") && !contains("9.5"));
  REQUIRE_THAT(report_html(input, without_gnuplot), contains("id=\"strata\""));
}

TEST_CASE("report: marks the best of each row, and none where all are equal", "[report]") {
  using Scores = std::vector<Score>;
  const double nan_value = std::nan("");
  REQUIRE(detail::best_of(Scores{0.5, 0.9, {}, nan_value}, 1, 2) ==
          std::vector<bool>{false, true, false, false});
  REQUIRE(detail::best_of(Scores{0.5, 0.9}, -1, 2) == std::vector<bool>{true, false});
  REQUIRE(detail::best_of(Scores{0.901, 0.9, 0.5}, 1, 2) == std::vector<bool>{true, true, false});
  REQUIRE(detail::best_of(Scores{0.0, 0.0}, 1, 2) == std::vector<bool>{false, false});
  REQUIRE(detail::best_of(Scores{0.5, 0.9}, 0, 2) == std::vector<bool>{false, false});
}

TEST_CASE("report: a baseline that could not predict all says how many", "[report]") {
  auto input = example_input();
  auto& scores = input.others[0].contexts[1].scores;
  scores.perturbations.pop_back();
  for (auto& column : scores.columns) column.values.pop_back();
  const std::string html = report_html(input, without_gnuplot);
  REQUIRE_THAT(html, contains("7 of 8 predicted") && !contains("scores are better"));
  // What it has is shown, and not compared.
  using Scores = std::vector<Score>;
  REQUIRE(detail::score_cells(Scores{0.5, 0.9, 0.4}, {true, false, true}, 1, 1) ==
          "<td class=\"n first\"><b>0.5</b></td><td class=\"n\">0.9</td><td class=\"n\">0.4</td>");
  REQUIRE_THAT(html, contains("<td class=\"n\">\u2013</td>"));
}

TEST_CASE("report: warnings are shown, or that there are none", "[report]") {
  auto input = example_input();
  input.warnings = {"Watch <out>"};
  input.evaluation.left_out = {"labels only in real: 'X'"};
  auto table = *input.evaluation.contexts[0].real_de.whole();
  table.target_membership[0] = 3;
  input.evaluation.contexts[0].real_de = table;
  std::string html = report_html(input, without_gnuplot);
  REQUIRE_THAT(html, contains("<li>Watch &lt;out&gt;</li>") && contains("Left out: labels only") &&
                         contains("Few cells"));
  input = example_input();
  input.evaluation = example(0.5);
  for (auto& context : input.evaluation.contexts) {
    context.predicted_de = context.real_de;
    // No gene changes in the example, so overlap is at its floor.
    std::erase_if(context.scores.columns, [](const auto& c) { return c.name == "overlap_at_N"; });
  }
  html = report_html(input, without_gnuplot);
  REQUIRE_THAT(html, contains("No warnings") && !contains("class=\"warnings\""));
}

TEST_CASE("report: tables that are not kept give the same page, and can be stopped", "[report]") {
  auto input = example_input();
  const std::string html = report_html(input, without_gnuplot);
  const size_t three = 3 * 12 * expression_entry_bytes();
  input.evaluation = example(0.4, {.kept_bytes = 0, .block_bytes = three});
  REQUIRE_FALSE(input.evaluation.contexts[1].predicted_de.is_kept());
  REQUIRE(report_html(input, without_gnuplot) == html);
  auto stopped = without_gnuplot;
  stopped.progress = [](const ProgressUpdate&) { return false; };
  REQUIRE_THROWS_AS(report_html(input, stopped), Stopped);
}

TEST_CASE("report: what was not done is not shown", "[report]") {
  ReportInput input;
  input.evaluation = example(0.4);
  const std::string html = report_html(input, without_gnuplot);
  REQUIRE(is_nested(html));
  REQUIRE_THAT(
      html, !contains(">Training<") && !contains("What was run") && !contains("scores are better"));
  input.evaluation.contexts.clear();
  REQUIRE_THROWS_AS(report_html(input, without_gnuplot), ConfigError);
}

TEST_CASE("report: is written whole", "[report]") {
  const TemporaryFolder folder;
  const auto input = example_input();
  write_report(folder.path() / "report.html", input, without_gnuplot);
  REQUIRE(read_text(folder.path() / "report.html") == report_html(input, without_gnuplot));
  REQUIRE_THROWS_AS(write_report(folder.path() / "none" / "report.html", input, without_gnuplot),
                    IoError);
}

TEST_CASE("report: what is linked is there", "[report]") {
  const std::string html = report_html(example_input(), without_gnuplot);
  for (size_t i = html.find("href=\"#"); i != std::string::npos; i = html.find("href=\"#", i + 1))
    REQUIRE_THAT(html, contains("id=\"" + html.substr(i + 7, html.find('"', i + 7) - i - 6)));
  REQUIRE(occurrences(html, "href=\"#") == 2);
}

TEST_CASE("report: the word at the kept step stays inside the plot", "[report]") {
  auto input = example_input();
  REQUIRE_THAT(training_plot(input).script, contains("first 1000, graph 0.5 right offset -0.5"));
  input.kept_steps = {100};
  REQUIRE_THAT(training_plot(input).script, contains("first 100, graph 0.5 left offset 0.5"));
  input.training_loss.clear();
  input.validation_loss = {{100, 1}};
  REQUIRE_THAT(training_plot(input).script, contains("right offset"));
}

TEST_CASE("report: every member of an ensemble has a curve of its own", "[report]") {
  auto input = example_input();
  const auto training = input.training_loss, validation = input.validation_loss;
  for (auto [step, loss, member] : training) input.training_loss.push_back({step, loss + 1, 2});
  for (auto [step, loss, member] : validation) input.validation_loss.push_back({step, loss + 1, 2});
  input.kept_steps = {1000, 500};
  const auto script = training_plot(input).script;
  REQUIRE_THAT(script, contains("$validation << EOD\n500 1.5\n1000 1.25\n\n500 2.5\n1000 2.25\n"));
  REQUIRE(occurrences(script, "label 'kept'") == 2);
  const auto thin = detail::thinned(input.training_loss, 300);
  REQUIRE(thin.size() == 2 * detail::thinned(training, 300).size());
  REQUIRE(thin.front().step == thin[thin.size() / 2].step);
  REQUIRE(thin.back().member == 2);
  const auto html = report_html(input, without_gnuplot);
  REQUIRE_THAT(html, contains("2 models, trained in turn"));
  REQUIRE_THAT(html, contains("The weights of the steps 1000, 500 were kept."));
}

TEST_CASE("report: plots thin what would lie on each other", "[report]") {
  std::vector<double> observed(5000), predicted(5000);
  for (size_t g = 0; g < 5000; ++g) observed[g] = predicted[g] = double(g % 50) / 50;
  const auto plot = shift_plot("p", "t", observed, predicted, numbered("g", 5000), 7);
  REQUIRE(occurrences(plot.script, "\n") < 120);
  REQUIRE(plot.labels.front() == "g7");
  REQUIRE(detail::thinned(std::vector<LossPoint>(1001, {1, 2}), 300).size() <= 300);
  REQUIRE(detail::shortened("IFN\u03B2\u03B2\u03B2\u03B2", 10) == "IFN\u03B2\u03B2...");
  for (double range : {0.02, 0.3, 1.0, 1.96, 7.0, 55.0}) {
    REQUIRE(range / detail::tic_step(range) <= 6.0001);
    REQUIRE(range / detail::tic_step(range) >= 2);
  }
}

TEST_CASE("report: says that cells were held out only where that is known", "[report]") {
  auto input = example_input();
  REQUIRE_THAT(report_html(input, without_gnuplot), contains("not used in training"));
  input.held_out = false;
  REQUIRE_THAT(report_html(input, without_gnuplot), !contains("not used in training"));
}
