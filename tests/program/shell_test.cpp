// What the program prints for shells and for man.
#include <algorithm>
#include <sstream>

#include "support/catch.hpp"
#include "support/program.hpp"

using namespace vcell_test;

namespace {

bool is_installed(const TemporaryFolder& folder, const std::string& program) {
  return run_shell(folder, "command -v " + program).code == 0;
}

}  // namespace

TEST_CASE("program: completion knows every command and option", "[program]") {
  const TemporaryFolder folder("completion");
  for (const std::string shell : {"bash", "zsh", "fish"}) {
    INFO(shell);
    const auto script = run_vcell(folder, "completion " + shell);
    CHECK(script.code == 0);
    const std::string dashes = shell == "fish" ? "-l " : "--";
    for (const std::string word : {"data", "no-control-sets", "beta1", "dry-run", "subset"})
      CHECK_THAT(script.out, contains(dashes + word));
    for (const std::string command : {"run", "evaluate", "completion"})
      CHECK_THAT(script.out, contains(command));
    vcell::write_text(folder / "script", script.out);
    if (is_installed(folder, shell)) {
      const std::string check = shell == "fish" ? " --no-execute " : " -n ";
      CHECK(run_shell(folder, shell + check + '\'' + (folder / "script") + '\'').code == 0);
    }
  }
  const auto other = run_vcell(folder, "completion csh");
  CHECK(other.code == 2);
  CHECK_THAT(other.err, contains("'csh'") && contains("'bash'"));
  CHECK(run_vcell(folder, "completion").code == 2);
}

TEST_CASE("program: bash completes commands, and the options of each", "[program]") {
  const TemporaryFolder folder("bash");
  if (!is_installed(folder, "bash")) VCELL_SKIP("there is no bash");
  vcell::write_text(folder / "script", run_vcell(folder, "completion bash").out);
  const auto completed = [&](const std::string& words) {
    const auto ran = run_shell(
        folder, "bash -c '. \"" + (folder / "script") + "\"; COMP_WORDS=(" + words +
                    "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _vcell; echo ${COMPREPLY[@]}'");
    CHECK(ran.err.empty());
    return ran.out;
  };
  CHECK(completed("vcell ru") == "run\n");
  CHECK(completed("vcell run --validation-b") == "--validation-batches\n");
  CHECK(completed("vcell evaluate --sub") == "--subset\n");
  CHECK(completed("vcell evaluate --dat") == "\n");
}

TEST_CASE("program: the manual has every command and option", "[program]") {
  const TemporaryFolder folder("man");
  const auto manual = run_vcell(folder, "man");
  CHECK(manual.code == 0);
  CHECK_THAT(manual.out, contains(".TH VCELL 1") && contains(".SS vcell run\n") &&
                             contains("\\fB\\-\\-dry\\-run\\fR") &&
                             contains("\\fB\\-\\-beta1\\fR") && contains("\\-\\-subset"));
  if (!is_installed(folder, "groff")) return;
  vcell::write_text(folder / "vcell.1", manual.out);
  const auto shown = run_shell(folder, "groff -man -ww -Tascii '" + (folder / "vcell.1") + '\'');
  CHECK(shown.code == 0);
  CHECK(shown.err.empty());
}
