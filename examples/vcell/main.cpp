// The vcell program: from a perturbation screen to a trained model, predicted cells, scores and a
// report. Every command is a thin layer over the library; copy what you need.
//
//   vcell run --data screen.h5ad --perturbation-key perturbation --control non-targeting --out run/

#include <fmt/format.h>

#include "commands.hpp"
#include "interrupt.hpp"
#include "vcell/core/error.hpp"
#include "vcell/version.hpp"

namespace {

// What the program's exit code says.
enum Exit { done = 0, failed = 1, bad_input = 2, interrupted = 130 };

int say(Console& console, const std::exception& error, int code) {
  console.end_line();
  fmt::print(stderr, "vcell: {}\n", error.what());
  return code;
}

}  // namespace

int main(int count, char** words) {
  Console console;
  CLI::App program{
      "vcell: predict how perturbations change cells, and score the predictions.\n"
      "Start with: vcell run --data screen.h5ad --perturbation-key KEY --control LABEL --out run/",
      "vcell"};
  program.set_version_flag("--version", std::string(VCELL_VERSION), "Print the version");
  program.require_subcommand(1);
  program.get_formatter()->column_width(34);
  program.failure_message(CLI::FailureMessage::simple);
  for (const auto add : {add_run, add_simulate, add_inspect, add_preprocess, add_split, add_train,
                         add_predict, add_evaluate, add_report, add_info})
    add(program, console);
  for (auto* command : program.get_subcommands({}))
    command->set_version_flag("--version", std::string(VCELL_VERSION), "Print the version");

  interrupt::install();
  try {
    program.parse(count, words);
    return done;
  } catch (const CLI::Success& asked) {  // --help, --version
    return program.exit(asked);
  } catch (const CLI::ParseError& error) {
    program.exit(error);
    return bad_input;
  } catch (const vcell::Stopped& stopped) {
    return say(console, stopped, interrupted);
  } catch (const vcell::CudaError& error) {
    return say(console, error, failed);
  } catch (const vcell::Error& error) {
    return say(console, error, bad_input);
  } catch (const std::bad_alloc&) {
    console.end_line();
    fmt::print(stderr, "vcell: not enough memory; use fewer cells or genes, or a larger machine\n");
    return failed;
  } catch (const std::exception& error) {
    return say(console, error, failed);
  }
}
