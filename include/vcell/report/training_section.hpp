#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "vcell/report/section.hpp"
#include "vcell/report/training_plot.hpp"

VCELL_BEGIN_NAMESPACE

/// The training curve; nothing where nothing was trained.
template <class = void>
std::string training_section(const ReportInput& input, const GnuplotOptions& options) {
  if (input.training_loss.empty() && input.validation_loss.empty()) return "";
  const auto lowest =
      std::min_element(input.validation_loss.begin(), input.validation_loss.end(),
                       [](const LossPoint& a, const LossPoint& b) { return a.loss < b.loss; });
  std::string caption;
  if (!input.training_loss.empty())
    caption = fmt::format("{:.0f} steps. Training loss at the end: {:.4g}.",
                          input.training_loss.back().step, input.training_loss.back().loss);
  if (lowest != input.validation_loss.end())
    caption +=
        fmt::format(" Lowest validation loss: {:.4g} at step {:.0f}.", lowest->loss, lowest->step);
  // Seen side by side the curves look like overfitting.
  if (!input.training_loss.empty() && lowest != input.validation_loss.end())
    caption +=
        " The two do not compare where a group has fewer validation cells than a set: "
        "they are then repeated, which raises an energy distance.";
  if (input.kept_step)
    caption += fmt::format(" The weights of step {:.0f} were kept.", *input.kept_step);
  return detail::section(
      "training", "Training",
      "<div class=\"single\">" + figure(training_plot(input), caption, options) + "</div>\n");
}

VCELL_END_NAMESPACE
