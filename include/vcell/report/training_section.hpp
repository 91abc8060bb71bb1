#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/report/html.hpp"
#include "vcell/report/plot.hpp"
#include "vcell/report/report_input.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// The curve of one member.
template <class = void>
std::vector<LossPoint> curve_of(const std::vector<LossPoint>& points, size_t member) {
  std::vector<LossPoint> out;
  for (const LossPoint& p : points)
    if (p.member == member) out.push_back(p);
  return out;
}

/// Of every member at most n points: means over pieces of equal length.
template <class = void>
std::vector<LossPoint> thinned(const std::vector<LossPoint>& all, size_t n) {
  std::vector<LossPoint> out;
  for (size_t member = 1; member <= (all.empty() ? 0 : all.back().member); ++member) {
    const auto points = curve_of(all, member);
    const size_t piece = std::max<size_t>(1, (points.size() + n - 1) / n);
    for (size_t i = 0; i < points.size(); i += piece) {
      const size_t end = std::min(points.size(), i + piece);
      LossPoint mean;
      for (size_t k = i; k < end; ++k) mean.step += points[k].step, mean.loss += points[k].loss;
      out.push_back({mean.step / double(end - i), mean.loss / double(end - i), member});
    }
  }
  return out;
}

template <class = void>
void add_block(std::string& script, const char* name, const std::vector<LossPoint>& points) {
  script += fmt::format("${} << EOD\n", name);
  for (size_t i = 0; i < points.size(); ++i) {
    const LossPoint& p = points[i];
    if (i && p.member != points[i - 1].member) script += '\n';  // another line
    if (std::isfinite(p.step) && std::isfinite(p.loss))
      script += fmt::format("{:.10g} {:.10g}\n", p.step, p.loss);
  }
  script += "EOD\n";
}

}  // namespace detail

/// Loss by step, of training (averaged over pieces when there are many) and of validation.
template <class = void>
Plot training_plot(const ReportInput& input) {
  Plot plot{"training", "Loss on training and validation cells by training step", "", {}};
  plot.script = detail::plot_setup(640, 240);
  detail::add_block(plot.script, "training", detail::thinned(input.training_loss, 300));
  detail::add_block(plot.script, "validation", input.validation_loss);
  plot.script +=
      "set xlabel 'training step' textcolor rgb '#444444'\n"
      "set ylabel 'loss' textcolor rgb '#444444'\n";
  for (const double kept : input.kept_steps) {
    double last = 0;
    for (const auto* points : {&input.training_loss, &input.validation_loss})
      for (const LossPoint& p : *points) last = std::max(last, p.step);
    const bool left = kept > last / 2;  // beside the line, inside the plot
    plot.script += fmt::format(
        "set arrow from first {0:.10g}, graph 0 to first {0:.10g}, graph 1 "
        "nohead lc rgb '#999999' dt 2\n"
        "set label 'kept' at first {0:.10g}, graph 0.5 {1} offset {2},0 "
        "textcolor rgb '#666666'\n",
        kept, left ? "right" : "left", left ? -0.5 : 0.5);
  }
  std::string curves;
  if (!input.training_loss.empty())
    curves = "$training using 1:2 with lines lw 1.2 lc rgb '#7f9fbf' title 'training'";
  if (!input.validation_loss.empty())
    curves += std::string(curves.empty() ? "" : ", ") +
              "$validation using 1:2 with linespoints lw 1.6 pt 7 ps 0.5 lc rgb '#b3470f' title "
              "'validation'";
  plot.script += "plot " + curves + "\n";
  return plot;
}

/// The training curve; nothing where nothing was trained.
template <class = void>
std::string training_section(const ReportInput& input, const GnuplotOptions& options) {
  if (input.training_loss.empty() && input.validation_loss.empty()) return "";
  const auto lowest =
      std::min_element(input.validation_loss.begin(), input.validation_loss.end(),
                       [](const LossPoint& a, const LossPoint& b) { return a.loss < b.loss; });
  std::string caption;
  const size_t members = std::max<size_t>(1, input.kept_steps.size());
  if (members > 1)
    caption = fmt::format("{} models, trained in turn; each has its own curves. ", members);
  if (!input.training_loss.empty())
    caption += fmt::format("{:.0f} steps. Training loss at the end: {:.4g}.",
                           input.training_loss.back().step, input.training_loss.back().loss);
  if (lowest != input.validation_loss.end())
    caption +=
        fmt::format(" Lowest validation loss: {:.4g} at step {:.0f}.", lowest->loss, lowest->step);
  // Seen side by side the curves look like overfitting.
  if (!input.training_loss.empty() && lowest != input.validation_loss.end())
    caption +=
        " The two do not compare where a group has fewer validation cells than a set: "
        "they are then repeated, which raises an energy distance.";
  if (members == 1 && !input.kept_steps.empty())
    caption += fmt::format(" The weights of step {:.0f} were kept.", input.kept_steps[0]);
  if (members > 1) {
    std::string steps;
    for (const double kept : input.kept_steps)
      steps += fmt::format("{}{:.0f}", steps.empty() ? "" : ", ", kept);
    caption += fmt::format(" The weights of the steps {} were kept.", steps);
  }
  return detail::section(
      "training", "Training",
      "<div class=\"single\">" + figure(training_plot(input), caption, options) + "</div>\n");
}

VCELL_END_NAMESPACE
