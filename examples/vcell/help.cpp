#include "help.hpp"

std::string ShortHelp::make_help(const CLI::App* app, std::string name,
                                 CLI::AppFormatMode mode) const {
  if (mode != CLI::AppFormatMode::Normal) return Formatter::make_help(app, name, mode);
  std::string out = make_description(app) + make_usage(app, name) + make_positionals(app);
  bool more = false;
  for (const auto& group : app->get_groups()) {
    more |= group.starts_with('[');
    if (group.empty() || group.starts_with('[')) continue;
    const auto options = app->get_options([&](const CLI::Option* option) {
      return option->get_group() == group && option->nonpositional();
    });
    if (!options.empty()) out += make_group(group, false, options);
  }
  if (more) out += "\nAll settings: vcell " + app->get_name() + " --help-all\n";
  return out + make_subcommands(app, mode) + '\n' + make_footer(app);
}

std::vector<OptionText> options_of(const CLI::App& command) {
  std::vector<OptionText> out;
  for (const CLI::Option* option : command.get_options()) {
    OptionText text;
    for (const auto& name : option->get_snames()) text.names.push_back("-" + name);
    for (const auto& name : option->get_lnames()) text.names.push_back("--" + name);
    if (option->get_positional()) text.names.push_back(option->get_name(true));
    if (text.names.empty()) continue;
    if (option->get_items_expected_max() > 0)
      text.value = option->get_type_name().empty() ? "VALUE" : option->get_type_name();
    text.help = option->get_description();
    text.group = option->get_group();
    out.push_back(std::move(text));
  }
  return out;
}

std::vector<NamedCommand> commands_of(const CLI::App& program) {
  std::vector<NamedCommand> out;
  for (const auto* command : program.get_subcommands({})) {
    const auto nested = commands_of(*command);
    if (nested.empty()) out.push_back({command->get_name(), command});
    for (const auto& [name, app] : nested) out.push_back({command->get_name() + ' ' + name, app});
  }
  return out;
}
