// The main of every test executable. Its exit status is 77 where nothing failed and a test case was
// skipped: ctest shows that as skipped, and a failure after a skip stays a failure.
#define CATCH_CONFIG_RUNNER
#include "support/catch.hpp"

int main(int argc, char** argv) {
  const int failed = Catch::Session().run(argc, argv);
  return failed != 0 ? failed : vcell_test::skipped ? 77 : 0;
}
