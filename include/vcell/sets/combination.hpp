#pragma once

#include <algorithm>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vcell/core/error.hpp"
#include "vcell/core/message.hpp"
#include "vcell/sets/part.hpp"
#include "vcell/sets/screen.hpp"
#include "vcell/sets/split.hpp"

VCELL_BEGIN_NAMESPACE

/// The perturbation and dose of a label, where doses were declared; nothing for the control, and
/// for a name without a dose.
template <class = void>
std::optional<Dosed> dose_of(const std::string& label, const ScreenOptions& labels) {
  if (labels.dose_key.empty() || label == labels.control) return std::nullopt;
  return dose_in(label);
}

/// The parts of a combination, as A and B of A+B. A part that is the control does nothing and is
/// left out. Those of a combination at a dose have that dose: A@2 and B@2 of A+B@2.
/// @param labels  with the separator that was declared; without one nothing is a combination
/// @return        empty where the name is of one perturbation
/// @throws ConfigError if a part has no name
template <class = void>
std::vector<std::string> parts_of(const std::string& name, const ScreenOptions& labels) {
  const std::string& separator = labels.combination_separator;
  if (const auto dosed = separator.empty() ? std::nullopt : dose_of(name, labels)) {
    auto pieces = parts_of(dosed->name, labels);
    for (std::string& piece : pieces) piece = label_of({piece, dosed->dose});
    return pieces;
  }
  std::vector<std::string> out;
  if (separator.empty() || name == labels.control || name.find(separator) == name.npos) return out;
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find(separator, begin), name.size());
    if (end == begin)
      throw ConfigError(message("parts_of: the combination ", quoted(name),
                                " has a part without a name; [data] combination_separator is ",
                                quoted(separator)));
    if (auto part = name.substr(begin, end - begin); part != labels.control)
      out.push_back(std::move(part));
    begin = end + separator.size();
  }
  if (out.empty())
    throw ConfigError(message("parts_of: the combination ", quoted(name),
                              " is of controls alone; label it as the control"));
  return out;
}

/// The names that are no combinations, and the parts of those that are, all without doses; each
/// once, sorted where parts come on top.
template <class = void>
std::vector<std::string> singles(const std::vector<std::string>& names,
                                 const ScreenOptions& labels) {
  std::vector<std::string> out, more;
  const auto without_dose = [&](const std::string& name) {
    const auto dosed = dose_of(name, labels);
    return dosed ? dosed->name : name;
  };
  std::set<std::string> there;
  for (const std::string& name : names) {
    const auto pieces = parts_of(name, labels);
    if (pieces.empty())
      if (auto single = without_dose(name); there.insert(single).second) out.push_back(single);
    for (const std::string& piece : pieces) more.push_back(without_dose(piece));
  }
  std::sort(more.begin(), more.end());
  for (std::string& name : more)
    if (std::find(out.begin(), out.end(), name) == out.end()) out.push_back(std::move(name));
  return out;
}

/// Perturbations with cells held out that nothing trained says anything of: unseen_perturbations,
/// where for a combination those of its parts count that do not train alone. One at a dose is told
/// of by its other doses.
/// @param parts  (cells)
template <class = void>
std::vector<std::string> untold_perturbations(const Screen& screen, std::span<const Part> parts,
                                              const ScreenOptions& labels) {
  const auto unseen = unseen_perturbations(screen, parts);
  std::vector<uint8_t> trained(screen.perturbation.names.size(), 0);
  for (size_t i = 0; i < parts.size(); ++i)
    if (parts[i] == Part::train) trained[size_t(screen.perturbation.codes[i])] = 1;
  std::set<std::string> dosed;  // what trains at any dose
  for (size_t code = 0; code < trained.size(); ++code)
    if (const auto found = dose_of(screen.perturbation.names[code], labels); found && trained[code])
      dosed.insert(found->name);
  std::vector<std::string> out;
  const auto add = [&](const std::string& name) {
    if (const auto found = dose_of(name, labels); found && dosed.contains(found->name)) return;
    if (std::find(out.begin(), out.end(), name) == out.end()) out.push_back(name);
  };
  for (const std::string& name : unseen) {
    const auto pieces = parts_of(name, labels);
    if (pieces.empty()) add(name);
    for (const std::string& piece : pieces)
      if (const int32_t code = screen.perturbation.code(piece); code < 0 || !trained[size_t(code)])
        add(piece);
  }
  return out;
}

VCELL_END_NAMESPACE
