// The vcell program: from a perturbation screen to a trained model, predicted cells, scores and a
// report. Every command is a thin layer over the library; copy what you need.
//
//   vcell run --data screen.h5ad --perturbation-key perturbation --control non-targeting --out run/

#include <hdf5.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <iostream>

#include "cell_eval_words.hpp"
#include "commands.hpp"
#include "experiment_options.hpp"
#include "help.hpp"
#include "interrupt.hpp"
#include "vcell/core/error.hpp"
#include "vcell/sets/near_names.hpp"
#include "vcell/version.hpp"

namespace {

// What the program's exit code says.
enum Exit { done = 0, failed = 1, bad_input = 2, interrupted = 130 };

/// The command that was given, or the one of whose commands none was.
struct ChosenCommand {
  const CLI::App* app;
  std::string name;  ///< as it is typed, "tx train"; empty for the program
};

ChosenCommand chosen_command(const CLI::App& program) {
  ChosenCommand out{&program, ""};
  for (auto next = program.get_subcommands(); !next.empty(); next = out.app->get_subcommands())
    out = {next[0], out.name + (out.name.empty() ? "" : " ") + next[0]->get_name()};
  return out;
}

/// What is wrong with the command line, in one line. Words that nobody knows come first: CLI11
/// would rather say what is missing.
std::string usage_message(const CLI::App& program, const CLI::ParseError& error) {
  const auto chosen = chosen_command(program);
  const auto unknown = program.remaining(true);
  std::vector<std::string> known;
  if (chosen.app->get_require_subcommand_min() > 0) {
    for (const auto* command : chosen.app->get_subcommands({}))
      known.push_back(command->get_name());
    const std::string what =
        unknown.empty() ? "say what to do" : "there is no command " + vcell::quoted(unknown[0]);
    return vcell::message(chosen.name.empty() ? "" : chosen.name + ": ", what, "; ",
                          vcell::names_there(unknown, known), " (see vcell ",
                          chosen.name.empty() ? "" : chosen.name + ' ', "--help)");
  }
  const std::string& command = chosen.name;
  std::string what = error.what();
  if (!unknown.empty()) {
    for (const auto* option : chosen.app->get_options())
      for (const auto& name : option->get_lnames()) known.push_back("--" + name);
    what = "it does not know " + vcell::quoted(unknown[0]);
    const auto near = vcell::near_names(unknown[0], known);
    if (!near.empty()) what += "; did you mean " + vcell::list_of(near) + "?";
  }
  return vcell::message(command, ": ", what, " (see vcell ", command, " --help)");
}

/// The words of a command line as a shell reads them back.
std::string shell_text(int count, char** words) {
  std::string out;
  for (int i = 0; i < count; ++i) {
    std::string word = words[i];
    const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
      return std::isalnum(uint8_t(c)) || std::strchr("%+,-./:=@_", c);
    });
    if (!plain) {
      for (size_t at = 0; (at = word.find('\'', at)) != std::string::npos; at += 4)
        word.replace(at, 1, "'\\''");
      word = "'" + word + "'";
    }
    out += (i ? " " : "") + word;
  }
  return out;
}

}  // namespace

int main(int count, char** words) {
  open_standard_files();
  Console console;
  console.command_line = shell_text(count, words);
  CLI::App program{
      "vcell: predict how perturbations change cells, and score the predictions.\n"
      "Start with: vcell run --data screen.h5ad --perturbation-key KEY --control LABEL --out run/",
      "vcell"};
  program.set_version_flag("--version", std::string(VCELL_VERSION), "Print the version");
  program.require_subcommand(1);
  program.formatter(std::make_shared<ShortHelp>());
  program.get_formatter()->column_width(34);
  for (const auto add :
       {add_run,        add_simulate, add_inspect,  add_convert, add_concat,  add_subset,
        add_preprocess, add_split,    add_stats,    add_train,   add_predict, add_baseline,
        add_embed,      add_de,       add_evaluate, add_score,   add_prep,    add_import,
        add_export,     add_report,   add_tx,       add_emb,     add_info,    add_config,
        add_completion, add_man})
    add(program, console);
  for (auto* command : program.get_subcommands({}))
    command->set_version_flag("--version", std::string(VCELL_VERSION), "Print the version");

  H5dont_atexit();  // no file is open by then, and after a damaged one HDF5 would print at the exit
  interrupt::install();
  // The one place where errors become the program's: what the library names, it says by flags,
  // or by State's names where the command takes these.
  const auto say = [&](const char* text, Exit code) {
    const auto chosen = chosen_command(program);
    std::string said = text;
    if (chosen.name == "tx train")
      said = with_reference_names(said, vcell::detail::transition_table);
    if (chosen.name == "emb fit") said = with_reference_names(said, vcell::detail::embedding_table);
    console.error(with_flags(said, chosen.name.empty() ? nullptr : chosen.app));
    return code;
  };
  try {
    const auto ours = with_cell_eval_words({words, words + count});
    std::vector<const char*> parsed;
    for (const auto& word : ours) parsed.push_back(word.c_str());
    program.parse(int(parsed.size()), parsed.data());
    return done;
  } catch (const CLI::Success& asked) {  // --help, --version
    program.exit(asked);
    if (std::cout.flush()) return done;
    return say("cannot write to standard output; is it closed, or the disk full?", failed);
  } catch (const CLI::ParseError& error) {
    return say(usage_message(program, error).c_str(), bad_input);
  } catch (const vcell::Stopped& stopped) {
    return say(stopped.what(), interrupted);
  } catch (const vcell::WriteError& error) {
    return say(error.what(), failed);
  } catch (const vcell::CudaError& error) {
    return say(error.what(), failed);
  } catch (const vcell::Error& error) {
    return say(error.what(), bad_input);
  } catch (const std::bad_alloc&) {
    return say("not enough memory; use fewer cells or genes, or a larger machine", failed);
  } catch (const std::exception& error) {
    return say(error.what(), failed);
  }
}
