#include "commands.hpp"
#include "experiment_options.hpp"
#include "output.hpp"
#include "predictions.hpp"
#include "scoring.hpp"
#include "training.hpp"
#include "vcell/core/parallel_for.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/train/experiment_toml.hpp"

namespace fs = std::filesystem;

namespace {

struct Settings {
  explicit Settings(CLI::App& command) : options(command) {}
  ExperimentOptions options;
  std::string out;
  int threads = 0;
  bool overwrite = false, resume = false;
};

/// The experiment, with paths that mean the same from anywhere.
vcell::Experiment experiment_of(const Settings& s) {
  if (s.resume) return s.options.resumed(fs::path(s.out) / "experiment.toml");
  auto e = s.options.experiment();
  for (auto* path : {&e.data, &e.split, &e.perturbation_features})
    if (!path->empty()) *path = fs::absolute(*path).lexically_normal().string();
  return e;
}

struct Started {
  vcell::Experiment experiment;
  Prepared prepared;
  Trained trained;
};

/// What `train` does, and `run` begins with.
Started train(const Settings& s, Console& console) {
  if (s.threads) vcell::set_num_threads(s.threads);
  const fs::path folder = s.out;
  if (s.resume) open_run_folder(folder, false, true);
  const auto e = experiment_of(s);
  // Everything that can be wrong with data and settings is found before an old run is replaced.
  auto p = prepare(e, console, s.resume ? folder / "split.toml" : fs::path());
  if (!s.resume) {
    open_run_folder(folder, s.overwrite, false);
    write_settings(folder, e, p.split);
  }
  console.log_to(folder / "run.log");
  auto trained = train_in_folder(e, p, folder, s.resume, console);
  return {e, std::move(p), std::move(trained)};
}

void run(const Settings& s, Console& console) {
  if (!s.resume && !s.overwrite && fs::exists(fs::path(s.out) / "experiment.toml"))
    open_run_folder(s.out, false, false);  // refuses, before any work
  const auto [e, p, trained] = train(s, console);
  const fs::path folder = s.out;
  const auto& screen = e.all_genes ? p.all : p.screen;
  const auto predictions = predict_pairs(trained.model, p.screen, e.all_genes ? &p.all : nullptr,
                                         held_out_pairs(p, e.training.seed), console);
  vcell::write_h5ad(folder / "predictions.h5ad",
                    prediction_file(p.adata, e.labels, screen, predictions, trained.model.genes));
  const auto scores = score_run(p, screen, predictions, folder, console);
  write_report_of_run(folder, scores);

  vcell::ReportInput methods;
  methods.evaluation = scores.evaluation;
  methods.baselines = scores.baselines;
  print_scores(vcell::methods_of(methods), console);
  console.result("report: " + (folder / "report.html").string());
}

std::shared_ptr<Settings> add_flags(CLI::App& command, Console& console) {
  auto settings = std::make_shared<Settings>(command);
  command.add_option("--out", settings->out, "The run's folder")->required()->type_name("FOLDER");
  command.add_flag("--overwrite", settings->overwrite, "Replace a run that is there");
  command.add_flag("--resume", settings->resume, "Go on with the run that is there")
      ->excludes("--overwrite");
  add_common(command, console, settings->threads);
  return settings;
}

}  // namespace

void add_run(CLI::App& program, Console& console) {
  auto* command = program.add_subcommand(
      "run", "Everything: train on a screen, predict what is held out, score it, report");
  auto settings = add_flags(*command, console);
  command->callback([settings, &console] { run(*settings, console); });
}

void add_train(CLI::App& program, Console& console) {
  auto* command = program.add_subcommand("train", "Train a model on a screen");
  auto settings = add_flags(*command, console);
  command->callback([settings, &console] {
    train(*settings, console);
    console.result((fs::path(settings->out) / "model").string());
  });
}
