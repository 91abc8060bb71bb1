#include <fmt/format.h>

#include <Eigen/Core>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "vcell/core/parallel_for.hpp"
#include "vcell/core/product_backend.hpp"
#include "vcell/version.hpp"

namespace {

nlohmann::ordered_json facts() {
  return {
    {"version", VCELL_VERSION}, {"products", vcell::product_backend()},
        {"eigen",
         fmt::format("{}.{}.{}", EIGEN_WORLD_VERSION, EIGEN_MAJOR_VERSION, EIGEN_MINOR_VERSION)},
        {"instructions", Eigen::SimdInstructionSetsInUse()}, {"threads", vcell::num_threads()},
#if defined(__clang__)
        {"compiler", "clang " __clang_version__},
#elif defined(__GNUC__)
        {"compiler", "gcc " __VERSION__},
#else
        {"compiler", "unknown"},
#endif
    {
      "devices", { "cpu" }
    }
  };
}

}  // namespace

void add_info(CLI::App& program, Console& console) {
  auto* command =
      program.add_subcommand("info", "What this program was built with and what it will use");
  auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "As JSON");
  command->callback([json, &console] {
    const auto all = facts();
    if (*json) {
      console.result(all.dump(2));
      return;
    }
    for (const auto& [name, value] : all.items())
      console.result(fmt::format("{:<14}{}", name,
                                 value.is_string() ? value.get<std::string>() : value.dump()));
  });
}
