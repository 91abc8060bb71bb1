#include <fmt/format.h>

#include <cmath>
#include <map>

#include "cells.hpp"
#include "commands.hpp"
#include "options.hpp"
#include "output.hpp"
#include "rules.hpp"
#include "vcell/eval/aggregate_files.hpp"
#include "vcell/eval/score_record.hpp"
#include "vcell/eval/vcc2025/score_cells.hpp"
#include "vcell/eval/vcc2026/write_context_score.hpp"
#include "vcell/eval/write_results.hpp"
#include "vcell/pipeline/labelled_sides.hpp"
#include "vcell/pipeline/unpack_submission.hpp"
#include "vcell/version.hpp"

namespace fs = std::filesystem;

namespace {

struct ScoreFiles {
  Rules rules = Rules::none;
  std::vector<std::string> real, predicted, contexts;
  std::string user_table, base_table, table_out;
  std::string out, perturbation_key = "target_gene", control = "non-targeting", context_key;
  std::optional<vcell::Scale> scale;
  vcell::ScaleAggregatesOptions scaling;
  double memory = 0;  // GB
  bool overwrite = false;
};

/// Cells of an h5ad file, or of a container.
vcell::AnnData read_prediction(const std::string& file, const fs::path& out, Console& console,
                               double memory) {
  if (fs::path(file).extension() != ".vcc")
    return read_cells(file, console, CellParts::expression, memory);
  make_folder(out);
  const vcell::TemporaryFile cells(out / "pred.h5ad");
  vcell::unpack_submission(file, cells.path(), console.progress());
  return read_cells(cells.path().string(), console, CellParts::expression, memory);
}

std::string command_text(Rules rules) {
  return fmt::format("vcell {} score{}", VCELL_VERSION,
                     rules == Rules::none
                         ? ""
                         : " --rules vcc202" + std::string(rules == Rules::vcc2025 ? "5" : "6"));
}

void score_tables(const ScoreFiles& s, Console& console) {
  if (s.user_table.empty() || s.base_table.empty() || s.table_out.empty())
    throw vcell::ConfigError(
        "score: two tables are scored by --user-input, --base-input and --output together; or say "
        "--rules with --real, --pred and --out");
  refuse_flags(
      "none",
      {{"--real", !s.real.empty()}, {"--pred", !s.predicted.empty()}, {"--out", !s.out.empty()}});
  refuse_to_overwrite("score", s.table_out, s.overwrite);
  const auto scaled = vcell::scale_aggregates(vcell::read_aggregates(s.user_table),
                                              vcell::read_aggregates(s.base_table), s.scaling);
  make_folder(fs::path(s.table_out).parent_path());
  vcell::write_scaled_aggregates(s.table_out, scaled);
  for (const auto& score : scaled.scores)
    console.result(fmt::format("{:<32} {:>8.4f}", score.metric, score.score));
  console.result(fmt::format("{:<32} {:>8.4f}", "avg_score", scaled.average));
}

void write_constant_cell(const fs::path& file, const std::vector<std::string>& genes,
                         const std::vector<float>& cell) {
  vcell::CsvTable table{{"gene", "mean"}, {}};
  for (size_t g = 0; g < genes.size(); ++g)
    table.rows.push_back({genes[g], vcell::number_text(cell[g])});
  vcell::write_csv(file, table);
}

void score_2025(const ScoreFiles& s, Console& console) {
  refuse_flags("vcc2025", {{"--context-key", !s.context_key.empty()},
                           {"--context", !s.contexts.empty()},
                           {"a second --real", s.real.size() > 1},
                           {"a second --pred", s.predicted.size() > 1}});
  auto real_cells = read_cells(s.real[0], console, CellParts::expression, s.memory);
  auto predicted_cells = read_prediction(s.predicted[0], s.out, console, s.memory);
  auto [real, predicted] =
      vcell::labelled_sides(std::move(real_cells), std::move(predicted_cells),
                            {s.perturbation_key, {}, s.scale}, callbacks_of(console));
  vcell::vcc2025::ScoreOptions options;
  options.control = s.control;
  options.progress = console.progress();
  const auto genes = real.genes;
  const auto score = vcell::vcc2025::score_cells(std::move(real), std::move(predicted), options);
  const fs::path out = s.out;
  make_folder(out);
  vcell::write_results(out, score.prediction, {.progress = options.progress});
  const auto& base = score.baseline.contexts[0].scores;
  vcell::write_scores(out / "baseline_results.csv", base);
  vcell::write_summaries(out / "baseline_agg_results.csv", base.columns, vcell::summarise(base));
  write_constant_cell(out / "baseline_mean.csv", genes, score.constant_cell);
  vcell::write_scaled_aggregates(out / "score.csv", score.score);
  vcell::ScoreRecord record{.written_by = command_text(s.rules), .rules = "vcc2025"};
  record.profile = "vcc";
  record.like = "cell-eval-0.6.6 with pdex-0.1.27";
  record.alpha = 0.05;
  record.means = "geometric";
  record.scale = "log1p";
  record.fdr = "global";
  for (const auto& scaled : score.score.scores) record.metrics.push_back(scaled.metric);
  vcell::write_score_record(out / "scores.json", record);
  for (const auto& scaled : score.score.scores)
    console.result(fmt::format("{:<32} {:>8.4f}", scaled.metric, scaled.score));
  console.result(fmt::format("{:<32} {:>8.4f}", "avg_score", score.score.average));
}

vcell::vcc2026::CountCells count_cells(vcell::AnnData adata, const std::string& perturbation_key) {
  if (!adata.X) throw vcell::ConfigError("score: there is no X in a file, expected counts");
  vcell::vcc2026::CountCells out;
  out.perturbation = vcell::factor(adata.obs.column(perturbation_key));
  out.X = vcell::to_csr<float>(std::move(*adata.X));
  out.genes = std::move(adata.var.index);
  out.cells = std::move(adata.obs.index);
  return out;
}

vcell::vcc2026::CountCells select_cells(const vcell::vcc2026::CountCells& cells,
                                        const std::vector<size_t>& rows) {
  vcell::vcc2026::CountCells out;
  out.X = vcell::select_rows(cells.X, rows);
  out.genes = cells.genes;
  std::vector<std::string> labels;
  std::vector<uint8_t> missing;
  for (const size_t row : rows) {
    const int32_t label = cells.perturbation.codes[row];
    out.cells.push_back(cells.cells[row]);
    labels.push_back(label < 0 ? "" : cells.perturbation.names[size_t(label)]);
    missing.push_back(label < 0);
  }
  out.perturbation = vcell::factor(labels, missing);
  return out;
}

/// Scores one pair of files, which may hold several contexts.
std::vector<vcell::vcc2026::ContextScore> score_pair(const ScoreFiles& s, size_t pair,
                                                     const vcell::vcc2026::ScoreOptions& options,
                                                     Console& console) {
  auto real = read_cells(s.real[pair], console, CellParts::expression, s.memory);
  auto predicted = read_prediction(s.predicted[pair], s.out, console, s.memory);
  std::vector<vcell::vcc2026::ContextScore> out;
  const auto score = [&](std::string name, vcell::vcc2026::CountCells a,
                         vcell::vcc2026::CountCells b) {
    console.note("context " + name);
    out.push_back(vcell::vcc2026::score_context(std::move(a), std::move(b), options));
    out.back().context = std::move(name);
  };
  if (s.context_key.empty()) {
    score(s.contexts.empty() ? fs::path(s.real[pair]).stem().string() : s.contexts[pair],
          count_cells(std::move(real), s.perturbation_key),
          count_cells(std::move(predicted), s.perturbation_key));
    return out;
  }
  const auto rows_by_context = [&](const vcell::AnnData& adata) {
    const auto contexts = vcell::factor(adata.obs.column(s.context_key));
    std::map<std::string, std::vector<size_t>> rows;
    for (size_t i = 0; i < contexts.size(); ++i)
      if (contexts.codes[i] >= 0) rows[contexts.names[size_t(contexts.codes[i])]].push_back(i);
    return rows;
  };
  const auto real_rows = rows_by_context(real), predicted_rows = rows_by_context(predicted);
  const auto lacks = [](const auto& a, const auto& b, const char* side) {
    std::vector<std::string> names;
    for (const auto& [name, rows] : a)
      if (!b.contains(name)) names.push_back(name);
    if (!names.empty())
      throw vcell::ConfigError(
          vcell::message("score: ", side, " lacks ", vcell::counted_names(names, "context")));
  };
  lacks(real_rows, predicted_rows, "--pred");
  lacks(predicted_rows, real_rows, "--real");
  const auto a = count_cells(std::move(real), s.perturbation_key),
             b = count_cells(std::move(predicted), s.perturbation_key);
  for (const auto& [name, rows] : real_rows)
    score(name, select_cells(a, rows), select_cells(b, predicted_rows.at(name)));
  return out;
}

void score_2026(const ScoreFiles& s, Console& console) {
  refuse_flags("vcc2026", {{"--scale log1p", s.scale == vcell::Scale::log1p}});
  if (s.real.size() != s.predicted.size())
    throw vcell::ConfigError(vcell::message("score: there are ", s.real.size(), " --real and ",
                                            s.predicted.size(),
                                            " --pred, expected one of each for every context"));
  if (!s.contexts.empty() && (!s.context_key.empty() || s.contexts.size() != s.real.size()))
    throw vcell::ConfigError(
        "score: --context names the pairs of --real and --pred, one each; with --context-key "
        "the column names the contexts");
  vcell::vcc2026::ScoreOptions options;
  options.control = s.control;
  options.progress = console.progress();
  std::vector<vcell::vcc2026::ContextScore> scores;
  for (size_t pair = 0; pair < s.real.size(); ++pair)
    for (auto& score : score_pair(s, pair, options, console)) scores.push_back(std::move(score));
  make_folder(s.out);
  vcell::vcc2026::write_scores(s.out, scores);

  vcell::ScoreRecord record{.written_by = command_text(s.rules), .rules = "vcc2026"};
  record.like = "cell-eval2-0.20.0";
  record.alpha = options.alpha;
  record.means = "arithmetic";
  record.epsilon = 1e-9;
  record.scale = "counts";
  record.target_sum = {{"tests", 1e6}, {"pseudobulks", vcell::vcc2026::pseudobulk_total}};
  record.fdr = "target";
  record.seeds.emplace_back("baseline", options.seed);
  for (size_t i = 0; i < scores[0].seeds.size(); ++i)
    record.seeds.emplace_back(fmt::format("split {}", i), scores[0].seeds[i]);
  for (const auto& metric : vcell::vcc2026::scored_metrics)
    record.metrics.emplace_back(metric.name);
  vcell::write_score_record(fs::path(s.out) / "scores.json", record);

  std::string line = fmt::format("{:<44}", "from_replicate");
  for (const auto& score : scores) line += fmt::format(" {:>10}", score.context);
  console.result(line);
  for (size_t m = 0; m < vcell::vcc2026::n_scored; ++m) {
    line = fmt::format("{:<44}", vcell::vcc2026::scored_metrics[m].name);
    for (const auto& score : scores)
      line += fmt::format(" {:>{}.4f}", score.from_replicate[m],
                          std::max<size_t>(10, score.context.size()));
    console.result(line);
  }
  line = fmt::format("{:<44}", "avg_score");
  for (const auto& score : scores)
    line += fmt::format(" {:>{}.4f}", score.score, std::max<size_t>(10, score.context.size()));
  console.result(line);
  console.result(fmt::format("{:<44} {:>10.4f}", "final", vcell::vcc2026::final_score(scores)));
}

void score(const ScoreFiles& s, Console& console) {
  if (s.rules == Rules::none) return score_tables(s, console);
  refuse_flags(s.rules == Rules::vcc2025 ? "vcc2025" : "vcc2026",
               {{"--user-input", !s.user_table.empty()},
                {"--base-input", !s.base_table.empty()},
                {"--output", !s.table_out.empty()},
                {"--weight", !s.scaling.weights.empty()},
                {"--threshold", !s.scaling.thresholds.empty()}});
  if (s.real.empty() || s.predicted.empty() || s.out.empty())
    throw vcell::ConfigError("score: --rules needs --real, --pred and --out");
  refuse_to_overwrite("score", fs::path(s.out) / "scores.json", s.overwrite);
  s.rules == Rules::vcc2025 ? score_2025(s, console) : score_2026(s, console);
  console.result("tables: " + s.out);
}

/// NAME=NUMBER, which may come several times.
void add_named_number(CLI::App& command, const std::string& flag,
                      std::map<std::string, double>& numbers, const std::string& help) {
  command
      .add_option_function<std::vector<std::string>>(
          flag,
          [&numbers, flag](const std::vector<std::string>& words) {
            for (const auto& word : words) {
              const size_t sign = word.rfind('=');
              if (sign == word.npos || sign == 0)
                throw vcell::ConfigError(
                    vcell::message(flag, " is ", vcell::quoted(word), ", expected METRIC=NUMBER"));
              const std::string name = word.substr(0, sign);
              if (!numbers.emplace(name, number_of<double>(flag, word.substr(sign + 1))).second)
                throw vcell::ConfigError(
                    vcell::message(flag, " names ", vcell::quoted(name), " twice"));
            }
          },
          help)
      ->expected(1)
      ->allow_extra_args(false)
      ->take_all()
      ->type_name("METRIC=N");
}

}  // namespace

void add_score(CLI::App& program, Console& console) {
  auto* command = program.add_subcommand(
      "score", "Score predicted cells as the Virtual Cell Challenge does, or tables of scores");
  auto s = std::make_shared<ScoreFiles>();
  add_rules(*command, s->rules);
  const auto add_files = [&](const char* flag, std::vector<std::string>& files, const char* help) {
    return command->add_option(flag, files, help)->expected(1)->allow_extra_args(false)->take_all();
  };
  add_files("--real", s->real, "Observed cells, h5ad; 2026: once for each context")
      ->type_name("FILE");
  add_files("--pred", s->predicted, "Predicted cells, h5ad or .vcc, beside each --real")
      ->type_name("FILE");
  add_files("--context", s->contexts, "2026: name of each pair [the observed file's]")
      ->type_name("NAME");
  command->add_option("--context-key", s->context_key,
                      "2026: obs column of the context, where a pair holds several");
  command->add_option("--perturbation-key", s->perturbation_key, "obs column of the perturbation")
      ->capture_default_str();
  command->add_option("--control", s->control, "Label of the control in it")->capture_default_str();
  add_scale(*command, s->scale, "2025: of X in both files, counts or log1p [each decides]");
  command->add_option("--out", s->out, "The folder for the tables")->type_name("FOLDER");
  command->add_option("-i,--user-input", s->user_table, "Without --rules: agg_results.csv")
      ->type_name("FILE");
  command->add_option("-I,--base-input", s->base_table, "... and that of the baseline")
      ->type_name("FILE");
  command->add_option("-o,--output", s->table_out, "... and the table to write")->type_name("FILE");
  add_named_number(*command, "--weight", s->scaling.weights,
                   "... Weight of a metric in the mean, may come several times [1]");
  add_named_number(*command, "--threshold", s->scaling.thresholds,
                   "... Score below which a metric counts as 0, may come several times [0]");
  command->add_flag("--overwrite", s->overwrite, "Replace tables that are there");
  add_memory(*command, s->memory);
  add_common(*command, console);
  command->callback([s, &console] { score(*s, console); });
}
