#include "cells.hpp"
#include "commands.hpp"
#include "experiment_options.hpp"
#include "options.hpp"
#include "predictions.hpp"
#include "scoring.hpp"
#include "training.hpp"

namespace fs = std::filesystem;

namespace {

struct Settings {
  explicit Settings(CLI::App& command) : options(command) {}
  ExperimentOptions options;
  std::string out;
  bool overwrite = false, resume = false;

  OldRun old_run() const {
    return resume ? OldRun::resume : overwrite ? OldRun::overwrite : OldRun::keep;
  }
};

/// An experiment and its data. Nothing is written yet.
struct Ready {
  vcell::Experiment experiment;
  Prepared prepared;
};

Ready get_ready(const Settings& s, Console& console) {
  const fs::path folder = s.out;
  check_run_folder(folder, s.old_run());
  const auto e = s.resume ? s.options.resumed(folder / "experiment.toml") : s.options.experiment();
  return {e, prepare(e, console, s.options.says("model.anchor"),
                     s.resume ? folder / "split.toml" : fs::path())};
}

void train(const Settings& s, Console& console) {
  const auto [e, p] = get_ready(s, console);
  train_in_folder(e, p, s.out, s.old_run(), console);
  console.result((fs::path(s.out) / "model").string());
}

void run(const Settings& s, Console& console) {
  const auto [e, p] = get_ready(s, console);
  auto pairs = held_out_pairs(p, e.training.seed, e.predict_from);  // there must be some
  const fs::path folder = s.out;
  const auto trained = train_in_folder(e, p, folder, s.old_run(), console);
  write_facts(folder, e, p, trained.model);
  const auto& screen = e.all_genes ? p.all : p.screen();
  const auto predictions = predict_pairs(trained.model, p.screen(), e.all_genes ? &p.all : nullptr,
                                         std::move(pairs), console);
  write_cells(folder / "predictions.h5ad",
              prediction_file(p.adata, e.labels, screen, predictions, trained.model.genes),
              console);
  const auto scores = score_run(p, screen, predictions, folder, console);
  write_report_of_run(folder, scores);

  vcell::ReportInput methods;
  methods.method = "State Transition";
  methods.evaluation = scores.evaluation;
  methods.others = scores.baselines;
  print_scores(vcell::methods_of(methods), console);
  console.result("report: " + (folder / "report.html").string());
}

std::shared_ptr<Settings> add_flags(CLI::App& command, Console& console) {
  auto settings = std::make_shared<Settings>(command);
  command.add_option("--out", settings->out, "The run's folder")->required()->type_name("FOLDER");
  command.add_flag("--overwrite", settings->overwrite, "Replace a run that is there");
  command.add_flag("--resume", settings->resume, "Go on with the run that is there")
      ->excludes("--overwrite");
  add_common(command, console);
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
  command->callback([settings, &console] { train(*settings, console); });
}
