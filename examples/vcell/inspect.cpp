#include <fmt/format.h>
#include <fmt/ranges.h>

#include "commands.hpp"
#include "vcell/io/h5ad/describe_h5ad.hpp"
#include "vcell/io/json.hpp"
#include "vcell/io/sandbox.hpp"

namespace {

vcell::Json as_json(const std::vector<vcell::H5adElement>& elements) {
  vcell::Json all{vcell::Json::Kind::array};
  for (const auto& e : elements) {
    vcell::Json& one = all.items.emplace_back();
    const auto add = [&](const char* key, const auto& value) {
      one.add(key, vcell::json_of(value));
    };
    add("path", e.path);
    add("encoding", e.encoding);
    add("shape", e.shape);
    add("dtype", e.dtype);
    add("chunks", e.chunks);
    add("filters", e.filters);
    add("stored_values", e.stored_values);
    add("stored_bytes", e.stored_bytes);
  }
  return all;
}

/// "6343 x 299", nothing for a single value.
std::string shape_text(const vcell::H5adElement& e) {
  return fmt::format("{}", fmt::join(e.shape, " x "));
}

std::string as_text(const std::vector<vcell::H5adElement>& elements) {
  size_t path = 4, encoding = 4, shape = 5;
  for (const auto& e : elements) {
    path = std::max(path, e.path.size());
    encoding = std::max(encoding, e.encoding.size());
    shape = std::max(shape, shape_text(e).size());
  }
  std::string text;
  for (const auto& e : elements) {
    std::string line = fmt::format("{:<{}}  {:<{}}  {:<{}}", e.path, path, e.encoding, encoding,
                                   shape_text(e), shape);
    if (!e.dtype.empty()) line += "  " + e.dtype;
    if (e.stored_values) line += fmt::format(", {} stored", e.stored_values);
    if (!e.filters.empty()) line += fmt::format(", {}", fmt::join(e.filters, " "));
    line.erase(line.find_last_not_of(' ') + 1);
    text += (text.empty() ? "" : "\n") + line;
  }
  return text;
}

}  // namespace

void add_inspect(CLI::App& program, Console& console) {
  auto* command =
      program.add_subcommand("inspect", "What an h5ad file holds, without reading its values");
  auto file = std::make_shared<std::string>();
  auto json = std::make_shared<bool>(false), sandbox = std::make_shared<bool>(false);
  command->add_option("file", *file, "The h5ad file")->required()->type_name("FILE");
  command->add_flag("--json", *json, "As JSON");
  command->add_flag("--sandbox", *sandbox,
                    "Read the file in a process of its own with little memory and time: for files "
                    "from strangers, which may crash HDF5");
  command->callback([file, json, sandbox, &console] {
    const auto say = [&]() -> std::string {
      const auto elements = vcell::describe_h5ad(*file);
      return *json ? vcell::json_text(as_json(elements), 2) : as_text(elements);
    };
    if (!*sandbox) return console.result(say());
    std::error_code error;
    const auto bytes = std::filesystem::file_size(*file, error);
    vcell::SandboxLimits limits;
    if (!error) limits.memory += 4.0 * double(bytes);
    console.result(vcell::in_sandbox("inspect: file " + vcell::quoted(*file), say, limits));
  });
}
