#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string>

#include "vcell/report/section.hpp"
#include "vcell/report/shift_plot.hpp"
#include "vcell/report/strongest_perturbations.hpp"

VCELL_BEGIN_NAMESPACE

/// Predicted against observed shift for the strongest perturbations.
template <class = void>
std::string shift_section(const ReportInput& input, const GnuplotOptions& gnuplot_options,
                          size_t most = 6) {
  auto places = strongest_perturbations(input);
  places.resize(std::min(most, places.size()));
  std::string figures;
  for (size_t i = 0; i < places.size(); ++i) {
    const auto& [context, t, significant, size] = places[i];
    const auto observed = mean_shift(context->real_de),
               predicted = mean_shift(context->predicted_de);
    const auto row = [t = t](const Tensor<double, 2>& m) {
      return std::span<const double>(m[t].data, m.shape(1));
    };
    const auto& genes = context->real_de.features;
    const std::string& target = context->real_de.targets[t];
    const auto own = std::find(genes.begin(), genes.end(), target);
    const std::string name = name_of(places[i], input);
    figures +=
        figure(shift_plot(fmt::format("shift{}", i),
                          fmt::format("Predicted against observed shift of every gene, {}", name),
                          row(observed), row(predicted), genes,
                          own == genes.end() ? -1 : int32_t(own - genes.begin())),
               fmt::format("<b>{}</b>: correlation {}, {}, {}", escape_html(name),
                           show(pearson(row(predicted), row(observed)), 2),
                           counted(context->real_de.target_membership[t], "cell"),
                           counted(significant, "changed gene")),
               gnuplot_options);
  }
  return detail::section(
      "shifts", "Predicted and observed shifts",
      "<p>The shift is the mean expression (log1p) of perturbed cells minus that of control cells. "
      "Each point is a gene; on the dashed line the prediction is right. Shown are the "
      "perturbations that change most genes; named are the genes that change most, and in red the "
      "perturbed gene itself where it is measured.</p>\n<div class=\"grid\">\n" +
          figures + "</div>\n");
}

VCELL_END_NAMESPACE
