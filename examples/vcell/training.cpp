#include "training.hpp"

#include <fmt/format.h>

#include "output.hpp"
#include "vcell/eval/remove_results.hpp"
#include "vcell/sets/split_toml.hpp"
#include "vcell/train/checkpoint.hpp"
#include "vcell/train/choices.hpp"
#include "vcell/train/experiment_toml.hpp"
#include "vcell/train/metrics_log.hpp"
#include "vcell/train/model_folder.hpp"
#include "vcell/train/state_transition_task.hpp"

namespace fs = std::filesystem;

namespace {

// What a run writes into its folder beside tables of results; nothing else is ever removed.
const char* const run_files[] = {"split.toml",       "model",     "checkpoints", "metrics.csv",
                                 "predictions.h5ad", "baselines", "report.html", "facts.csv",
                                 "experiment.toml"};

/// What predictions start from, of all cells that are not held out; alpha is found in training.
std::optional<vcell::Anchors> first_anchors(const Prepared& p) {
  if (!p.anchors) return std::nullopt;
  const auto learnt = [&](size_t i) {
    return p.parts[i] == vcell::Part::train || p.parts[i] == vcell::Part::validation;
  };
  return vcell::make_anchors(p.screen(), learnt, p.features, p.anchors->shrinkage(), 1);
}

vcell::TrainedModel new_model(const vcell::Experiment& e, const Prepared& p) {
  auto config = e.model;
  config.input_width = config.output_width = p.screen().genes.size();
  config.perturbation_width = p.features.width();
  config.batches = e.batch_encoder ? p.screen().batch.names.size() : 0;
  config.anchor = p.anchor;
  return {.model = vcell::StateTransition<float>(config, e.training.seed),
          .genes = p.screen().genes,
          .perturbations = p.features,
          .contexts = p.screen().context.names,
          .batches = e.batch_encoder ? p.screen().batch.names : std::vector<std::string>(),
          .labels = e.labels,
          .scale = p.normalized.found.scale,
          .target_sum = p.normalized.target_sum,
          .set_size = e.set_size,
          .anchors = first_anchors(p)};
}

/// Makes the folder, without what an old run left in it, and writes the settings of the new one.
void begin_run(const fs::path& folder, const vcell::Experiment& e, const vcell::SplitSpec& split,
               vcell::Anchor anchor) {
  try {
    if (fs::exists(folder)) vcell::remove_results(folder);
    for (const char* name : run_files) fs::remove_all(folder / name);
  } catch (const fs::filesystem_error& error) {
    throw vcell::IoError(vcell::message("cannot remove the old run: ", error.what()));
  }
  make_folder(folder);
  vcell::write_split(folder / "split.toml", split);
  auto done = e;
  done.model.anchor = anchor;
  vcell::write_experiment(folder / "experiment.toml", done);
}

}  // namespace

void check_run_folder(const fs::path& folder, OldRun old) {
  const bool is_run = fs::exists(folder / "experiment.toml");
  if (old == OldRun::resume && !is_run)
    throw vcell::ConfigError(vcell::message("--resume: there is no run in ",
                                            vcell::quoted(folder.string()),
                                            " (no experiment.toml); leave the flag out"));
  if (old == OldRun::keep && is_run)
    throw vcell::ConfigError(vcell::message("there is a run in ", vcell::quoted(folder.string()),
                                            " already; name another --out, say --resume to go on ",
                                            "with it or --overwrite to replace it"));
  if (!is_run && fs::exists(folder) && (!fs::is_directory(folder) || !fs::is_empty(folder)))
    throw vcell::ConfigError(vcell::message(vcell::quoted(folder.string()),
                                            " is there and holds no run; name another --out"));
}

Trained train_in_folder(const vcell::Experiment& e, const Prepared& p, const fs::path& folder,
                        OldRun old, Console& console) {
  auto model = new_model(e, p);
  const auto& t = e.training;
  console.note(
      fmt::format("State Transition: {} parameters, width {}, {} layers, {} heads x {}, MLP {}; {} "
                  "steps of {} sets of {} cells",
                  model.model.parameters().count(), e.model.hidden, e.model.layers, e.model.heads,
                  e.model.head_dim, e.model.mlp_width, t.max_steps, e.batch_size, e.set_size));
  console.note(fmt::format("{}, rate {} {}, weight decay {}, clip {}; loss {}; seed {}",
                           vcell::name_of_choice(t.optimizer), t.learning_rate,
                           vcell::name_of_choice(t.schedule), t.weight_decay, t.clip,
                           vcell::name_of_choice(e.model.loss), t.seed));
  vcell::Trainer<float> trainer(model.model.parameters(), t);
  const vcell::Checkpoints checkpoints(folder / "checkpoints");
  if (old == OldRun::resume && checkpoints.can_resume()) {
    checkpoints.resume(trainer);
    console.note(fmt::format("going on after step {}", trainer.state().step));
  }
  vcell::StateTransitionTaskOptions options;
  options.sets.sets = {.set_size = e.set_size, .control_sets = e.control_sets};
  options.sets.pairing.within_batch = e.batch_encoder;
  options.sets.batch_size = e.batch_size;
  options.sets.seed = e.training.seed;
  options.validation_batches = e.validation_batches;
  options.anchors = p.anchors ? &*p.anchors : nullptr;
  options.choose_alpha = p.validates_pairs;
  vcell::StateTransitionTask<float> task(model.model, p.features, p.screen(), p.learnt, options,
                                         trainer.state().step);
  if (e.batch_encoder) {
    const vcell::ControlPairing pairing(p.screen(), {.within_batch = true});
    size_t cells = 0;
    for (const auto& fallback : pairing.fallbacks()) cells += fallback.cells;
    if (cells)
      console.note(
          fmt::format("{} perturbed cells are in batches without controls: they are paired "
                      "with controls of their context",
                      cells));
  }
  if (old != OldRun::resume) begin_run(folder, e, p.split, p.anchor);
  console.log_to(folder / "run.log");
  vcell::MetricsLog log(folder / "metrics.csv", trainer.state().step);
  const auto result = trainer.run(
      task, {.progress = console.progress(),
             .metrics = [&](const vcell::MetricsRow& row) { log.add(row); },
             .checkpoint = [&](vcell::CheckpointKind kind) { checkpoints.save(trainer, kind); }});
  if (result.stopped)
    throw vcell::Stopped(fmt::format("stopped after step {} of {}; --resume goes on from there",
                                     result.state.step, t.max_steps));
  if (result.stopped_early)
    console.note(
        fmt::format("stopped early after step {}: no better validation loss in {} "
                    "validations",
                    result.state.step, t.patience));
  trainer.use_best();
  if (model.anchors) {
    model.anchors->alpha = result.state.best_alpha;
    console.note(fmt::format("of what is learnt beside the anchor {:g} is added{}",
                             model.anchors->alpha,
                             p.validates_pairs ? ", as validation says" : ""));
  }
  if (result.state.best_step)
    console.note(fmt::format("the model of step {} is kept: validation loss {:.4f}",
                             result.state.best_step, result.state.best_validation_loss));
  else
    console.note("nothing to validate on: the model of the last step is kept");
  vcell::save_model(folder / "model", model);
  return {std::move(model), result.state};
}
