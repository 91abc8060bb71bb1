#pragma once

#include <toml++/toml.h>

#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/io/atomic_file.hpp"
#include "vcell/io/path_in_file.hpp"
#include "vcell/io/toml_text.hpp"
#include "vcell/sets/near_names.hpp"
#include "vcell/train/choices.hpp"
#include "vcell/train/presets.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Reads an experiment from parsed TOML; every error names the file, the line and what was
/// expected.
/// @tparam E  Experiment, or what has more kinds of model
template <class E = Experiment>
class ExperimentReader {
 public:
  ExperimentReader(const toml::table& root, std::string_view source)
      : root_(root), source_(source) {}

  template <class = void>
  E read() const {
    E e;
    // The kind first: it says which settings there are. A preset may say it.
    const toml::node* const kind = root_["model"]["kind"].node();
    if (kind) read_field(*kind, title("model", "kind"), e.kind);
    std::string preset;
    if (const toml::node* node = root_.get("preset")) read_field(*node, "'preset'", preset);
    if (const auto kinds = preset_kinds(preset); !kind && !kinds.empty())
      e.kind = *choice_of<decltype(e.kind)>(name_of_choice(kinds[0]));
    check_names(e);
    if (!preset.empty()) static_cast<Experiment&>(e) = published(preset, e);
    // Older files know neither.
    if (!root_["model"]["anchor"]) e.model.anchor = Anchor::none;
    if (!root_["training"]["ensemble"]) e.ensemble = 1;
    // Steps that the file says stand above the epochs of its preset.
    if (root_["training"]["max_steps"]) e.embedding.epochs = 0;
    visit_experiment(e, [&](std::string_view table, std::string_view key, auto& field, auto) {
      const toml::table* entries = table.empty() ? &root_ : root_[table].as_table();
      const toml::node* node = entries ? entries->get(key) : nullptr;
      if (node) read_field(*node, table.empty() ? quoted(key) : title(table, key), field);
    });
    // Of a preset, which has no decoder by itself.
    if (e.model.decoder != GeneDecoderKind::none && !root_["model"]["decoder_widths"])
      e.model.decoder_widths = preset_decoder_widths(preset);
    return e;
  }

 private:
  template <class = void>
  static std::string title(std::string_view table, std::string_view key) {
    return message('[', table, "] ", quoted(key));
  }
  template <class... Parts>
  [[noreturn]] void fail_at(const toml::node& node, const Parts&... parts) const {
    throw FormatError(
        message("read_experiment: ", source_, ", line ", node.source().begin.line, ": ", parts...));
  }

  /// The preset, of e's kind.
  template <class = void>
  Experiment published(const std::string& preset, const E& e) const {
    const auto kinds = preset_kinds(preset);
    if (kinds.empty()) return experiment_preset(preset);  // which says so
    for (const ModelKind kind : kinds)
      if (name_of_choice(kind) == name_of_choice(e.kind)) return experiment_preset(preset, kind);
    fail_at(*root_.get("preset"), "the preset ", quoted(preset), " is of [model] kind ",
            quoted(name_of_choice(kinds[0])), ", and the kind here is ",
            quoted(name_of_choice(e.kind)));
  }

  using Names = std::map<std::string, std::vector<std::string>>;  // by table; "" has the tables too

  /// The names of all settings of an experiment of e's kind.
  template <class = void>
  static Names names_of(const E& e) {
    Names out;
    visit_experiment(e, [&](const char* table, const char* key, const auto&, auto) {
      if (*table && !out.contains(table)) out[""].push_back(table);
      out[table].push_back(key);
    });
    return out;
  }
  template <class = void>
  static bool has(const Names& names, const std::string& table, std::string_view key) {
    const auto found = names.find(table);
    return found != names.end() &&
           std::find(found->second.begin(), found->second.end(), key) != found->second.end();
  }

  /// Every name of the file must be one of the settings', and of this kind of model.
  template <class = void>
  void check_names(const E& e) const {
    const Names known = names_of(e);
    check_table(root_, "", known, e);
    for (const auto& [key, node] : root_)
      if (const std::string table(key.str()); known.contains(table)) {
        if (!node.is_table()) fail_at(node, quoted(table), " must be a table");
        check_table(*node.as_table(), table, known, e);
      }
  }
  template <class = void>
  void check_table(const toml::table& entries, const std::string& table, const Names& known,
                   const E& e) const {
    const std::string where = table.empty() ? "" : message('[', table, "] ");
    for (const auto& [name, node] : entries) {
      const std::string key(name.str());
      if (has(known, table, key)) continue;
      std::vector<std::string> kinds;
      visit_kinds(e, [&](auto kind, const auto&) {
        E other;
        other.kind = kind;
        if (has(names_of(other), table, key)) kinds.emplace_back(name_of_choice(kind));
      });
      if (!kinds.empty())
        fail_at(node, where, quoted(key), " belongs to [model] kind ", list_of(kinds),
                ", and the kind here is ", quoted(name_of_choice(e.kind)));
      fail_at(node, where, quoted(key), " is no setting; ", names_there({key}, known.at(table)));
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
  void read_field(const toml::node& node, const std::string& name, std::vector<T>& field) const {
    constexpr bool texts = std::is_same_v<T, std::string>;
    if (!node.is_array())
      fail_at(node, name, ": expected a list of ", texts ? "names in quotes" : "numbers");
    field.clear();
    for (const toml::node& entry : *node.as_array()) read_field(entry, name, field.emplace_back());
  }
  /// Whole numbers and settings with a few choices.
  template <class T>
  void read_field(const toml::node& node, const std::string& name, T& field) const {
    if constexpr (std::is_enum_v<T>) {
      std::string text;
      read_field(node, name, text);
      const auto choice = choice_of<T>(text);
      if (!choice)
        fail_at(node, name, " is ", quoted(text), ", expected one of ", list_of(choice_names<T>()));
      field = *choice;
    } else {
      static_assert(std::is_unsigned_v<T>);
      if (!node.is_integer() || node.as_integer()->get() < 0)
        fail_at(node, name, ": expected a whole number, not negative");
      field = T(node.as_integer()->get());
    }
  }
  /// Empty text stands for nothing.
  template <class T>
  void read_field(const toml::node& node, const std::string& name, std::optional<T>& field) const {
    field.reset();
    if (!node.is_string() || !node.as_string()->get().empty())
      read_field(node, name, field.emplace());
  }

  const toml::table& root_;
  std::string source_;
};

inline std::string toml_value(const std::string& value) { return toml_string(value); }
template <class T>
std::string toml_value(const T& value) {
  if constexpr (std::is_enum_v<T>)
    return toml_string(name_of_choice(value));
  else
    return message(value);
}
template <class T>
std::string toml_value(const std::vector<T>& value) {
  std::string out = "[";
  for (const T& item : value) out += (out.size() > 1 ? ", " : "") + toml_value(item);
  return out + "]";
}
template <class T>
std::string toml_value(const std::optional<T>& value) {
  return value ? toml_value(*value) : "\"\"";
}

}  // namespace detail

/// Reads an experiment from TOML text. What it does not say has the default of its preset, or of
/// `vcell run` without one.
/// @param source  what the text is called in messages, e.g. the file
/// @throws FormatError naming source, line and what was expected; for an unknown setting those that
///         may have been meant
/// @throws ConfigError if there is no such preset or a value is out of its range
template <class = void>
Experiment parse_experiment(std::string_view text, std::string_view source = "experiment") {
  toml::table root;
  try {
    root = toml::parse(text, source);
  } catch (const toml::parse_error& error) {
    throw FormatError(message("read_experiment: ", source, ", line ", error.source().begin.line,
                              ": ", error.description()));
  }
  const Experiment e = detail::ExperimentReader<>(root, source).read();
  check_experiment(e);
  return e;
}

/// An experiment as TOML text with every setting, which parse_experiment reads back to the same.
/// @throws ConfigError if the seed is 2^63 or more, which TOML cannot hold
template <class = void>
std::string format_experiment(const Experiment& e) {
  if (e.training.seed > uint64_t(std::numeric_limits<int64_t>::max()))
    throw ConfigError(message("format_experiment: the seed is ", e.training.seed,
                              ", expected less than 2^63, which TOML can hold"));
  std::string out;
  std::string_view last;
  visit_experiment(
      e, [&](std::string_view table, const char* key, const auto& field, std::string_view help) {
        if (table != last) out += message("\n[", table, "]\n");
        last = table;
        std::string line = message(key, " = ", detail::toml_value(field));
        if (!help.empty()) {
          line.resize(std::max<size_t>(line.size(), 32), ' ');
          line += message("  # ", help);
        }
        out += line + '\n';
      });
  return out;
}

/// Reads an experiment from a TOML file (see parse_experiment). Relative paths in it begin at its
/// folder.
template <class = void>
Experiment read_experiment(const std::filesystem::path& path) {
  Experiment e = parse_experiment(read_text(path), path.string());
  for (auto* named : paths_of(e)) *named = path_in_file(path, *named);
  return e;
}

/// Writes an experiment as a TOML file (see format_experiment), whole or not at all.
template <class = void>
void write_experiment(const std::filesystem::path& path, const Experiment& e) {
  write_text(path, format_experiment(e));
}

VCELL_INSTANTIATE(files, Experiment parse_experiment<void>(std::string_view, std::string_view));
VCELL_INSTANTIATE(files, std::string format_experiment<void>(const Experiment&));
VCELL_INSTANTIATE(files, Experiment read_experiment<void>(const std::filesystem::path&));
VCELL_INSTANTIATE(files,
                  void write_experiment<void>(const std::filesystem::path&, const Experiment&));

VCELL_END_NAMESPACE
