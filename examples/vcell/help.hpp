#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

// What the options of the commands are, for people: as --help, as a manual, for shells.

/// Help on what most people need. Options of a group in brackets, as [training], are settings that
/// few change: --help-all shows them too.
class ShortHelp final : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override;
};

/// An option as it is typed.
struct OptionText {
  std::vector<std::string> names;  ///< with their dashes; of words without a dash, what they are
  std::string value;               ///< what follows a name; empty: nothing
  std::string help, group;
  bool is_flag() const { return names.front().starts_with('-'); }
};

/// A command as it is typed, "tx train".
struct NamedCommand {
  std::string name;
  const CLI::App* app;
};

/// All commands that do something, in the order of the help.
std::vector<NamedCommand> commands_of(const CLI::App& program);

/// All options of a command, in the order of its help.
std::vector<OptionText> options_of(const CLI::App& command);
