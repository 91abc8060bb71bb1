#include "vcell/report/gnuplot.hpp"

#include <chrono>
#include <cmath>
#include <filesystem>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/io/atomic_file.hpp"
#include "vcell/report/plot.hpp"

using namespace vcell;
using vcell_test::contains;

namespace {

const std::string script =
    "set terminal svg size 200,200 dynamic name 'p' font 'sans-serif,10'\n"
    "set label '[[0]]' at 2,3 noenhanced\n"
    "$d << EOD\n1 2\n3 4\nEOD\n"
    "plot $d using 1:2 with points pt 7 notitle\n";

bool gnuplot_is_there() { return gnuplot(script).trouble.empty(); }

size_t number_of(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (size_t i = text.find(part); i != std::string::npos; i = text.find(part, i + 1)) ++n;
  return n;
}

/// A shell's script to run in place of gnuplot.
std::string stand_in(const vcell_test::TemporaryFolder& folder, const std::string& commands) {
  const auto path = folder.path() / "stand-in";
  write_text(path, "#!/bin/sh\n" + commands + '\n');
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  return path.string();
}

}  // namespace

TEST_CASE("gnuplot: a program that is not there is said so", "[report]") {
  const auto drawing = gnuplot(script, {.program = "vcell-no-such-program"});
  REQUIRE(drawing.svg.empty());
  REQUIRE(drawing.trouble == "vcell-no-such-program: not found");
}

TEST_CASE("gnuplot: a program that does not draw is said so", "[report]") {
  // Ends at once without reading a long script: no signal may reach us.
  const auto early = gnuplot(std::string(1 << 20, '#'), {.program = "true"});
  REQUIRE_THAT(early.trouble, contains("without a drawing"));
  REQUIRE_THAT(gnuplot(script, {.program = "false"}).trouble, contains("without a drawing"));
}

TEST_CASE("gnuplot: a program that takes too long is ended", "[report]") {
  const vcell_test::TemporaryFolder folder;
  const std::string pid = folder / "pid";
  for (const std::string how :
       {"exec sleep 100", "exec >&-; exec sleep 100",
        "echo '<svg></svg>'; exec >&-; trap '' TERM; exec sleep 100", "while :; do echo x; done"}) {
    INFO(how);
    const auto program = stand_in(folder, "echo $$ >'" + pid + "'; " + how);
    const auto before = std::chrono::steady_clock::now();
    const auto drawing = gnuplot(script, {.program = program, .time_limit = 0.3});
    CHECK(drawing.svg.empty());
    CHECK(drawing.trouble == program + ": was not done within 0.3 s and was ended");
    CHECK(std::chrono::steady_clock::now() - before < std::chrono::seconds(30));
    CHECK(::kill(std::stoi(read_text(pid)), 0) != 0);
  }
  const auto slow = stand_in(folder, "sleep 0.2; echo '<svg>'; sleep 0.2; echo '</svg>'");
  for (const double limit : {30.0, double(INFINITY)})
    CHECK(gnuplot(script, {.program = slow, .time_limit = limit}).svg == "<svg>\n</svg>\n");
  for (const double limit : {0.0, -1.0, double(NAN)})
    vcell_test::check_error<ConfigError>([&] { gnuplot(script, {.time_limit = limit}); },
                                         {"gnuplot", "time_limit"});
}

TEST_CASE("gnuplot: signals that we block or do not die of end it", "[report]") {
  const vcell_test::TemporaryFolder folder;
  sigset_t asked, before;
  sigemptyset(&asked);
  for (const int signal : {SIGTERM, SIGHUP, SIGUSR1}) sigaddset(&asked, signal);
  REQUIRE(::pthread_sigmask(SIG_BLOCK, &asked, &before) == 0);
  const auto pipe = ::signal(SIGPIPE, SIG_IGN), ignored = ::signal(SIGHUP, SIG_IGN);
  const auto said = [&](const std::string& name) {
    return gnuplot(script,
                   {.program = stand_in(folder, "kill -" + name + " $$; echo went on >&2; exit 1")})
        .trouble;
  };
  CHECK_THAT(said("TERM"), contains("ended by signal 15"));
  CHECK_THAT(said("USR1"), contains("ended by signal"));
  CHECK_THAT(said("PIPE"), contains("ended by signal 13"));
  CHECK_THAT(said("HUP"), contains("went on"));  // as nohup has it
  ::signal(SIGPIPE, pipe);
  ::signal(SIGHUP, ignored);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST_CASE("gnuplot: draws, the same bytes each time", "[report]") {
  if (!gnuplot_is_there()) VCELL_SKIP("gnuplot is absent");
  const auto drawing = gnuplot(script);
  REQUIRE(drawing.trouble.empty());
  REQUIRE_THAT(drawing.svg, contains("[[0]]"));
  REQUIRE(gnuplot(script).svg == drawing.svg);
}

TEST_CASE("gnuplot: a wrong script gives its message", "[report]") {
  if (!gnuplot_is_there()) VCELL_SKIP("gnuplot is absent");
  const auto drawing = gnuplot("set terminal svg\nplod 3\n");
  REQUIRE(drawing.svg.empty());
  REQUIRE_THAT(drawing.trouble, contains("plod"));
}

TEST_CASE("inline_svg: is a part of a page", "[report]") {
  const std::string raw =
      "<?xml version='1.0'?>\n<!-- Produced by X -->\n<svg viewBox='0 0 1 1'>\n<title>t</title>"
      "<desc>Produced by X 5</desc><defs><circle id='dot'/><g id=\"b\"/></defs>"
      "<use xlink:href='#dot'/><g clip-path=\"url(#b)\"/><text>[[1]] [[0]] [[2]] [[x]] [[</text>"
      "</svg>";
  const std::string svg = inline_svg(raw, "p1", "a < \"b\"", {"<script>", "[[0]]"});
  REQUIRE(svg ==
          "<svg role=\"img\" aria-label=\"a &lt; &quot;b&quot;\" viewBox='0 0 1 1'>"
          "<title>a &lt; &quot;b&quot;</title>\n<defs><circle id='p1-dot'/><g id=\"p1-b\"/></defs>"
          "<use xlink:href='#p1-dot'/><g clip-path=\"url(#p1-b)\"/>"
          "<text>[[0]] &lt;script&gt; [[2]] [[x]] [[</text></svg>");
  REQUIRE(inline_svg("no drawing", "p", "t").empty());
}

TEST_CASE("inline_svg: identifiers of gnuplot become unique", "[report]") {
  if (!gnuplot_is_there()) VCELL_SKIP("gnuplot is absent");
  const std::string svg = inline_svg(gnuplot(script).svg, "fig7", "points", {"A & B"});
  REQUIRE(number_of(svg, " id=") == number_of(svg, "fig7-") - number_of(svg, "href='#fig7-"));
  REQUIRE(number_of(svg, "href='#") == number_of(svg, "href='#fig7-"));
  REQUIRE(number_of(svg, "A &amp; B") == 1);
  REQUIRE(number_of(svg, "GNUPLOT") == 0);
}

TEST_CASE("html: text cannot leave its place", "[report]") {
  REQUIRE(escape_html("a<b>&\"c'") == "a&lt;b&gt;&amp;&quot;c&#39;");
  REQUIRE(escape_html("IFN\u03B2 \U0001F9EC") == "IFN\u03B2 \U0001F9EC");
  REQUIRE(escape_html(std::string("a\0b\x01\x7f", 5)) ==
          "a\uFFFD"
          "b\uFFFD\uFFFD");
  REQUIRE(escape_html("\xff\xc3(\xe2\x82") == "\uFFFD\uFFFD(\uFFFD\uFFFD");
  REQUIRE(escape_html("\xc0\xaf\xed\xa0\x80") == "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD");
}

TEST_CASE("html: scores for reading", "[report]") {
  REQUIRE(show(0.1256, 2) == "0.13");
  REQUIRE(show(-0.126, 2) == "\u22120.13");
  REQUIRE(show(-0.001, 2) == "0.00");
  REQUIRE(show({}, 2) == "\u2013");
  REQUIRE(show(std::nan(""), 2) == "NaN");
  REQUIRE(show(-INFINITY, 2) == "\u2212\u221E");
  REQUIRE(counted(1, "cell") == "1 cell");
  REQUIRE(counted(0, "cell") == "0 cells");
}
