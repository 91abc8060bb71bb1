// The number of threads that vcell uses as long as this lives.
#pragma once

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

}  // namespace vcell_test
