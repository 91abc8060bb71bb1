#include "vcell/sets/dose.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "vcell/sets/combination.hpp"

using namespace vcell;
using vcell_test::check_error;
using Names = std::vector<std::string>;

namespace {

ScreenOptions labels(const char* separator = "") {
  ScreenOptions out;
  out.perturbation_key = "gene";
  out.control = "ctrl";
  out.dose_key = "dose";
  out.combination_separator = separator;
  return out;
}

/// Cells of A at 0.5 and 2, of B at 2, and a control without a dose.
AnnData cells(Column doses) {
  AnnData out;
  out.obs = DataFrame(Names{"c1", "c2", "c3", "c4"});
  out.obs.set("gene", Names{"A", "ctrl", "A", "B"});
  out.obs.set("dose", std::move(doses));
  out.var = DataFrame(Names{"g"});
  return out;
}

}  // namespace

TEST_CASE("dose: a label says perturbation and dose", "[sets]") {
  CHECK(label_of({"A", 0.5}) == "A@0.5");
  CHECK(label_of({"A", 10}) == "A@10");
  CHECK(dose_in("A@0.5") == Dosed{"A", 0.5});
  CHECK(dose_in("a@b@1e-3") == Dosed{"a@b", 1e-3});
  CHECK(dose_in(label_of({"A+B", 1 / 3.})) == Dosed{"A+B", 1 / 3.});
  for (const char* none : {"A", "A@", "A@b", "A@0", "A@-1", "A@inf", "A@nan", "A@1 ", "@1", ""})
    CHECK_FALSE(dose_in(none));
  CHECK(dose_of("A@2", labels()) == Dosed{"A", 2});
  CHECK_FALSE(dose_of("ctrl", labels()));
  CHECK_FALSE(dose_of("A@2", ScreenOptions()));  // no doses were declared
}

TEST_CASE("dose: a perturbation at a dose is one of its own", "[sets]") {
  const Names expected = {"A@0.5", "A@2", "B@2", "ctrl"};
  const double none = std::numeric_limits<double>::quiet_NaN();
  const Column columns[] = {Column(std::vector<double>{0.5, none, 2, 2}),
                            Column(std::vector<float>{0.5f, 0, 2, 2}),
                            Column(Names{"0.5", "vehicle", "2.0", "+2"}),
                            Column(Categorical{{0, -1, 1, 1}, Names{"5e-1", "2"}, false})};
  for (const Column& column : columns) {
    const Screen s = make_labels(cells(column), labels());
    CHECK(s.perturbation.names == expected);
    CHECK(s.perturbation.codes == std::vector<int32_t>{0, 3, 1, 2});
    CHECK(s.is_control(1));
  }
  const Screen plain = make_labels(cells(columns[0]), [] {
    auto out = labels();
    out.dose_key.clear();
    return out;
  }());
  CHECK(plain.perturbation.names == Names{"A", "B", "ctrl"});
  // Rounded as the file has it: not 0.10000000149.
  CHECK(make_labels(cells(Column(std::vector<float>{0.1f, 0, 2, 2})), labels())
            .perturbation.names[0] == "A@0.1");
}

TEST_CASE("dose: what is no dose is named, with its cells", "[sets]") {
  const auto fails = [](Column column, std::vector<std::string> said) {
    check_error<ConfigError>([&] { make_labels(cells(std::move(column)), labels()); }, said);
  };
  fails(Column(Names{"1", "1", "high", "high"}),
        {"[data] dose_key 'dose'", "the dose is 'high'", "'c3', 'c4'", "a number above 0"});
  fails(Column(std::vector<double>{1, 1, 0, 1}), {"the dose is '0'", "'c3'", "labelled 'ctrl'"});
  fails(Column(std::vector<double>{-2, 1, 1, 1}), {"the dose is '-2'", "'c1'"});
  fails(Column(std::vector<double>{std::numeric_limits<double>::quiet_NaN(), 1, 1, 1}),
        {"there is no dose of the cells 'c1'"});
  fails(Column(std::vector<double>{1, 1, 1, std::numeric_limits<double>::infinity()}),
        {"the dose is 'inf'", "'c4'"});
  auto other = labels();
  other.dose_key = "dosis";
  check_error<ConfigError>(
      [&] {
        make_labels(cells(Column(std::vector<double>{1, 1, 1, 1})), other);
      },
      {"[data] dose_key 'dosis'", "no such column", "'dose'"});
  auto twice = cells(Column(std::vector<double>{1, 1, 1, 1}));
  twice.obs.set("gene", Names{"A@3", "ctrl", "A", "B"});
  check_error<ConfigError>([&] { make_labels(twice, labels()); }, {"'A@3' ends in a dose already"});
}

TEST_CASE("dose: a combination at a dose is of its parts at that dose", "[sets]") {
  const auto l = labels("+");
  CHECK(parts_of("A+B@2", l) == Names{"A@2", "B@2"});
  CHECK(parts_of("A+ctrl@2", l) == Names{"A@2"});
  CHECK(parts_of("A@2", l).empty());
  CHECK(parts_of("ctrl", l).empty());
  CHECK(singles({"A@0.5", "A@2", "A+C@2", "B@1", "ctrl"}, l) == Names{"A", "B", "ctrl", "C"});
  CHECK(singles({"A@0.5", "A@2", "ctrl"}, ScreenOptions()) == Names{"A@0.5", "A@2", "ctrl"});
}

TEST_CASE("dose: other doses that train tell of one that does not", "[sets]") {
  Screen s;
  s.perturbation = factor(Names{"A@1", "A@2", "B@1", "B@2", "C+A@1", "ctrl", "C@2"});
  s.control = s.perturbation.code("ctrl");
  s.context = factor(Names(7, "x"));
  s.expression.columns = 0;
  for (int i = 0; i < 7; ++i) s.expression.end_row();
  std::vector<Part> parts(7, Part::train);
  parts[1] = parts[4] = Part::test;  // A@2, C+A@1
  CHECK(untold_perturbations(s, parts, labels("+")).empty());
  CHECK(untold_perturbations(s, parts, ScreenOptions()) == Names{"A@2", "C+A@1"});
  parts[6] = Part::test;  // C at any dose
  CHECK(untold_perturbations(s, parts, labels("+")) == Names{"C@1", "C@2"});
  parts[2] = parts[3] = Part::test;
  CHECK(untold_perturbations(s, parts, labels("+")) == Names{"B@1", "B@2", "C@1", "C@2"});
}
