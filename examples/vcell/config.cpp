#include "commands.hpp"
#include "experiment_options.hpp"
#include "vcell/train/experiment_toml.hpp"

void add_config(CLI::App& program, Console& console) {
  auto* command = program.add_subcommand(
      "config", "Print an experiment file: every setting, its value and what it means");
  auto options = std::make_shared<ExperimentOptions>(*command);
  command->callback([options, &console] {
    auto text = vcell::format_experiment(options->experiment());
    if (text.ends_with('\n')) text.pop_back();
    console.result(text);
  });
}
