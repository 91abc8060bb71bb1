// What a run leaves beside its scores: how its log begins, what tells its data from others, the
// observed cells, and plots as files.
#include <filesystem>

#include "support/small_run.hpp"
#include "vcell/io/csv.hpp"
#include "vcell/io/h5ad.hpp"

using namespace vcell_test;
namespace fs = std::filesystem;

TEST_CASE("program: a log begins with what was typed, where, and on which data", "[program]") {
  const TemporaryFolder folder("log");
  const auto screen = small_screen(folder);
  const fs::path out = folder / "run";
  const auto words = "run" + small_flags(folder) + " --out " + out.string();
  REQUIRE(run_vcell(folder, words + " --control \"non-targeting\" 'training.clip=9'").code == 0);
  const auto log = vcell::read_text(out / "run.log");
  const auto line = [&](size_t n) {
    size_t from = 0;
    while (n--) from = log.find('\n', from) + 1;
    return log.substr(from, log.find('\n', from) - from);
  };
  CHECK_THAT(line(0), contains(std::string("command: ") + VCELL_TEST_PROGRAM + " " + words +
                               " --control non-targeting training.clip=9"));
  CHECK_THAT(line(1), contains("vcell ") && contains("threads") && contains("host "));
  CHECK_THAT(line(2), contains(screen) && contains(std::to_string(fs::file_size(screen))) &&
                          contains("crc32"));
  const auto data = vcell::read_csv(out / "data.csv");
  REQUIRE(data.rows.size() == 1);
  CHECK(data.rows[0][data.column("path")] == screen);
  CHECK(data.rows[0][data.column("bytes")] == std::to_string(fs::file_size(screen)));
}

TEST_CASE("program: a run does not go on with other data", "[program]") {
  const TemporaryFolder folder("other_data");
  const auto screen = small_screen(folder);
  const std::string out = folder / "run", resume = "run --resume --out " + out;
  const auto words = "run" + small_flags(folder) + " --out " + out;
  REQUIRE(run_vcell(folder, words).code == 0);
  const auto report = vcell::read_text(folder / "run/report.html");
  SECTION("the same, written again, is no other") {
    fs::last_write_time(screen, fs::last_write_time(screen) - std::chrono::hours(1));
    const auto again = run_vcell(folder, resume);
    CHECK(again.code == 0);
    CHECK_THAT(again.err, contains("taken for the same"));
    CHECK(vcell::read_text(folder / "run/report.html") == report);
  }
  SECTION("others are named, both") {
    const auto size = std::to_string(fs::file_size(screen));
    const auto old = vcell::read_csv(folder / "run/data.csv");
    small_screen(folder, 4);
    const auto again = run_vcell(folder, resume);
    CHECK(again.code == 2);
    CHECK_THAT(again.err, contains("the data have changed since this run began") &&
                              contains("--data") && contains(screen) && contains(size + " bytes") &&
                              contains(old.rows[0][old.column("crc32_last_mib")]) &&
                              contains(std::to_string(fs::file_size(screen)) + " bytes"));
    CHECK(vcell::read_text(folder / "run/report.html") == report);
    CHECK(run_vcell(folder, words + " --overwrite").code == 0);
  }
  SECTION("a run of which nothing is known goes on") {
    fs::remove(folder / "run/data.csv");
    CHECK(run_vcell(folder, resume).code == 0);
  }
}

TEST_CASE("program: observed and predicted cells have the run's own scores", "[program]") {
  const TemporaryFolder folder("real");
  const auto screen = small_screen(folder);
  const fs::path out = folder / "run";
  const auto words = "run" + small_flags(folder) + " --out " + out.string();
  REQUIRE(run_vcell(folder, words).code == 0);
  CHECK_FALSE(fs::exists(out / "real.h5ad"));
  const bool ids = GENERATE(false, true);
  if (ids) {  // perturbations are not called as genes are
    auto cells = vcell::read_h5ad(screen);
    cells.var.set("symbol", cells.var.index);
    for (auto& name : cells.var.index) name = "id_" + name;
    vcell::write_h5ad(screen, cells);
  }
  for (const std::string more : {"", " --hvgs 20", " --hvgs 20 --all-genes"}) {
    INFO(more);
    REQUIRE(run_vcell(folder, words + more + " --save-real --overwrite").code == 0);
    const auto real = vcell::read_h5ad(out / "real.h5ad"),
               predicted = vcell::read_h5ad(out / "predictions.h5ad");
    CHECK(real.obs.names() == predicted.obs.names());
    CHECK(real.obs.index_name == predicted.obs.index_name);
    CHECK(real.var == predicted.var);
    CHECK(real.var.has("symbol") == ids);
    const auto scored = run_vcell(folder, "evaluate --real " + (out / "real.h5ad").string() +
                                              " --pred " + (out / "predictions.h5ad").string() +
                                              " --context-key context --out " +
                                              (folder / "scores") + " --overwrite");
    INFO(scored.err);
    REQUIRE(scored.code == 0);
    size_t tables = 0;
    for (const auto& entry : fs::directory_iterator(folder / "scores")) {
      if (entry.path().extension() != ".csv") continue;
      INFO(entry.path().filename());
      ++tables;
      CHECK(vcell::read_text(entry.path()) == vcell::read_text(out / entry.path().filename()));
    }
    CHECK(tables >= 2);
  }
  REQUIRE(run_vcell(folder, words + " --overwrite").code == 0);
  CHECK_FALSE(fs::exists(out / "real.h5ad"));  // of the run that was replaced
}

TEST_CASE("program: the plots of a report are files too", "[program]") {
  const TemporaryFolder folder("plots");
  small_screen(folder);
  const std::string out = folder / "run";
  REQUIRE(run_vcell(folder, "run" + small_flags(folder) + " --out " + out).code == 0);
  const auto report = vcell::read_text(folder / "run/report.html");
  if (report.find("<svg") == std::string::npos) VCELL_SKIP("there is no gnuplot");
  size_t plots = 0, figures = 0;
  for (size_t at = 0; (at = report.find("<svg", at)) != std::string::npos; ++at) ++figures;
  for (const auto& entry : fs::directory_iterator(folder / "run/plots")) {
    INFO(entry.path());
    ++plots;
    const auto text = vcell::read_text(entry.path());
    CHECK(text.starts_with("<?xml"));
    CHECK_THAT(text, contains("xmlns=\"http://www.w3.org/2000/svg\"") && contains("</svg>"));
    CHECK_THAT(text, !contains("[["));
    CHECK_THAT(report, contains(text.substr(text.find("<svg"), 2000)));
  }
  CHECK(plots == figures);
  vcell::write_text(folder / "run/plots/old.svg", "of another report");
  REQUIRE(run_vcell(folder, "report " + out).code == 0);
  CHECK_FALSE(fs::exists(folder / "run/plots/old.svg"));
  CHECK(fs::exists(folder / "run/plots/training.svg"));
}
