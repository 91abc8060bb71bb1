#include <fmt/format.h>
#include <unistd.h>

#include <cstring>

#include "commands.hpp"
#include "cuda.hpp"
#include "experiment_options.hpp"
#include "options.hpp"
#include "print_scores.hpp"
#include "run_settings.hpp"
#include "vcell/core/product_backend.hpp"
#include "vcell/pipeline/dry_run.hpp"
#include "vcell/pipeline/dry_run_embedding.hpp"
#include "vcell/pipeline/initial_model.hpp"
#include "vcell/pipeline/run_in_folder.hpp"
#include "vcell/pipeline/train_embedding_in_folder.hpp"
#include "vcell/version.hpp"

namespace fs = std::filesystem;

namespace {

using Settings = RunSettings;

/// How the library is to use the run's folder.
/// @param begun  set once the folder is this run's
template <class Options>
Options folder_options(const Settings& s, Console& console, bool& begun) {
  Options options;
  options.old = s.resume      ? vcell::OldRun::resume
                : s.overwrite ? vcell::OldRun::overwrite
                              : vcell::OldRun::keep;
  options.begun = [&console, &begun, log = fs::path(s.out) / "run.log"] {
    begun = true;
    console.log_to(log);
  };
  options.callbacks = callbacks_of(console);
  return options;
}
vcell::RunInFolderOptions in_folder(const vcell::Experiment& e, const Settings& s, Console& console,
                                    bool& begun) {
  auto options = folder_options<vcell::RunInFolderOptions>(s, console, begun);
  options.device = state_transition_on(e.device, e.precision);
  options.anchor_may_give_way = !s.options.says("model.anchor");
  return options;
}
vcell::TrainEmbeddingOptions embedding_in_folder(const Settings& s, Console& console, bool& begun) {
  return folder_options<vcell::TrainEmbeddingOptions>(s, console, begun);
}

/// Work on a run's folder.
/// @param work  work(experiment, begun), which sets `begun` once the folder is this run's
template <class Work>
void work_in_folder(const Settings& s, Work&& work) {
  bool begun = s.resume;
  if (s.out.empty())
    throw vcell::ConfigError("--out is required: the folder that the run is to be written into");
  vcell::RunFolder(s.out).check(s.resume      ? vcell::OldRun::resume
                                : s.overwrite ? vcell::OldRun::overwrite
                                              : vcell::OldRun::keep);
  try {
    work(s.experiment(), begun);
  } catch (const vcell::Stopped& stopped) {
    // Until then there may be an old run, which was not stopped.
    const bool resumes = begun && vcell::RunFolder(s.out).can_resume();
    throw vcell::Stopped(
        vcell::message(stopped.what(), resumes ? "; --resume goes on from there" : ""));
  }
}

/// What a log begins with: all that decides what is done, and where.
void log_start(const vcell::Experiment& e, Console& console) {
  char host[256] = "unknown";
  if (::gethostname(host, sizeof host - 1) != 0) std::strcpy(host, "unknown");
  console.log("command: " + console.command_line);
  console.log(fmt::format("vcell {}, products by {}, {} threads, host {}", VCELL_VERSION,
                          vcell::product_backend(), vcell::num_threads(), host));
  for (const auto& file : vcell::data_files(e))
    console.log(fmt::format("{}: {}", file.path, vcell::text_of(file.stamp)));
}

std::string bytes_text(double bytes) {
  return bytes < 1e9 ? fmt::format("{:.0f} MB", bytes / 1e6)
                     : fmt::format("{:.1f} GB", bytes / 1e9);
}

std::string seconds_text(double seconds) {
  if (seconds < 100) return fmt::format("{:.3g} s", seconds);
  const auto s = static_cast<long long>(seconds + 0.5);
  return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}

/// Prints what a dry run found, a line a fact.
void say(const char* what, const std::string& value, Console& console) {
  console.result(fmt::format("{:<15}{}", what, value));
}

void say_time(const vcell::TrainingTime& t, Console& console) {
  say("step", seconds_text(t.step_seconds), console);
  std::string training =
      fmt::format("{} for {} steps", seconds_text(t.training_seconds()), t.steps);
  if (t.validations)
    training +=
        fmt::format(" and {} validations of {}", t.validations, seconds_text(t.validation_seconds));
  say("training", training, console);
}

/// @param mend  what takes less memory
void say_memory(double needed, double more, double there, const char* mend, Console& console) {
  std::string memory = bytes_text(needed) + " until here";
  if (more > 0)
    memory += fmt::format(", at most {} more for predictions and scores", bytes_text(more));
  if (there > 0) memory += fmt::format("; there are {}", bytes_text(there));
  say("memory", memory, console);
  if (there > 0 && needed + more > there)
    console.note(fmt::format(
        "warning: this may need more memory than there is; {}, or a larger machine", mend));
}

void dry_run_embedding(const vcell::Experiment& e, Console& console) {
  const auto d = vcell::dry_run_embedding(e, callbacks_of(console));
  say("cells", fmt::format("{} train, {} validation", d.training_cells, d.validation_cells),
      console);
  say("genes",
      fmt::format("{} of {} have a vector; a step has {} distinct ones", d.matched_genes, d.genes,
                  d.distinct_genes),
      console);
  say("parameters", fmt::format("{}", d.parameters), console);
  say_memory(d.memory, 0, d.machine_memory,
             "use shorter sentences (--sentence-length) or smaller batches (--batch-size, with "
             "--accumulate)",
             console);
  say_time(d, console);
}

void dry_run(const Settings& s, bool scores, Console& console) {
  if (!s.out.empty())
    vcell::RunFolder(s.out).check(s.overwrite ? vcell::OldRun::overwrite : vcell::OldRun::keep);
  auto e = s.experiment();
  if (!scores && e.kind == vcell::ModelKind::state_embedding) return dry_run_embedding(e, console);
  vcell::DryRunOptions options;
  options.callbacks = callbacks_of(console);
  options.anchor_may_give_way = !s.options.says("model.anchor");
  options.scores = scores;
  options.start = vcell::start_of(e);
  options.device = state_transition_on(e.device, e.precision);
  auto [cells, inputs] = vcell::read_inputs(e, options.callbacks);
  options.inputs = std::move(inputs);
  const auto d = vcell::dry_run(std::move(cells), e, options);
  say("cells",
      fmt::format("{} train, {} validation, {} test, {} unused", d.cells[0], d.cells[1], d.cells[2],
                  d.cells[3]),
      console);
  say("split", d.split, console);
  say("genes", fmt::format("{} of {}", d.model_genes, d.genes), console);
  say("perturbations", fmt::format("{} in {} contexts", d.perturbations, d.contexts), console);
  if (d.embedding_seconds > 0) {
    std::string embedding = seconds_text(d.embedding_seconds);
    if (d.embedding_steps)
      embedding += fmt::format(", {} steps of a State Embedding of {} parameters among them",
                               d.embedding_steps, d.embedding_parameters);
    say("embedding", embedding, console);
  }
  if (scores)
    say("held out", fmt::format("{} pairs of context and perturbation", d.pairs), console);
  say("parameters", fmt::format("{}", d.parameters), console);
  say_memory(d.memory, scores ? d.scores_memory : 0, d.machine_memory,
             "use fewer cells or genes (--hvgs, --min-cells)", console);
  if (d.steps) say_time(d, console);
}

}  // namespace

void train(const RunSettings& s, Console& console) {
  if (s.dry_run) return dry_run(s, false, console);
  work_in_folder(s, [&](const vcell::Experiment& e, bool& begun) {
    log_start(e, console);
    if (e.kind == vcell::ModelKind::state_embedding)
      return void(
          vcell::train_embedding_in_folder(e, s.out, embedding_in_folder(s, console, begun)));
    vcell::train_in_folder(e, s.out, in_folder(e, s, console, begun));
  });
  console.result((fs::path(s.out) / "model").string());
}

namespace {

void run(const Settings& s, Console& console) {
  if (s.dry_run) return dry_run(s, true, console);
  work_in_folder(s, [&](const vcell::Experiment& e, bool& begun) {
    log_start(e, console);
    const auto done = vcell::run_in_folder(e, s.out, in_folder(e, s, console, begun));
    print_scores(vcell::methods_of(done.report), console);
  });
  console.result("report: " + (fs::path(s.out) / "report.html").string());
}

std::shared_ptr<Settings> add_flags(CLI::App& command, Console& console) {
  auto settings = std::make_shared<Settings>(Settings{ExperimentOptions(command)});
  command.add_option("--out", settings->out, "The run's folder, which a dry run can do without")
      ->type_name("FOLDER");
  command.add_flag("--overwrite", settings->overwrite, "Replace a run that is there");
  command.add_flag("--resume", settings->resume, "Go on with the run that is there")
      ->excludes("--overwrite");
  command
      .add_flag("--dry-run", settings->dry_run,
                "Check everything, take a few steps, say how long and how large it will be, and "
                "write nothing")
      ->excludes("--resume");
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
  auto* command =
      program.add_subcommand("train", "Train a model on a screen, or one that embeds cells");
  auto settings = add_flags(*command, console);
  command->callback([settings, &console] { train(*settings, console); });
}
