// Small screens whose expression tells the cells apart.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "vcell/sets/screen.hpp"

namespace vcell_test {

/// Cells that are alike.
struct Cells {
  std::string context, perturbation;
  size_t count = 1;
  std::string batch = {};  // "" everywhere: the screen has no batches
};

/// A screen with the control "ctrl" and three genes: the cell's row number plus one, nothing, and 1
/// for perturbed cells.
inline vcell::Screen small_screen(const std::vector<Cells>& groups) {
  std::vector<std::string> context, perturbation, batch;
  for (const Cells& group : groups)
    for (size_t i = 0; i < group.count; ++i) {
      context.push_back(group.context);
      perturbation.push_back(group.perturbation);
      batch.push_back(group.batch);
    }
  vcell::Screen screen;
  screen.context = vcell::factor(context);
  screen.perturbation = vcell::factor(perturbation);
  if (!groups.empty() && !groups[0].batch.empty()) screen.batch = vcell::factor(batch);
  screen.control = screen.perturbation.code("ctrl");
  screen.genes = {"row", "nothing", "perturbed"};
  screen.expression.columns = 3;
  for (size_t i = 0; i < context.size(); ++i) {
    screen.expression.indices.push_back(0);
    screen.expression.values.push_back(float(i + 1));
    if (perturbation[i] != "ctrl") {
      screen.expression.indices.push_back(2);
      screen.expression.values.push_back(1);
    }
    screen.expression.end_row();
  }
  return screen;
}

/// n perturbations P000, P001, ... of some cells each, and as many controls, in every context.
inline vcell::Screen even_screen(const std::vector<std::string>& contexts, size_t n,
                                 size_t cells = 2) {
  std::vector<Cells> groups;
  for (const std::string& context : contexts) {
    groups.push_back({context, "ctrl", cells});
    for (size_t i = 0; i < n; ++i) {
      std::string number = std::to_string(i);
      number.insert(0, 3 - number.size(), '0');
      groups.push_back({context, "P" + number, cells});
    }
  }
  return small_screen(groups);
}

inline std::string context_of(const vcell::Screen& screen, size_t cell) {
  return screen.context.names[size_t(screen.context.codes[cell])];
}
inline std::string perturbation_of(const vcell::Screen& screen, size_t cell) {
  return screen.perturbation.names[size_t(screen.perturbation.codes[cell])];
}

/// A text must hold all of the others.
inline void check_holds(const std::string& text, const std::vector<std::string>& parts) {
  for (const std::string& part : parts) {
    INFO("expected '" << part << "' in '" << text << "'");
    CHECK(text.find(part) != std::string::npos);
  }
}

}  // namespace vcell_test
