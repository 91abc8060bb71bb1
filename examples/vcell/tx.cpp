// The commands of State's program, with its flags and settings, for who comes from there.

#include <fmt/format.h>

#include "commands.hpp"
#include "options.hpp"
#include "run_settings.hpp"
#include "split_files.hpp"
#include "vcell/sets/split_toml.hpp"
#include "vcell/train/tx_settings.hpp"

namespace {

void tx_train(const std::vector<std::string>& words, bool resume, bool dry_run, Console& console) {
  auto s = vcell::tx_settings(words);
  if (!s.without_meaning.empty())
    console.note(
        fmt::format("without meaning here, and left out: {}", vcell::list_of(s.without_meaning)));
  std::string toml;
  for (const std::string& word : s.settings)
    if (word.starts_with("split.path=")) toml = word.substr(word.find('=') + 1);
  if (toml.empty())
    throw vcell::ConfigError(
        "data.kwargs.toml_config_path is missing: the TOML file that names the data sets and what "
        "is held out; 'vcell split' writes one");
  const auto split = vcell::read_split(toml, nullptr, std::filesystem::current_path());
  const auto files = split_files(split, "data.kwargs.toml_config_path", toml);
  s.settings.push_back("data.path=" + files[0]);
  for (size_t i = 1; i < files.size(); ++i) s.settings.push_back("data.more_files=" + files[i]);
  s.settings.push_back("split.split_paths=working_directory");
  train({ExperimentOptions::of(s.preset, s.settings), s.out, s.overwrite, resume, dry_run},
        console);
}

void add_tx_train(CLI::App& tx, Console& console) {
  auto* command = tx.add_subcommand(
      "train", "Train State Transition by State's settings, as training.max_steps=40000");
  auto words = std::make_shared<std::vector<std::string>>();
  auto resume = std::make_shared<bool>(false), dry_run = std::make_shared<bool>(false);
  command->add_option("settings", *words, "Settings by State's names; of equal names the last wins")
      ->type_name("KEY=VALUE");
  command->add_flag("--resume", *resume, "Go on with the run that is there");
  command->add_flag("--dry-run", *dry_run, "Check everything, take a few steps, write nothing")
      ->excludes("--resume");
  add_common(*command, console);
  command->callback([=, &console] { tx_train(*words, *resume, *dry_run, console); });
}

}  // namespace

void add_tx(CLI::App& program, Console& console) {
  auto* tx = program.add_subcommand("tx", "Commands of State's program, with its flags");
  tx->require_subcommand(1);
  add_tx_train(*tx, console);
  add_preprocess_as(*tx, "preprocess_train", console);
  add_tx_infer(*tx, console);
  add_tx_predict(*tx, console);
}
