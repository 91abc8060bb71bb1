#include <fmt/format.h>

#include "commands.hpp"
#include "help.hpp"
#include "vcell/version.hpp"

namespace {

/// Plain text as roff has it.
std::string roff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) out += "\\&";
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
  }
  return out;
}

std::string option_lines(const CLI::App& command) {
  std::string out;
  for (const auto& option : options_of(command)) {
    std::string names;
    for (const auto& name : option.names)
      names += fmt::format("{}\\fB{}\\fR", names.empty() ? "" : ", ", roff(name));
    if (!option.value.empty()) names += fmt::format(" \\fI{}\\fR", roff(option.value));
    out += fmt::format(".TP\n{}\n{}\n", names, roff(option.help));
  }
  return out;
}

std::string manual(const CLI::App& program) {
  std::string out = fmt::format(
      ".TH VCELL 1 \"\" \"vcell {}\" \"User Commands\"\n"
      ".SH NAME\nvcell \\- predict how perturbations change cells, and score the predictions\n"
      ".SH SYNOPSIS\n\\fBvcell\\fR \\fICOMMAND\\fR [\\fIOPTIONS\\fR]\n"
      ".SH DESCRIPTION\n{}\n.SH OPTIONS\n{}.SH COMMANDS\n",
      roff(VCELL_VERSION), roff(program.get_description()), option_lines(program));
  for (const auto& [name, command] : commands_of(program))
    out += fmt::format(".SS vcell {}\n{}\n{}", roff(name), roff(command->get_description()),
                       option_lines(*command));
  return out +
         ".SH EXIT STATUS\n"
         "0 when all is done, 2 after bad usage or input, 130 after an interruption, 1 after\n"
         "anything else, such as an output that cannot be written.\n";
}

}  // namespace

void add_man(CLI::App& program, Console& console) {
  auto* command =
      program.add_subcommand("man", "Print the manual page: vcell man >vcell.1; man ./vcell.1");
  command->callback([&program, &console] {
    auto text = manual(program);
    text.pop_back();  // result ends the line
    console.result(text);
  });
}
