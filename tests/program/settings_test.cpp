// How settings are said and shown: experiment files, help, words instead of flags.
#include <filesystem>
#include <sstream>

#include "support/small_run.hpp"
#include "vcell/train/experiment_toml.hpp"

using namespace vcell_test;
namespace fs = std::filesystem;

TEST_CASE("program: config prints an experiment that can be run", "[program]") {
  const TemporaryFolder folder("config");
  CHECK(run_vcell(folder, "config").out == vcell::format_experiment({}));
  for (const auto& name : vcell::preset_names()) {
    INFO(name);
    const auto printed = run_vcell(folder, "config --preset " + name);
    CHECK(printed.code == 0);
    CHECK(printed.out == vcell::format_experiment(vcell::experiment_preset(name)));
    vcell::write_text(folder / "e.toml", printed.out);
    CHECK(run_vcell(folder, "config --experiment " + (folder / "e.toml")).out == printed.out);
  }
  CHECK_THAT(run_vcell(folder, "config --max-steps 7 sets.set_size=9").out,
             contains("max_steps = 7 ") && contains("set_size = 9 "));
  const auto unknown = run_vcell(folder, "config --preset stat");
  CHECK(unknown.code == 2);
  CHECK_THAT(unknown.err, contains("'state'"));
}

TEST_CASE("program: help is short, and all of it is a flag away", "[program]") {
  const TemporaryFolder folder("short_help");
  for (const std::string command : {"run", "train", "config"}) {
    INFO(command);
    const auto some = run_vcell(folder, command + " --help"),
               all = run_vcell(folder, command + " --help-all");
    CHECK(some.code == 0);
    CHECK(all.code == 0);
    CHECK(std::count(some.out.begin(), some.out.end(), '\n') < 50);
    CHECK_THAT(some.out, contains("--data") && contains("--perturbation-key") &&
                             contains("--context-key") && contains("--max-steps") &&
                             contains("--help-all") && !contains("--beta1"));
    CHECK_THAT(all.out, contains("--data") && contains("--beta1") && contains("[training]"));
  }
  CHECK_THAT(run_vcell(folder, "predict --help").out, !contains("--help-all"));
}

TEST_CASE("program: every setting and every option says what it is", "[program]") {
  const vcell::Experiment defaults;
  vcell::visit_experiment(defaults,
                          [](const char* section, const char* key, const auto&, const char* help) {
                            INFO(section << '.' << key);
                            CHECK(std::string(help).size() > 3);
                          });
  const TemporaryFolder folder("texts");
  std::istringstream manual(run_vcell(folder, "man").out);
  size_t options = 0;
  for (std::string line, last, before; std::getline(manual, line); before = last, last = line)
    if (before == ".TP") {
      INFO(last);
      CHECK(line.size() > 3);
      CHECK_FALSE(line.starts_with('.'));
      ++options;
    }
  CHECK(options > 150);
}

TEST_CASE("program: settings by their names are the same as flags", "[program]") {
  const TemporaryFolder folder("names");
  const auto printed = [&](const std::string& words) {
    const auto ran = run_vcell(folder, "config " + words);
    INFO(words << ": " << ran.err);
    CHECK(ran.code == 0);
    return ran.out;
  };
  const std::pair<const char*, const char*> same[] = {
      {"training.max_steps=500 data.path=x.h5ad", "--max-steps 500 --data x.h5ad"},
      {"seed=3 sets.control_sets=false", "--seed 3 --no-control-sets"},
      {"data.control='a=b c'", "--control 'a=b c'"},
      {"data.context_keys=a data.context_keys=b", "--context-key a --context-key b"},
      {"training.clip=1 training.clip=2", "--clip 1 --clip 2"},
      {"model.sigmas=0.5 model.sigmas=2", "--sigmas 0.5 --sigmas 2"},
      {"data.scale= model.loss=mean_squared_error", "--loss mean_squared_error"},
      {"model.kind=state_transition run.device=cpu", "--model-kind state_transition --device cpu"},
  };
  for (const auto& [names, flags] : same) CHECK(printed(names) == printed(flags));
  CHECK(printed("--preset state training.max_steps=5") == printed("--preset state --max-steps 5"));
}

TEST_CASE("program: settings by their names are checked as flags are", "[program]") {
  const TemporaryFolder folder("checked");
  struct Case {
    std::string words;
    std::vector<std::string> said;
  };
  const Case cases[] = {
      {"training.max_step=5", {"'training.max_step=5'", "'training.max_steps'"}},
      {"screen.h5ad", {"'screen.h5ad'", "training.max_steps=500"}},
      {"training.max_steps=many", {"training.max_steps", "'many'", "whole number"}},
      {"training.max_steps=", {"training.max_steps", "''"}},
      {"training.schedule=wavy", {"training.schedule", "'wavy'", "'cosine'"}},
      {"data.all_genes=yes", {"data.all_genes", "'yes'", "true or false"}},
      {"--max-steps 5 training.max_steps=6", {"'training.max_steps=6'", "flag"}},
      {"sets.set_size=0", {"--set-size"}},
      {"--sigmas 0", {"--sigmas is 0"}},
      {"model.sigmas=wide", {"model.sigmas", "'wide'", "number"}},
      {"--device cuda --model-kind se", {"--device is cuda", "CPU so far"}},
      {"--precision tf32", {"--precision is tf32", "--device cpu"}},
      {"--precision half", {"--precision", "'half'", "'bfloat16'"}},
      {"run.device=tpu", {"run.device", "'tpu'", "'cpu', 'cuda'"}},
      {"--rank 1", {"--rank is 1", "--ranks 1"}},
      {"--model-kind other", {"--model-kind", "'other'", "'state_transition'"}},
      {"--dta x training.max_steps=5", {"'--dta'", "'--data'"}},
  };
  for (const auto& c : cases) {
    INFO(c.words);
    const auto ran = run_vcell(folder, "run --out " + (folder / "run") + ' ' + c.words);
    CHECK(ran.code == 2);
    CHECK(ran.out.empty());
    CHECK(std::count(ran.err.begin(), ran.err.end(), '\n') == 1);
    for (const auto& text : c.said) CHECK_THAT(ran.err, contains(text));
  }
  CHECK_FALSE(fs::exists(folder / "run"));
}

TEST_CASE("program: a resumed run takes names as it takes flags", "[program]") {
  const TemporaryFolder folder("resumed_names");
  small_screen(folder);
  const std::string out = folder / "run", resume = "run --resume --out " + out;
  REQUIRE(run_vcell(folder, "train" + small_flags(folder) + " --out " + out).code == 0);
  CHECK(run_vcell(folder, resume + " sets.set_size=8").code == 0);
  const auto other = run_vcell(folder, resume + " sets.set_size=9");
  CHECK(other.code == 2);
  CHECK_THAT(other.err, contains("--resume"));
}
