#include "vcell/train/event_log.hpp"

#include <map>

#include "support/catch.hpp"
#include "support/events.hpp"
#include "support/temporary_folder.hpp"

using namespace vcell;
using namespace vcell_test;

TEST_CASE("event_log: the numbers of a row under their tags, those that there are", "[train]") {
  const TemporaryFolder folder;
  EventLog log(folder.path());
  log.add({1, 0.5, std::nullopt, 1e-3, 7});
  log.add({2, 0.25, 0.75, 1e-4, 3, 1, -0.5, 0.625});
  std::map<uint64_t, std::map<std::string, float>> found;
  for (const Event& event : read_events(folder.path() / "events.out.tfevents.0000000001.vcell"))
    if (event.version.empty()) found[event.step][event.tag] = event.value;
  using Tags = std::map<std::string, float>;
  CHECK(found[1] ==
        Tags{{"train/loss", 0.5f}, {"train/learning_rate", 1e-3f}, {"train/gradient_norm", 7}});
  CHECK(found[2] == Tags{{"train/loss", 0.25f},
                         {"train/learning_rate", 1e-4f},
                         {"train/gradient_norm", 3},
                         {"validation/loss", 0.75f},
                         {"validation/pearson_delta", -0.5f},
                         {"validation/discrimination", 0.625f}});
}
