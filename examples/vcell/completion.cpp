#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "commands.hpp"
#include "help.hpp"
#include "vcell/sets/near_names.hpp"

namespace {

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

template <class Commands>
std::vector<std::string> names_of(const Commands& commands) {
  std::vector<std::string> out;
  for (const auto* command : commands) out.push_back(command->get_name());
  return out;
}

/// The options of a command that have names, and those of its own commands.
std::vector<OptionText> all_options_of(const CLI::App& command) {
  std::vector<OptionText> out;
  const auto add = [&](const CLI::App& app) {
    for (auto& option : options_of(app))
      if (option.is_flag() && std::none_of(out.begin(), out.end(), [&](const OptionText& other) {
            return other.names == option.names;
          }))
        out.push_back(std::move(option));
  };
  add(command);
  for (const auto& [name, app] : commands_of(command)) add(*app);
  return out;
}

/// All names of the options of a command.
std::vector<std::string> flags_of(const CLI::App& command) {
  std::vector<std::string> out;
  for (const auto& option : options_of(command))
    if (option.is_flag()) out.insert(out.end(), option.names.begin(), option.names.end());
  return out;
}

/// What may follow a command: the names of its own commands, and of its options and theirs.
std::vector<std::string> words_of(const CLI::App& command) {
  std::vector<std::string> out = names_of(command.get_subcommands({}));
  for (const auto& option : all_options_of(command))
    out.insert(out.end(), option.names.begin(), option.names.end());
  return out;
}

std::string bash(const CLI::App& program) {
  const auto commands = program.get_subcommands({});
  std::string out = fmt::format(
      "# Completion of vcell for bash: source it, or keep it as\n"
      "# ~/.local/share/bash-completion/completions/vcell\n"
      "_vcell() {{\n"
      "  local word=\"${{COMP_WORDS[COMP_CWORD]}}\" words=''\n"
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
      "    words='{} {}'\n"
      "  else\n"
      "    case \"${{COMP_WORDS[1]}}\" in\n",
      fmt::join(names_of(commands), " "), fmt::join(flags_of(program), " "));
  for (const auto* command : commands)
    out += fmt::format("      {}) words='{}' ;;\n", command->get_name(),
                       fmt::join(words_of(*command), " "));
  return out +
         "    esac\n"
         "  fi\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
         "}\n"
         "complete -o default -F _vcell vcell\n";
}

std::string zsh(const CLI::App& program) {
  const auto text = [](std::string help) {
    for (const std::string_view c : {"\\", "[", "]", ":"})
      help = replaced(std::move(help), c, "\\" + std::string(c));
    return replaced(std::move(help), "'", "'\\''");
  };
  std::string out =
      "#compdef vcell\n"
      "# Completion of vcell for zsh: keep it as _vcell in a folder of $fpath.\n"
      "_vcell() {\n"
      "  if (( CURRENT == 2 )); then\n"
      "    local -a commands\n"
      "    commands=(\n";
  for (const auto* command : program.get_subcommands({}))
    out += fmt::format("      '{}:{}'\n", command->get_name(), text(command->get_description()));
  out +=
      "    )\n"
      "    _describe command commands\n"
      "    return\n"
      "  fi\n"
      "  local command=$words[2]\n"
      "  shift words\n"
      "  (( CURRENT-- ))\n"
      "  case $command in\n";
  for (const auto* command : program.get_subcommands({})) {
    const auto nested = names_of(command->get_subcommands({}));
    out +=
        fmt::format("    {})\n      _arguments {}'*:file:_files'", command->get_name(),
                    nested.empty() ? "" : fmt::format("'1:command:({})' ", fmt::join(nested, " ")));
    for (const auto& option : all_options_of(*command))
      for (const auto& name : option.names)
        out += fmt::format(" \\\n        '*{}[{}]{}'", name, text(option.help),
                           option.value.empty() ? "" : ":" + text(option.value) + ":_files");
    out += "\n      ;;\n";
  }
  return out +
         "  esac\n"
         "}\n"
         "if [ \"$funcstack[1]\" = _vcell ]; then _vcell \"$@\"; else compdef _vcell vcell; fi\n";
}

std::string fish(const CLI::App& program) {
  const auto text = [](std::string help) {
    return "'" + replaced(replaced(std::move(help), "\\", "\\\\"), "'", "\\'") + "'";
  };
  std::string out =
      "# Completion of vcell for fish: keep it as ~/.config/fish/completions/vcell.fish\n";
  for (const auto* command : program.get_subcommands({})) {
    out += fmt::format("complete -c vcell -n __fish_use_subcommand -f -a {} -d {}\n",
                       command->get_name(), text(command->get_description()));
    const auto after =
        fmt::format("complete -c vcell -n '__fish_seen_subcommand_from {}'", command->get_name());
    for (const auto* one : command->get_subcommands({}))
      out +=
          fmt::format("{} -f -a {} -d {}\n", after, one->get_name(), text(one->get_description()));
    for (const auto& option : all_options_of(*command))
      for (const auto& name : option.names) {
        const bool is_long = name.starts_with("--");
        out += fmt::format("{} -{} {}{} -d {}\n", after, is_long ? 'l' : 's',
                           name.substr(is_long ? 2 : 1), option.value.empty() ? "" : " -r",
                           text(option.help));
      }
  }
  return out;
}

std::string script(const CLI::App& program, const std::string& shell) {
  if (shell == "bash") return bash(program);
  if (shell == "zsh") return zsh(program);
  if (shell == "fish") return fish(program);
  throw vcell::ConfigError(vcell::message("completion: there is no completion for ",
                                          vcell::quoted(shell), "; ",
                                          vcell::names_there({shell}, {"bash", "zsh", "fish"})));
}

}  // namespace

void add_completion(CLI::App& program, Console& console) {
  auto* command = program.add_subcommand(
      "completion", "Print a script by which a shell completes commands and options");
  auto shell = std::make_shared<std::string>();
  command->add_option("shell", *shell, "bash, zsh or fish")->required()->type_name("SHELL");
  command->callback([shell, &program, &console] { console.result(script(program, *shell)); });
}
