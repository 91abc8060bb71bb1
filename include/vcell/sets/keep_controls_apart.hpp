#pragma once

#include <span>
#include <string>
#include <vector>

#include "vcell/sets/screen.hpp"

VCELL_BEGIN_NAMESPACE

/// The contexts that have perturbed cells of a part and no control of that part, so that nothing
/// can be paired there once controls are kept apart; by name.
/// @param parts  (cells)
template <class = void>
std::vector<std::string> contexts_lacking_controls(const Screen& screen,
                                                   std::span<const Part> parts, Part part) {
  check_size_match("contexts_lacking_controls", "parts", parts.size(), "cells", screen.cells());
  std::vector<uint8_t> perturbed(screen.context.names.size()), controls(perturbed.size());
  for (size_t i = 0; i < parts.size(); ++i)
    if (parts[i] == part)
      (screen.is_control(i) ? controls : perturbed)[size_t(screen.context.codes[i])] = 1;
  std::vector<std::string> out;
  for (size_t c = 0; c < perturbed.size(); ++c)
    if (perturbed[c] && !controls[c]) out.push_back(screen.context.names[c]);
  return out;
}

/// From here on controls of the screen serve their own part alone (Screen::control_parts).
/// @param parts  (cells) of assign_parts or read_split_column
/// @throws ConfigError naming the contexts that have cells of a part and no control of it
template <class = void>
void keep_controls_apart(Screen& screen, std::span<const Part> parts) {
  check_size_match("keep_controls_apart", "parts", parts.size(), "cells", screen.cells());
  for (const Part part : {Part::train, Part::validation, Part::test})
    if (const auto lacking = contexts_lacking_controls(screen, parts, part); !lacking.empty())
      throw ConfigError(message("controls are kept apart by part, and ", list_of(lacking),
                                lacking.size() == 1 ? " has" : " have", " cells of ", name_of(part),
                                " and no control (",
                                quoted(screen.perturbation.names[size_t(screen.control)]),
                                ") of it; give it some ([split] controls_validation, ",
                                "controls_test, or the obs column), or share controls"));
  screen.control_parts.assign(parts.begin(), parts.end());
}

VCELL_END_NAMESPACE
