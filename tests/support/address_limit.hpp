// A limit of the address space as long as this lives: how a test runs out of memory or threads.
#pragma once

#include <sys/resource.h>

#include "support/catch.hpp"

namespace vcell_test {

class AddressLimit {
 public:
  explicit AddressLimit(size_t bytes) {
    REQUIRE(getrlimit(RLIMIT_AS, &before_) == 0);
    rlimit limit = before_;
    limit.rlim_cur = rlim_t(bytes);
    REQUIRE(setrlimit(RLIMIT_AS, &limit) == 0);
  }
  ~AddressLimit() { setrlimit(RLIMIT_AS, &before_); }
  AddressLimit(const AddressLimit&) = delete;
  AddressLimit& operator=(const AddressLimit&) = delete;

 private:
  rlimit before_{};
};

}  // namespace vcell_test
