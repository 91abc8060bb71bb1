#include "commands.hpp"
#include "experiment_options.hpp"
#include "options.hpp"
#include "print_scores.hpp"
#include "vcell/pipeline/run_in_folder.hpp"

namespace fs = std::filesystem;

namespace {

struct Settings {
  explicit Settings(CLI::App& command) : options(command) {}
  ExperimentOptions options;
  std::string out;
  bool overwrite = false, resume = false;

  vcell::Experiment experiment() const {
    return resume ? options.resumed(fs::path(out) / "experiment.toml") : options.experiment();
  }
};

/// How the library is to use the run's folder.
vcell::RunInFolderOptions in_folder(const Settings& s, Console& console) {
  vcell::RunInFolderOptions options;
  options.old = s.resume      ? vcell::OldRun::resume
                : s.overwrite ? vcell::OldRun::overwrite
                              : vcell::OldRun::keep;
  options.anchor_may_give_way = !s.options.says("model.anchor");
  options.begun = [&console, log = fs::path(s.out) / "run.log"] { console.log_to(log); };
  options.callbacks = callbacks_of(console);
  return options;
}

/// Work on a run's folder, whose messages name flags instead of settings.
template <class Work>
void work_in_folder(const Settings& s, Work&& work) try {
  vcell::RunFolder(s.out).check(s.resume      ? vcell::OldRun::resume
                                : s.overwrite ? vcell::OldRun::overwrite
                                              : vcell::OldRun::keep);
  work(s.experiment());
} catch (const vcell::ConfigError& error) {
  throw vcell::ConfigError(with_flags(error.what()));
} catch (const vcell::Stopped& stopped) {
  const bool resumes = vcell::Checkpoints(fs::path(s.out) / "checkpoints").can_resume();
  throw vcell::Stopped(
      vcell::message(stopped.what(), resumes ? "; --resume goes on from there" : ""));
}

void train(const Settings& s, Console& console) {
  work_in_folder(s, [&](const vcell::Experiment& e) {
    vcell::train_in_folder(e, s.out, in_folder(s, console));
  });
  console.result((fs::path(s.out) / "model").string());
}

void run(const Settings& s, Console& console) {
  work_in_folder(s, [&](const vcell::Experiment& e) {
    const auto done = vcell::run_in_folder(e, s.out, in_folder(s, console));
    print_scores(vcell::methods_of(done.report), console);
  });
  console.result("report: " + (fs::path(s.out) / "report.html").string());
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
