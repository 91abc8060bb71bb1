#include "cells.hpp"
#include "commands.hpp"
#include "options.hpp"
#include "output.hpp"
#include "score_cells.hpp"
#include "vcell/eval/profiles.hpp"

namespace fs = std::filesystem;

namespace {

struct EvaluateSettings : ScoreSettings {
  std::vector<std::string> more_metrics = {}, skipped = {};
  double memory = 0;  // GB
  bool overwrite = false;
};

/// @throws vcell::ConfigError if flags contradict each other
void check(const EvaluateSettings& s) {
  const auto fail = [](const auto&... parts) {
    throw vcell::ConfigError(vcell::message("evaluate: ", parts...));
  };
  if (s.predicted.empty() && !s.ceiling && s.ceiling_by.empty())
    fail("--pred is required: the predicted cells, or --ceiling or --ceiling-by, which need the ",
         "real ones alone");
  if (s.predicted.empty() && !(s.real_expression + s.predicted_expression).empty())
    fail("--de-real and --de-pred are tables of what is evaluated, and without --pred the ceiling ",
         "alone is, whose halves are always tested; leave them out");
  if (!s.cell_type_key.empty() && !s.context_keys.empty())
    fail("--celltype-col and --context-key are both columns of contexts; give one of them");
  if (!s.like.empty() && s.like != "cell-eval-0.8")
    fail("--like is ", vcell::quoted(s.like), ", expected 'cell-eval-0.8'");
  for (const char* name : {"agg_results.csv", "scores.json"})
    refuse_to_overwrite("evaluate", fs::path(s.out) / name, s.overwrite);
}

void evaluate(EvaluateSettings s, Console& console) {
  check(s);
  s.command = "evaluate";
  s.metrics = vcell::metrics_of(s.profile);
  for (const auto& metric : vcell::metrics_named(s.more_metrics, "--more-metrics"))
    if (vcell::metric_named(metric.name, s.metrics).meaning.empty()) s.metrics.push_back(metric);
  s.metrics = vcell::without_metrics(std::move(s.metrics), s.skipped, "--skip-metrics");
  const auto parts = s.embedding.empty() ? CellParts::expression : CellParts::expression_and_obsm;
  auto real = read_cells(s.real, console, parts, s.memory);
  if (s.predicted.empty()) return score_ceiling(std::move(real), s, console);
  auto predicted = read_cells(s.predicted, console, parts, s.memory);
  score_cells(std::move(real), std::move(predicted), s, console);
}

}  // namespace

void add_evaluate(CLI::App& program, Console& console) {
  auto* command = program.add_subcommand(
      "evaluate",
      "Score predicted cells against observed ones; takes the flags of 'cell-eval run' as well");
  auto s = std::make_shared<EvaluateSettings>();
  const auto text = [&](const char* name, std::string& to, const char* help, const char* type) {
    return command->add_option(name, to, help)->type_name(type);
  };
  const auto list = [&](const char* name, std::vector<std::string>& to, const char* help) {
    command->add_option(name, to, help)
        ->delimiter(',')
        ->expected(1)
        ->allow_extra_args(false)
        ->take_all()
        ->type_name("NAME,...");
  };
  text("--real", s->real, "Observed cells, h5ad", "FILE")->required();
  text("--pred", s->predicted, "Predicted cells, h5ad; --ceiling and --ceiling-by can do without",
       "FILE");
  command->add_option("--perturbation-key", s->perturbation_key, "obs column of the perturbation")
      ->capture_default_str();
  command->add_option("--control", s->control, "Label of the control in it")->capture_default_str();
  add_context_keys(*command, s->context_keys,
                   "obs column of the context, may come several times; without it all cells are "
                   "one pool");
  text("--celltype-col", s->cell_type_key,
       "obs column of the cell type: a context whose tables' names always begin with it", "TEXT");
  add_scale(*command, s->scale, "Of X in both files: counts or log1p [each decides]");
  text("--out", s->out, "The folder for the tables", "FOLDER")->required();
  command
      ->add_option("--profile", s->profile,
                   "Which metrics: " + vcell::list_of(vcell::profile_names()))
      ->capture_default_str();
  list("--more-metrics", s->more_metrics, "Metrics beside those of the profile");
  list("--skip-metrics", s->skipped, "Metrics of the profile that are left out");
  text("--like", s->like,
       "Pin another program's rules: cell-eval-0.8 (each file's own median total, values below "
       "15, scale guessed where nothing says it)",
       "NAME");
  text("--embed-key", s->embedding,
       "obsm entry in which discrimination_score_l2 and _cosine are measured [genes]", "KEY");
  command->add_flag("--allow-discrete", s->keep_counts, "Counts are used as they are");
  add_number(*command, "--epsilon", s->epsilon, "Added to the means in fold changes");
  command
      ->add_option_function<std::string>(
          "--cpm-filter",
          [s](const std::string& word) {
            s->cpm_filter = number_of<double>("--cpm-filter", word);
            if (s->cpm_filter < 0)
              throw vcell::ConfigError(vcell::message("--cpm-filter is ", vcell::quoted(word),
                                                      ", expected a number from 0"));
          },
          "Test only genes above so many counts per million in target or control [all]")
      ->type_name("N");
  text("--de-real", s->real_expression,
       "Finished table of differential expression of the real cells, CSV [tested]", "FILE");
  text("--de-pred", s->predicted_expression, "The same of the predicted cells [tested]", "FILE");
  command
      ->add_option_function<std::string>(
          "--intervals",
          [s](const std::string& word) {
            s->intervals = choice_of_word<vcell::IntervalScope>("--intervals", word);
          },
          "Which mean scores get an interval by half-samples of the cells: none, means (of metrics "
          "that read mean cells alone), or all, which tests and measures 200 times")
      ->type_name("TEXT")
      ->default_str("means");
  command->add_flag("--ceiling", s->ceiling,
                    "Also score one random half of the real cells against the other");
  command
      ->add_option("--ceiling-by", s->ceiling_by,
                   "obs column of the real cells, as of guides or batches, may come several times: "
                   "also score cells of some of its levels against those of the others")
      ->expected(1)
      ->allow_extra_args(false)
      ->take_all()
      ->type_name("COLUMN");
  add_number(*command, "--ceiling-seed", s->ceiling_seed, "Of the halves");
  command->add_option("--gene-names", s->gene_names,
                      "var column with the names by which perturbations go [found]");
  command->add_flag("--subset", s->subset,
                    "Compare what both have where labels or genes differ, and list the rest");
  command->add_flag("--overwrite", s->overwrite, "Replace tables that are there");
  add_memory(*command, s->memory);
  add_common(*command, console);
  command->callback([s, &console] { evaluate(*s, console); });
}
