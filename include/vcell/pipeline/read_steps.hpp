#pragma once

#include <toml++/toml.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/io/atomic_file.hpp"
#include "vcell/pipeline/preprocess_steps.hpp"
#include "vcell/sets/near_names.hpp"
#include "vcell/train/choices.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Reads steps from parsed TOML; every error names the file, the line and what was expected.
class StepReader {
 public:
  explicit StepReader(std::string_view source) : source_(source) {}

  template <class = void>
  PreprocessSteps read(const toml::table& root) const {
    for (const auto& [key, node] : root)
      if (key.str() != "step")
        fail_at(node, quoted(key.str()), " is not known, expected tables [[step]] alone; options ",
                "stand below the [[step]] that they are of");
    const toml::array* tables = root["step"].as_array();
    if (!tables || tables->empty())
      throw FormatError(message("read_steps: ", source_, ": there are no steps, expected tables ",
                                "like [[step]] with name = \"filter_cells\""));
    PreprocessSteps out;
    for (const toml::node& node : *tables) {
      if (!node.is_table()) fail_at(node, "'step' holds no table, expected [[step]]");
      out.push_back(step(*node.as_table()));
    }
    return out;
  }

 private:
  template <class... Parts>
  [[noreturn]] void fail_at(const toml::node& node, const Parts&... parts) const {
    throw FormatError(
        message("read_steps: ", source_, ", line ", node.source().begin.line, ": ", parts...));
  }

  template <size_t i = 0>
  static PreprocessStep default_step(size_t index) {
    if constexpr (i + 1 < std::variant_size_v<PreprocessStep>)
      if (index != i) return default_step<i + 1>(index);
    return PreprocessStep(std::in_place_index<i>);
  }

  template <class = void>
  PreprocessStep step(const toml::table& table) const {
    const toml::node* name = table.get("name");
    if (!name)
      fail_at(table, "this [[step]] has no name, expected one like name = \"filter_cells\"");
    if (!name->is_string()) fail_at(*name, "'name': expected text in quotes");
    const std::string& text = name->as_string()->get();
    const std::vector<std::string> names(std::begin(step_names), std::end(step_names));
    const auto found = std::find(names.begin(), names.end(), text);
    if (found == names.end())
      fail_at(*name, quoted(text), " is no step; ", names_there({text}, names));
    PreprocessStep out = default_step(size_t(found - names.begin()));
    std::visit([&](auto& options) { read_options(table, text, options); }, out);
    return out;
  }

  template <class O>
  void read_options(const toml::table& table, const std::string& step, O& options) const {
    std::vector<std::string> names;
    visit_fields(options, [&](const char* name, auto& field) {
      names.push_back(name);
      const toml::node* node = table.get(name);
      if (node) read_field(*node, message(step, ": ", quoted(name)), field);
      return node != nullptr;
    });
    for (const auto& [key, node] : table) {
      const std::string given(key.str());
      if (given == "name" || std::find(names.begin(), names.end(), given) != names.end()) continue;
      if (names.empty()) fail_at(node, step, ": ", quoted(given), " is no option, it has none");
      fail_at(node, step, ": ", quoted(given), " is no option; ", names_there({given}, names));
    }
  }

  template <class = void>
  void read_field(const toml::node& node, const std::string& name, std::string& field) const {
    if (!node.is_string()) fail_at(node, name, ": expected text in quotes");
    field = node.as_string()->get();
  }
  template <class = void>
  void read_field(const toml::node& node, const std::string& name, bool& field) const {
    if (!node.is_boolean()) fail_at(node, name, ": expected true or false");
    field = node.as_boolean()->get();
  }
  template <class = void>
  void read_field(const toml::node& node, const std::string& name, double& field) const {
    if (!node.is_number()) fail_at(node, name, ": expected a number");
    field = *node.value<double>();
  }
  template <class T>
  requires std::is_enum_v<T>
  void read_field(const toml::node& node, const std::string& name, T& field) const {
    std::string text;
    read_field(node, name, text);
    const auto choice = choice_of<T>(text);
    if (!choice)
      fail_at(node, name, " is ", quoted(text), ", expected one of ", list_of(choice_names<T>()));
    field = *choice;
  }
  template <class T>
  requires(std::is_unsigned_v<T> &&
           !std::is_same_v<T, bool>) void read_field(const toml::node& node,
                                                     const std::string& name, T& field) const {
    if (!node.is_integer() || node.as_integer()->get() < 0)
      fail_at(node, name, ": expected a whole number, not negative");
    field = T(node.as_integer()->get());
  }
  template <class T>
  void read_field(const toml::node& node, const std::string& name, std::optional<T>& field) const {
    read_field(node, name, field.emplace());
  }
  template <class T>
  void read_field(const toml::node& node, const std::string& name, std::vector<T>& field) const {
    if (!node.is_array()) fail_at(node, name, ": expected a list in brackets");
    field.clear();
    for (const toml::node& item : *node.as_array()) read_field(item, name, field.emplace_back());
  }

  std::string source_;
};

}  // namespace detail

/// Reads steps from TOML text: a table [[step]] for each, in their order, with its name, that of
/// its function, and the options that are not the default, by the names of their fields:
///
///   [[step]]
///   name = "filter_cells"
///   min_genes = 200
///
/// @param source  what the text is called in messages, e.g. the file
/// @throws FormatError naming source, line and what was expected; for an unknown step or option
///         those that may have been meant
template <class = void>
PreprocessSteps parse_steps(std::string_view text, std::string_view source = "steps") {
  toml::table root;
  try {
    root = toml::parse(text, source);
  } catch (const toml::parse_error& error) {
    throw FormatError(message("read_steps: ", source, ", line ", error.source().begin.line, ": ",
                              error.description()));
  }
  return detail::StepReader(source).read(root);
}

/// Reads steps from a TOML file (see parse_steps).
/// @throws IoError if it cannot be read, FormatError as parse_steps
template <class = void>
PreprocessSteps read_steps(const std::filesystem::path& path) {
  return parse_steps(read_text(path), path.string());
}

VCELL_INSTANTIATE(folders, PreprocessSteps parse_steps<void>(std::string_view, std::string_view));

VCELL_END_NAMESPACE
