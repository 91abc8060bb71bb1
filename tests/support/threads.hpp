// The number of threads that vcell uses as long as this lives, and the check that it changes
// nothing.
#pragma once

#include <cstring>
#include <vector>

#include "support/catch.hpp"
#include "vcell/core/parallel_for.hpp"

namespace vcell_test {

class Threads {
 public:
  explicit Threads(int n) : before_(vcell::num_threads()) { vcell::set_num_threads(n); }
  ~Threads() { vcell::set_num_threads(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
};

/// f() returns a vector of numbers: the same bytes on 1, 2, 3 and 8 threads.
template <class F>
void check_same_on_any_threads(F f) {
  const auto run = [&](int n) {
    const Threads set(n);
    return f();
  };
  const auto one = run(1);
  CHECK_FALSE(one.empty());
  for (const int n : {2, 3, 8}) {
    const auto many = run(n);
    INFO(n << " threads");
    REQUIRE(many.size() == one.size());
    CHECK(std::memcmp(many.data(), one.data(), one.size() * sizeof one[0]) == 0);
  }
}

}  // namespace vcell_test
