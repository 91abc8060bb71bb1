#include <fmt/format.h>

#include <Eigen/Core>

#include "commands.hpp"
#include "cuda.hpp"
#include "vcell/core/parallel_for.hpp"
#include "vcell/core/product_backend.hpp"
#include "vcell/io/json.hpp"
#include "vcell/version.hpp"

namespace {

std::string compiler() {
#if defined(__clang__)
  return "clang " __clang_version__;
#elif defined(__GNUC__)
  return "gcc " __VERSION__;
#else
  return "unknown";
#endif
}

vcell::Json facts() {
  vcell::Json all;
  const auto add = [&](const char* key, const auto& value) { all.add(key, vcell::json_of(value)); };
  add("version", VCELL_VERSION);
  add("products", vcell::product_backend());
  add("eigen",
      fmt::format("{}.{}.{}", EIGEN_WORLD_VERSION, EIGEN_MAJOR_VERSION, EIGEN_MINOR_VERSION));
  add("instructions", Eigen::SimdInstructionSetsInUse());
  add("threads", vcell::num_threads());
  add("compiler", compiler());
  add("devices", std::vector<std::string>{"cpu"});
  return all;
}

}  // namespace

void add_info(CLI::App& program, Console& console) {
  auto* command =
      program.add_subcommand("info", "What this program was built with and what it will use");
  auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "As JSON");
  command->callback([json, &console] {
    auto all = facts();
    const auto cuda = cuda_facts();
    if (*json) {
      all.add("cuda", cuda.json);
      console.result(vcell::json_text(all, 2));
      return;
    }
    for (size_t i = 0; i < all.items.size(); ++i) {
      const vcell::Json& value = all.items[i];
      const bool is_text = value.kind == vcell::Json::Kind::text;
      console.result(
          fmt::format("{:<14}{}", all.keys[i], is_text ? value.text : vcell::json_text(value)));
    }
    for (const auto& [what, value] : cuda.lines)
      console.result(fmt::format("{:<14}{}", what, value));
  });
}
