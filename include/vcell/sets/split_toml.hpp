#pragma once

#include <toml++/toml.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/io/atomic_file.hpp"
#include "vcell/io/path_in_file.hpp"
#include "vcell/io/toml_text.hpp"
#include "vcell/sets/near_names.hpp"
#include "vcell/sets/split_spec.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Reads a split from parsed TOML; every error names the file, the line and what was expected.
class SplitReader {
 public:
  explicit SplitReader(std::string_view source, std::vector<std::string>* remarks = nullptr)
      : source_(source), remarks_(remarks) {}

  template <class = void>
  SplitSpec read(const toml::table& root) const {
    SplitSpec spec;
    for (const auto& [key, node] : root) {
      const std::string name(key.str());
      if (std::find(tables().begin(), tables().end(), name) == tables().end()) {
        not_a_table_of_ours(node, name);
        continue;
      }
      const toml::table& entries = table(node, message('[', name, ']'));
      if (name == "datasets")
        for (const auto& [k, v] : entries)
          spec.datasets[std::string(k.str())] = text(v, k.str(), "a path in quotes");
      else if (name == "training")
        read_training(entries, spec);
      else if (name == "zeroshot")
        for (const auto& [k, v] : entries) spec.zeroshot[std::string(k.str())] = part(v, k.str());
      else if (name == "fewshot")
        for (const auto& [k, v] : entries)
          spec.fewshot[std::string(k.str())] = held_out(table(v, quoted(k.str())), k.str());
      else if (name == "controls")
        read_controls(entries, spec);
      else
        read_cells_table(entries, spec);
    }
    if (!spec.column.empty() && !(spec.zeroshot.empty() && spec.fewshot.empty()))
      throw FormatError(message("read_split: ", source_, ": [cells] column is ",
                                quoted(spec.column), ", which says the part of every cell, and ",
                                "[zeroshot] or [fewshot] says it, too; leave one of them out"));
    if (!spec.column.empty() && root["controls"].is_table() &&
        root["controls"].as_table()->size() > 1)
      throw FormatError(message("read_split: ", source_, ": [cells] column is ",
                                quoted(spec.column), ", which says the part of every control; ",
                                "leave val, test and seed out of [controls]"));
    if (spec.datasets.empty())
      throw FormatError(message("read_split: ", source_, ": [datasets] is absent or empty, ",
                                "expected lines like name = \"file.h5ad\""));
    return spec;
  }

 private:
  static const std::vector<std::string>& tables() {
    static const std::vector<std::string> names = {"datasets", "training", "zeroshot",
                                                   "fewshot",  "cells",    "controls"};
    return names;
  }

  template <class... Parts>
  [[noreturn]] void fail_at(const toml::node& node, const Parts&... parts) const {
    throw FormatError(
        message("read_split: ", source_, ", line ", node.source().begin.line, ": ", parts...));
  }

  template <class... Parts>
  void remark_at(const toml::node& node, const Parts&... parts) const {
    if (remarks_)
      remarks_->push_back(message(source_, ", line ", node.source().begin.line, ": ", parts...));
  }

  /// cell-load's files may say more than the split, which cell-load reads for other ends or not at
  /// all. A name that is nearly one of ours is a slip: to leave it out could train on test cells.
  template <class = void>
  void not_a_table_of_ours(const toml::node& node, const std::string& name) const {
    const auto meant = near_names(name, tables(), 1);
    if (!meant.empty())
      fail_at(node, quoted(name), " is not known, did you mean [", meant[0],
              "]? Expected [datasets], [training], [zeroshot], [fewshot.\"dataset.context\"], ",
              "[cells] or [controls]");
    remark_at(node, quoted(name), " says nothing of a split and is left out");
  }

  template <class = void>
  const toml::table& table(const toml::node& node, std::string_view what) const {
    if (!node.is_table()) fail_at(node, what, " must be a table");
    return *node.as_table();
  }

  template <class = void>
  std::string text(const toml::node& node, std::string_view key, std::string_view expected) const {
    if (!node.is_string()) fail_at(node, quoted(key), ": expected ", expected);
    return node.as_string()->get();
  }

  template <class = void>
  void read_training(const toml::table& entries, SplitSpec& spec) const {
    for (const auto& [k, v] : entries) {
      if (text(v, k.str(), "\"train\"") != "train")
        fail_at(v, "[training] ", quoted(k.str()), ": expected \"train\"");
      spec.training.emplace(k.str());
    }
  }

  template <class = void>
  Part part(const toml::node& node, std::string_view key) const {
    if (node.is_table())
      fail_at(node, "[zeroshot] ", quoted(key), " is a table; write the key in quotes, as ",
              "\"dataset.context\" = \"test\"");
    const std::string value = text(node, key, "\"train\", \"val\" or \"test\"");
    if (value == "train") return Part::train;
    if (value == "val") return Part::validation;
    if (value == "test") return Part::test;
    fail_at(node, "[zeroshot] ", quoted(key), " is ", quoted(value),
            ", expected train, val or test");
  }

  template <class = void>
  HeldOutPerturbations held_out(const toml::table& entries, std::string_view key) const {
    HeldOutPerturbations held;
    for (const auto& [k, v] : entries) {
      if (k.str() != "val" && k.str() != "test")
        fail_at(v, "[fewshot] ", quoted(key), " has ", quoted(k.str()), ", expected val or test; ",
                "the key is written in quotes, as [fewshot.\"dataset.context\"]");
      auto& names = k.str() == "val" ? held.validation : held.test;
      if (!v.is_array()) fail_at(v, "[fewshot] ", quoted(key), ": expected a list of names");
      for (const toml::node& name : *v.as_array())
        names.push_back(text(name, key, "a list of names in quotes"));
    }
    return held;
  }

  void read_cells_table(const toml::table& entries, SplitSpec& spec) const {
    HeldOutCells held;
    for (const auto& [k, v] : entries) {
      if (k.str() == "column") {
        spec.column = text(v, k.str(), "the name of an obs column in quotes");
        if (spec.column.empty() || entries.size() > 1)
          fail_at(v, "[cells] column is ", quoted(spec.column), ", expected the name of an obs ",
                  "column, and nothing beside it");
        return;
      }
      if (k.str() == "seed") {
        if (!v.is_integer() || v.as_integer()->get() < 0)
          fail_at(v, "[cells] seed: expected a whole number, not negative");
        held.seed = uint64_t(v.as_integer()->get());
      } else if (k.str() == "val" || k.str() == "test") {
        if (!v.is_number()) fail_at(v, "[cells] ", k.str(), ": expected a fraction of the cells");
        (k.str() == "val" ? held.validation : held.test) = *v.value<double>();
      } else {
        fail_at(v, "[cells] has ", quoted(k.str()), ", expected val, test or seed; or column");
      }
    }
    spec.cells = held;
  }

  void read_controls(const toml::table& entries, SplitSpec& spec) const {
    HeldOutControls held;
    const toml::node* shares = nullptr;
    bool disjoint = false;
    for (const auto& [k, v] : entries) {
      if (k.str() == "parts") {
        const std::string use = text(v, k.str(), "\"shared\" or \"disjoint\"");
        disjoint = use == "disjoint";
        if (!disjoint && use != "shared")
          fail_at(v, "[controls] parts is ", quoted(use), ", expected shared or disjoint");
        continue;
      }
      shares = &v;
      if (k.str() == "seed") {
        if (!v.is_integer() || v.as_integer()->get() < 0)
          fail_at(v, "[controls] seed: expected a whole number, not negative");
        held.seed = uint64_t(v.as_integer()->get());
      } else if (k.str() == "val" || k.str() == "test") {
        if (!v.is_number())
          fail_at(v, "[controls] ", k.str(), ": expected a share of the control cells");
        (k.str() == "val" ? held.validation : held.test) = *v.value<double>();
      } else {
        fail_at(v, "[controls] has ", quoted(k.str()), ", expected parts, val, test or seed");
      }
    }
    if (!disjoint && shares)
      fail_at(*shares, "[controls] has shares, which parts = \"disjoint\" alone asks for; add it");
    if (disjoint) spec.controls = held;
  }

  std::string source_;
  std::vector<std::string>* remarks_;
};

/// A part as a value of [zeroshot].
template <class = void>
std::string_view zeroshot_value(const std::string& key, Part part) {
  if (part == Part::train) return "\"train\"";
  if (part == Part::validation) return "\"val\"";
  if (part == Part::test) return "\"test\"";
  throw ConfigError(message("format_split: [zeroshot] ", quoted(key), " is ", name_of(part),
                            ", expected train, validation or test"));
}

template <class = void>
void check_toml_seed(const char* table, uint64_t seed) {
  if (seed > uint64_t(std::numeric_limits<int64_t>::max()))
    throw ConfigError(message("format_split: the seed of ", table, " is ", seed,
                              ", expected less than 2^63, which TOML can hold"));
}

}  // namespace detail

/// Reads a split from TOML text: the tables of State's files, [datasets], [training], [zeroshot]
/// and [fewshot."dataset.context"], [cells] and [controls] of our own (see format_split).
/// @param source   what the text is called in messages, e.g. the file
/// @param remarks  if given, gets a line for everything else that the text says and that is left
///                 out, as `h5ad_csv_path` of cell-load; a name that is nearly one of a table is an
///                 error
/// @throws FormatError naming source, line and what was expected
template <class = void>
SplitSpec parse_split(std::string_view text, std::string_view source = "split",
                      std::vector<std::string>* remarks = nullptr) {
  toml::table root;
  try {
    root = toml::parse(text, source);
  } catch (const toml::parse_error& error) {
    throw FormatError(message("read_split: ", source, ", line ", error.source().begin.line, ": ",
                              error.description()));
  }
  return detail::SplitReader(source, remarks).read(root);
}

/// A split as TOML text. Names are in sorted order, lists as they are: equal splits give equal
/// bytes, and parse_split reads back the same split.
///
///   [datasets]
///   screen = "screen.h5ad"
///
///   [training]
///   screen = "train"
///
///   [fewshot."screen.rep_3"]
///   test = ["STAT1"]
///
/// A split by cells has a table that State does not know: of every training (context,
/// perturbation), these fractions of its cells, drawn by the seed (see hold_out_cells):
///
///   [cells]
///   test = 0.2
///   seed = 42
///
/// A split whose parts are those of an obs column (read_split_column) has that instead:
///
///   [cells]
///   column = "split"
///
/// Either may keep controls apart: with a column as that says, else in these shares of each
/// context's (hold_out_controls):
///
///   [controls]
///   parts = "disjoint"
///   val = 0.16
///   test = 0.2
///   seed = 42
///
/// @throws ConfigError if a seed is 2^63 or more, which TOML cannot hold, or a zero-shot context
///         is unused
template <class = void>
std::string format_split(const SplitSpec& spec) {
  std::string out = "[datasets]\n";
  for (const auto& [name, path] : spec.datasets)
    out += message(toml_key(name), " = ", toml_string(path), '\n');
  out += "\n[training]\n";
  for (const std::string& name : spec.training) out += message(toml_key(name), " = \"train\"\n");
  if (!spec.zeroshot.empty()) out += "\n[zeroshot]\n";
  for (const auto& [key, part] : spec.zeroshot)
    out += message(toml_key(key), " = ", detail::zeroshot_value(key, part), '\n');
  for (const auto& [key, held] : spec.fewshot) {
    out += message("\n[fewshot.", toml_key(key), "]\n");
    if (!held.validation.empty()) out += message("val = ", toml_list(held.validation), '\n');
    if (!held.test.empty()) out += message("test = ", toml_list(held.test), '\n');
  }
  if (!spec.column.empty()) out += message("\n[cells]\ncolumn = ", toml_string(spec.column), '\n');
  if (spec.column.empty() && spec.cells) {
    detail::check_toml_seed("[cells]", spec.cells->seed);
    out += "\n[cells]\n";
    if (spec.cells->validation != 0) out += message("val = ", spec.cells->validation, '\n');
    if (spec.cells->test != 0) out += message("test = ", spec.cells->test, '\n');
    out += message("seed = ", spec.cells->seed, '\n');
  }
  if (spec.controls) {
    out += "\n[controls]\nparts = \"disjoint\"\n";
    if (spec.column.empty()) {
      detail::check_toml_seed("[controls]", spec.controls->seed);
      out += message("val = ", spec.controls->validation, "\ntest = ", spec.controls->test,
                     "\nseed = ", spec.controls->seed, '\n');
    }
  }
  return out;
}

/// Reads a split from a TOML file (see parse_split).
/// @param base  the folder where relative paths of its data sets begin; empty: the file's own
/// @throws IoError if it cannot be read
/// @throws FormatError naming the file, the line and what was expected
template <class = void>
SplitSpec read_split(const std::filesystem::path& path, std::vector<std::string>* remarks = nullptr,
                     const std::filesystem::path& base = {}) {
  SplitSpec spec = parse_split(read_text(path), path.string(), remarks);
  for (auto& [name, file] : spec.datasets)
    file = path_in_file(base.empty() ? path : base / "split", file);
  return spec;
}

/// Writes a split as a TOML file (see format_split), whole or not at all.
/// @throws IoError if it cannot be written
template <class = void>
void write_split(const std::filesystem::path& path, const SplitSpec& spec) {
  write_text(path, format_split(spec));
}

VCELL_INSTANTIATE(files, SplitSpec parse_split<void>(std::string_view, std::string_view,
                                                     std::vector<std::string>*));
VCELL_INSTANTIATE(files, std::string format_split<void>(const SplitSpec&));
VCELL_INSTANTIATE(files, SplitSpec read_split<void>(const std::filesystem::path&,
                                                    std::vector<std::string>*,
                                                    const std::filesystem::path&));
VCELL_INSTANTIATE(files, void write_split<void>(const std::filesystem::path&, const SplitSpec&));

VCELL_END_NAMESPACE
