// What the program does where nobody reads what it says, when it is asked to end, and where it
// cannot write.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "support/catch.hpp"
#include "support/program.hpp"

using namespace vcell_test;
namespace fs = std::filesystem;

namespace {

/// The flags of a run that takes seconds, on a screen that is made.
std::string fault_flags(const TemporaryFolder& folder) {
  const std::string screen = folder / "screen.h5ad";
  const auto made =
      run_vcell(folder,
                "simulate --genes 30 --perturbations 4 --contexts 2 --cells-per-perturbation 10 "
                "--control-cells 20 --seed 3 --out " +
                    screen);
  INFO(made.err);
  REQUIRE(made.code == 0);
  return " --data " + screen +
         " --ensemble 1 --context-key context --hidden 8 --layers 1 --heads 1 --head-dim 8 "
         "--mlp-width 8 "
         "--max-steps 20 --validate-every 10 --set-size 8 --batch-size 2";
}

/// The files of a run that must not depend on what can be said.
void check_same_run(const fs::path& a, const fs::path& b) {
  for (const char* name : {"experiment.toml", "split.toml", "metrics.csv", "results.csv",
                           "model/weights.safetensors", "predictions.h5ad", "report.html"}) {
    INFO(name);
    CHECK(vcell::read_text(a / name) == vcell::read_text(b / name));
  }
}

/// A descriptor of a pipe that nobody reads, for commands to write to.
class BrokenPipe {
 public:
  BrokenPipe() {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    ::close(ends[0]);
    end_ = ends[1];
    REQUIRE(end_ < 10);  // all that a shell need know
  }
  ~BrokenPipe() { ::close(end_); }
  std::string text() const { return std::to_string(end_); }

 private:
  int end_ = -1;
};

/// A shell's command that waits until a run has written a few steps.
std::string wait_for_steps(const std::string& out) {
  return "n=0; while [ $n -lt 3000 ] && [ \"$(cat '" + out +
         "/metrics.csv' 2>/dev/null | wc -l)\" -lt 5 ]; do sleep 0.02; n=$((n+1)); done; ";
}

/// Runs vcell, not in the background, and sends it signals once it trains.
/// @param before   what the shell does that becomes vcell
/// @param signals  names of signals, in this order
Ran run_with_signals(const TemporaryFolder& folder, const std::string& before,
                     const std::string& words, const std::string& out,
                     const std::vector<std::string>& signals) {
  fs::remove_all(out);
  fs::remove(folder.path() / "pid");
  std::string sends;
  for (const auto& name : signals) sends += "kill -" + name + " $(cat pid); sleep 0.2; ";
  const auto handler = ::signal(SIGINT, SIG_DFL);  // as a terminal's commands have it
  const auto ran = run_shell(folder, "cd '" + (folder / "") + "'; { " + wait_for_steps(out) +
                                         sends + "} & sh -c '" + before + " echo $$ >pid; exec \"" +
                                         VCELL_TEST_PROGRAM + "\" " + words + "'");
  ::signal(SIGINT, handler);
  return ran;
}

}  // namespace

TEST_CASE("program: a run does not need anyone who reads what it says", "[program]") {
  const TemporaryFolder folder("silent");
  const auto run = "run" + fault_flags(folder) + " --out ";
  const std::string whole = folder / "whole", other = folder / "other";
  REQUIRE(run_vcell(folder, run + whole).code == 0);
  const BrokenPipe pipe;
  std::vector<std::string> places = {"2>&-", "<&- 2>&-", "2>&" + pipe.text()};
  if (fs::exists("/dev/full")) places.push_back("2>/dev/full");
  for (const auto& place : places) {
    INFO(place);
    const auto ran = run_vcell(folder, run + other + " --overwrite " + place);
    CHECK(ran.code == 0);
    CHECK_THAT(ran.out, contains("report: "));
    CHECK(ran.err.empty());
    check_same_run(whole, other);
  }
  SECTION("results are needed, though everything is there by then") {
    const auto ran = run_vcell(folder, run + other + " --overwrite <&- >&- 2>&-");
    CHECK(ran.code == 1);
    CHECK(ran.out.empty());
    check_same_run(whole, other);
  }
  SECTION("the log is a note, too") {
    if (!fs::exists("/dev/full")) VCELL_SKIP("there is no /dev/full");
    fs::remove(fs::path(other) / "run.log");
    fs::create_symlink("/dev/full", fs::path(other) / "run.log");
    const auto ran = run_vcell(folder, run + other + " --overwrite");
    CHECK(ran.code == 0);
    CHECK_THAT(ran.err, contains("the log is not complete: "));
    check_same_run(whole, other);
  }
}

TEST_CASE("program: errors keep their code where nobody reads them", "[program]") {
  const TemporaryFolder folder("unread");
  const BrokenPipe pipe;
  std::vector<std::string> places = {"2>&-", "2>&" + pipe.text()};
  if (fs::exists("/dev/full")) places.push_back("2>/dev/full");
  for (const auto& place : places) {
    INFO(place);
    CHECK(run_vcell(folder, "rn " + place).code == 2);
    CHECK(run_vcell(folder, "info " + place).code == 0);
  }
  for (const std::string words : {"info", "info --json", "--help", "--version"})
    for (const auto& place : std::vector<std::string>{">&-", ">&" + pipe.text()}) {
      INFO(words << ' ' << place);
      const auto ran = run_vcell(folder, words + ' ' + place);
      CHECK(ran.code == 1);
      CHECK_THAT(ran.err, contains("cannot write") && contains("standard output"));
      CHECK(std::count(ran.err.begin(), ran.err.end(), '\n') == 1);
    }
}

TEST_CASE("program: signals that ask it to end", "[program]") {
  const TemporaryFolder folder("signals");
  const std::string out = folder / "run";
  const auto words = "run" + fault_flags(folder) + " --out " + out + " --max-steps ";
  SECTION("end it with a checkpoint") {
    for (const std::string name : {"HUP", "TERM", "INT"}) {
      INFO(name);
      const auto ran = run_with_signals(folder, "", words + "1000000", out, {name});
      CHECK(ran.code == 130);
      CHECK_THAT(ran.err, contains("--resume"));
      CHECK(fs::exists(fs::path(out) / "checkpoints/last"));
    }
  }
  SECTION("stay ignored where they were when it started") {
    const auto ran =
        run_with_signals(folder, "trap \"\" HUP INT;", words + "1200", out, {"HUP", "INT", "HUP"});
    INFO(ran.err);
    CHECK(ran.code == 0);
    CHECK(fs::exists(fs::path(out) / "report.html"));
  }
  SECTION("one of them does not make the others ignored") {
    const auto ran =
        run_with_signals(folder, "trap \"\" HUP;", words + "1000000", out, {"HUP", "TERM"});
    CHECK(ran.code == 130);
    CHECK_THAT(ran.err, contains("--resume"));
  }
}

TEST_CASE("program: what is drawn by a child process that can be ended", "[program]") {
  const TemporaryFolder folder("child");
  const std::string out = folder / "run";
  REQUIRE(run_vcell(folder, "run" + fault_flags(folder) + " --out " + out).code == 0);
  fs::create_directories(folder / "bin");
  vcell::write_text(folder / "bin/gnuplot",
                    "#!/bin/sh\nkill -TERM $$\necho 'went on' >&2\nexit 1\n");
  fs::permissions(folder / "bin/gnuplot", fs::perms::owner_all);
  const auto ran = run_shell(folder, "PATH='" + (folder / "bin") + "':$PATH '" +
                                         VCELL_TEST_PROGRAM + "' report '" + out + '\'');
  CHECK(ran.code == 0);
  const auto report = vcell::read_text(fs::path(out) / "report.html");
  CHECK_THAT(report, contains("gnuplot: ended by signal 15"));
  CHECK_THAT(report, !contains("went on"));
}

TEST_CASE("program: outputs that cannot be written are code 1 and one message", "[program]") {
  const TemporaryFolder folder("unwritable");
  const auto flags = fault_flags(folder);
  const std::string screen = folder / "screen.h5ad", file = folder / "file";
  vcell::write_text(file, "no folder");
  std::vector<std::string> commands = {"simulate --genes 30", "preprocess --data " + screen,
                                       "split --data " + screen + " --context-key context",
                                       "evaluate --real " + screen + " --pred " + screen};
  const auto check = [&](const std::string& words, const std::string& place) {
    INFO(words << ", " << place);
    const auto ran = run_vcell(folder, words + " --quiet --out " + place + "/below");
    CHECK(ran.code == 1);
    CHECK(ran.err.starts_with("vcell: "));
    CHECK(std::count(ran.err.begin(), ran.err.end(), '\n') == 1);
    CHECK_THAT(ran.err, contains(place));
  };
  for (const auto& words : commands) check(words, file);
  commands.push_back("train" + flags);
  if (fs::exists("/proc/self"))
    for (const auto& words : commands) check(words, "/proc/nope");
  fs::create_directories(folder / "folder");
  const auto onto = run_vcell(
      folder, "preprocess --quiet --overwrite --data " + screen + " --out " + (folder / "folder"));
  CHECK(onto.code == 1);
  CHECK_THAT(onto.err, contains("folder'"));
  CHECK(vcell::read_text(file) == "no folder");
}

TEST_CASE("program: a disk that is full is code 1 and one message", "[program]") {
  const TemporaryFolder folder("full");
  const auto train = "train" + fault_flags(folder) + " --out " + (folder / "run");
  // A limit of the size of files stands for it; its unit is half or a whole kilobyte.
  for (const auto& words :
       {"simulate --genes 400 --out " + (folder / "a.h5ad"), train + " --max-steps 2000"}) {
    INFO(words);
    const auto ran = run_shell(
        folder, std::string("(ulimit -f 16; '") + VCELL_TEST_PROGRAM + "' " + words + " --quiet)");
    CHECK(ran.code == 1);
    CHECK_THAT(ran.err, contains("cannot write"));
    CHECK(std::count(ran.err.begin(), ran.err.end(), '\n') == 1);
  }
}

TEST_CASE("program: a report of a run without scores says how to get them", "[program]") {
  const TemporaryFolder folder("scores");
  const std::string out = folder / "run";
  REQUIRE(run_vcell(folder, "train" + fault_flags(folder) + " --out " + out).code == 0);
  const auto none = run_vcell(folder, "report " + out);
  CHECK(none.code == 2);
  CHECK(std::count(none.err.begin(), none.err.end(), '\n') == 1);
  CHECK_THAT(none.err, contains("no scores") && contains("vcell run --resume --out " + out));
  REQUIRE(run_vcell(folder, "run --resume --out " + out).code == 0);
  CHECK(run_vcell(folder, "report " + out).code == 0);
}
