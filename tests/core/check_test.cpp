#include "vcell/core/check.hpp"

#include <array>
#include <cmath>

#include "support/errors.hpp"
#include "vcell/core/progress.hpp"

using namespace vcell;
using vcell_test::check_error;

TEST_CASE("check: sizes and shapes", "[core]") {
  CHECK_NOTHROW(check_size_match("f", "a", 2, "b", 2));
  check_error<ShapeError>([] { check_size_match("f", "a", 2, "b", 3); },
                          {"f: a (2) and b (3) must be equal"});
  using S = std::array<size_t, 2>;
  CHECK_NOTHROW(check_shape_match("f", "a", S{1, 2}, "b", S{1, 2}));
  check_error<ShapeError>(
      [] {
        check_shape_match("f", "a", S{1, 2}, "b", S{2, 1});
      },
      {"f: ", "(1, 2)", "(2, 1)"});
}

TEST_CASE("check: indices", "[core]") {
  CHECK_NOTHROW(check_index("f", "i", 4, 5));
  check_error<ShapeError>([] { check_index("f", "i", size_t(5), 5); },
                          {"f: i is 5, expected 0 <= i < 5"});
  check_error<ShapeError>([] { check_index("f", "i", -1, 5); }, {"i is -1"});
  check_error<ShapeError>([] { check_index("f", "i", 0, 0); }, {"i is 0", "< 0"});
}

TEST_CASE("check: settings above zero", "[core]") {
  CHECK_NOTHROW(check_positive("f", "x", 1e-300));
  check_error<ConfigError>([] { check_positive("f", "x", 0); }, {"f: x is 0"});
  check_error<ConfigError>([] { check_positive("f", "x", -2); }, {"f: x is -2"});
  check_error<ConfigError>([] { check_positive("f", "x", std::nan("")); }, {"f: x is nan"});
}

TEST_CASE("progress: an empty watcher never stops", "[core]") {
  CHECK_NOTHROW(report({}, {"train", 1, 2, {}}));
  size_t seen = 0;
  const Progress watch = [&](const ProgressUpdate& update) {
    seen = update.done;
    return update.done < 3;
  };
  report(watch, {"train", 2, 5, "note"});
  CHECK(seen == 2);
  check_error<Stopped>([&] { report(watch, {"train", 3, 5, {}}); }, {"train", "3 of 5 steps"});
  check_error<Stopped>([&] { report(watch, {"read", 4, 0, {}}); }, {"read", "after 4 steps"});
}
