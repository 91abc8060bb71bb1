// A host that touches the device's memory dies, and says where.
#include <fcntl.h>

#include <fstream>
#include <sstream>

#include "support/catch.hpp"
#include "support/forked.hpp"
#include "support/guarded.hpp"
#include "support/temporary_folder.hpp"

using namespace vcell;
using vcell_test::Guarded;

/// Not in a namespace without a name, so that the stack can name it.
[[gnu::noinline]] float read_on_the_host(const float* element) {
  return *const_cast<const volatile float*>(element);
}

TEST_CASE("device: to touch its memory on the host ends the program with a stack", "[device]") {
#if defined(VCELL_TEST_NO_FORK)
  VCELL_SKIP("ThreadSanitizer: a child of fork may not go on");
#else
  const vcell_test::TemporaryFolder folder;
  const std::string file = folder / "stderr";
  const Tensor<float, 1, Guarded> x({4});
  CHECK(to_host(x.view())(0) == 0);
  const auto child = vcell_test::fork_child();
  if (child == 0) {
    const int errors = ::open(file.c_str(), O_WRONLY | O_CREAT, 0600);
    if (::dup2(errors, 2) < 0 || ::dup2(errors, 1) < 0) std::_Exit(3);
    vcell_test::print_stack_of_wrong_touch();  // in place of Catch2's own handler
    std::_Exit(read_on_the_host(x.data()) == 0 ? 0 : 1);
  }
  CHECK(vcell_test::status_of(child) == -SIGSEGV);
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  CHECK_THAT(text.str(), vcell_test::contains("memory was touched that may not be"));
  CHECK_THAT(text.str(), vcell_test::contains("read_on_the_host"));
#endif
}
