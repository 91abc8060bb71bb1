#pragma once

#include <filesystem>
#include <string>

#include "vcell/core/instantiate.hpp"
#include "vcell/io/atomic_file.hpp"
#include "vcell/report/difference_section.hpp"
#include "vcell/report/effect_sections.hpp"
#include "vcell/report/report_style.hpp"
#include "vcell/report/score_sections.hpp"
#include "vcell/report/strata_section.hpp"
#include "vcell/report/text_sections.hpp"
#include "vcell/report/training_section.hpp"

VCELL_BEGIN_NAMESPACE

struct ReportOptions {
  /// How plots are drawn. Where this fails each plot's place says why; everything else is there.
  GnuplotOptions gnuplot = {};
  /// Watches tables of differential expression being measured or read that are not kept, and may
  /// stop.
  Progress progress = {};
};

/// The report as one HTML page that needs no other file: scores beside the baselines, warnings,
/// shifts, differentially expressed genes, training, and what was run. The same input gives the
/// same bytes (with the same gnuplot), and every name is escaped.
/// @throws ConfigError if nothing was evaluated; Stopped
template <class = void>
std::string report_html(const ReportInput& input, const ReportOptions& options = {}) {
  if (input.evaluation.contexts.empty())
    throw ConfigError("report_html: the evaluation has no context, expected at least one");
  const std::string title = escape_html(input.title);
  const auto effects = perturbation_effects(input, options.progress);
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{0}</title>\n<style>{1}</style>\n</head>\n<body>\n<header><h1>{0}</h1></header>\n"
      "<main>\n{2}{3}{4}{5}{6}{7}{8}{9}{10}{11}</main>\n</body>\n</html>\n",
      title, report_style, summary_section(input), warning_section(input, options.progress),
      difference_section(input), shift_section(effects, options.gnuplot, options.progress),
      overlap_section(effects, input.evaluation.alpha, options.gnuplot), strata_section(input),
      perturbation_section(input), training_section(input, options.gnuplot), run_section(input),
      reading_section(input));
}

/// Writes the report, whole or not at all.
/// @throws ConfigError if nothing was evaluated; IoError if the file cannot be written; Stopped
template <class = void>
void write_report(const std::filesystem::path& path, const ReportInput& input,
                  const ReportOptions& options = {}) {
  write_text(path, report_html(input, options));
}

VCELL_INSTANTIATE(files, std::string report_html<void>(const ReportInput&, const ReportOptions&));
VCELL_INSTANTIATE(files, void write_report<void>(const std::filesystem::path&, const ReportInput&,
                                                 const ReportOptions&));

VCELL_END_NAMESPACE
