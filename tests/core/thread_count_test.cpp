#include "vcell/core/thread_count.hpp"

#include "support/environment.hpp"
#include "support/errors.hpp"

using namespace vcell;
using vcell_test::check_error, vcell_test::Environment;

TEST_CASE("thread_count: VCELL_NUM_THREADS is what counts", "[core]") {
  const Environment threads("VCELL_NUM_THREADS", "3");
  const Environment slurm("SLURM_CPUS_PER_TASK", "1");
  CHECK(default_num_threads() == 3);
}

TEST_CASE("thread_count: SLURM_CPUS_PER_TASK is an upper limit", "[core]") {
  const Environment threads("VCELL_NUM_THREADS", nullptr);
  {
    const Environment slurm("SLURM_CPUS_PER_TASK", "1");
    CHECK(default_num_threads() == 1);
  }
  const Environment slurm("SLURM_CPUS_PER_TASK", "100000");
  const int here = default_num_threads();
  CHECK(here >= 1);
  CHECK(here <= detail::affinity_threads());
}

TEST_CASE("thread_count: an empty variable is not set", "[core]") {
  const Environment threads("VCELL_NUM_THREADS", "");
  const Environment slurm("SLURM_CPUS_PER_TASK", nullptr);
  CHECK(default_num_threads() >= 1);
}

TEST_CASE("thread_count: what is no whole number is an error", "[core]") {
  for (const char* text : {"0", "-1", "two", "2 ", " 2", "2.5", "99999999999999999999"}) {
    const Environment threads("VCELL_NUM_THREADS", text);
    check_error<ConfigError>([] { default_num_threads(); }, {"VCELL_NUM_THREADS", text});
  }
}
