#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/io/atomic_folder.hpp"
#include "vcell/io/csv.hpp"
#include "vcell/io/number_text.hpp"
#include "vcell/report/statistics_page.hpp"

VCELL_BEGIN_NAMESPACE

struct StatisticsFolderOptions {
  std::string file;  ///< what the data are called on the page
  size_t top = 50;   ///< genes with the largest differences, in a table and plot of their own
  std::string plot_prefix;      ///< before the names of plots, as "screen_"
  bool png = true;              ///< plots as PNG too
  GnuplotOptions gnuplot = {};  ///< its folder is not read
};

namespace detail {

inline std::string truth_text(bool x) { return x ? "True" : "False"; }

template <class = void>
CsvTable gene_statistics_table(const ScreenStatistics& s) {
  CsvTable out{{"gene", "mean", "max", "min", "nonzero_fraction", "nonzero_cells", "cells", "scale",
                "highly_variable", "dispersion_norm", "class", "perturbation_variance_share"},
               {}};
  if (s.batch_share) out.header.push_back("batch_variance_share");
  for (size_t g = 0; g < s.genes.size(); ++g) {
    out.rows.push_back({s.genes[g], number_text(s.all.mean[g]), number_text(s.all.max[g]),
                        number_text(s.all.min[g]), number_text(s.all.nonzero_fraction(g)),
                        std::to_string(s.all.nonzero_cells[g]), std::to_string(s.all.cells),
                        std::string(unit_of(s.scale)), truth_text(s.hvg.highly_variable[g]),
                        number_text(double(s.hvg.dispersions_norm[g])),
                        std::string(name_of_choice(s.classes.of_genes[g])),
                        number_text(s.perturbation_share.of_genes[g])});
    if (s.batch_share) out.rows.back().push_back(number_text(s.batch_share->of_genes[g]));
  }
  return out;
}

/// @param most      rows
/// @param fraction  with the columns of controls that have the gene
template <class = void>
CsvTable gene_delta_table(const ScreenStatistics& s, size_t most, bool fraction) {
  CsvTable out{{"gene", "ctrl_mean", "pert_mean", "delta", "abs_delta"}, {}};
  if (fraction)
    for (const char* name : {"ctrl_nonzero_fraction", "ctrl_nonzero_cells", "never_expressed"})
      out.header.push_back(name);
  out.header.push_back("scale");
  for (size_t i = 0; i < std::min(most, s.deltas.size()); ++i) {
    const GeneDelta& d = s.deltas[i];
    std::vector<std::string> row = {s.genes[d.gene], number_text(d.control_mean),
                                    number_text(d.perturbed_mean), number_text(d.delta),
                                    number_text(d.size())};
    if (fraction) {
      row.push_back(number_text(d.control_nonzero_fraction));
      row.push_back(std::to_string(d.control_nonzero_cells));
      row.push_back(truth_text(d.never_expressed));
    }
    row.push_back(std::string(unit_of(s.scale)));
    out.rows.push_back(std::move(row));
  }
  return out;
}

template <class = void>
CsvTable perturbation_csv(const ScreenStatistics& s) {
  CsvTable out{{"perturbation", "n_cells", "n_guides"}, {}};
  for (const std::string& batch : s.batches) out.header.push_back("batch:" + batch);
  for (const char* name : {"own_gene", "own_gene_ctrl_mean", "own_gene_mean", "on_target_residual",
                           "batch_imbalance", "batch_imbalance_by_chance", "scale"})
    out.header.push_back(name);
  const char* const parts[] = {"train", "validation", "test", "unused"};
  if (!s.cells_of_parts.empty())
    for (const char* part : parts) out.header.push_back(message("cells:", part));
  for (size_t p = 0; p < s.perturbations.size(); ++p) {
    const PerturbationCounts& r = s.perturbations[p];
    std::vector<std::string> row = {r.name, std::to_string(r.cells),
                                    std::to_string(r.of_guides.size())};
    for (const size_t cells : r.of_batches) row.push_back(std::to_string(cells));
    row.push_back(r.own_gene < 0 ? "" : s.genes[size_t(r.own_gene)]);
    for (const double x : {r.control_mean, r.own_mean, r.on_target_residual, r.batch_imbalance,
                           r.batch_imbalance_by_chance})
      row.push_back(number_text(x));
    row.push_back(std::string(unit_of(s.scale)));
    if (!s.cells_of_parts.empty())
      for (const size_t cells : s.cells_of_parts[p]) row.push_back(std::to_string(cells));
    out.rows.push_back(std::move(row));
  }
  return out;
}

template <class = void>
CsvTable guide_csv(const ScreenStatistics& s) {
  CsvTable out{{"perturbation", "guide", "n_cells"}, {}};
  for (const PerturbationCounts& r : s.perturbations)
    for (const auto& [guide, cells] : r.of_guides)
      out.rows.push_back({r.name, guide, std::to_string(cells)});
  return out;
}

/// A row for each principal component.
template <class = void>
CsvTable component_csv(const ComponentShares& s) {
  CsvTable out{{"component", "variance_ratio", "perturbation_variance_share"}, {}};
  if (s.of_columns.size() > 1) out.header.push_back("batch_variance_share");
  for (size_t j = 0; j < s.variance_ratio.size(); ++j) {
    out.rows.push_back({std::to_string(j + 1), number_text(s.variance_ratio[j])});
    for (const VarianceShare& column : s.of_columns)
      out.rows.back().push_back(number_text(column.of_genes[j]));
  }
  return out;
}

template <class = void>
CsvTable summary_csv(const ScreenStatistics& s) {
  CsvTable out{{"statistic", "value"}, {}};
  const auto add = [&](const char* name, std::string value) {
    out.rows.push_back({name, std::move(value)});
  };
  add("scale", std::string(unit_of(s.scale)));
  add("cells", std::to_string(s.all.cells));
  add("control_cells", std::to_string(s.control.cells));
  add("perturbed_cells", std::to_string(s.perturbed.cells));
  add("genes", std::to_string(s.genes.size()));
  add("mean_of_means", number_text(s.summary.mean_of_means));
  add("mean_of_maxima", number_text(s.summary.mean_of_maxima));
  add("mean_of_minima", number_text(s.summary.mean_of_minima));
  add("never_expressed", std::to_string(s.summary.never_expressed));
  add("fraction_never_expressed", number_text(s.summary.fraction_never_expressed));
  add("never_expressed_in_controls", std::to_string(s.never_in_control));
  add("perturbation_variance_share", number_text(s.perturbation_share.mean()));
  add("perturbation_variance_share_by_chance", number_text(s.perturbation_share.by_chance));
  if (s.batch_share) {
    add("batch_variance_share", number_text(s.batch_share->mean()));
    add("batch_variance_share_by_chance", number_text(s.batch_share->by_chance));
  }
  if (s.components) {
    add("component_perturbation_variance_share", number_text(s.components->mean(0)));
    if (s.batch_share) add("component_batch_variance_share", number_text(s.components->mean(1)));
  }
  add("class_threshold_mean", number_text(s.classes.mean));
  add("class_threshold_dispersion", number_text(s.classes.dispersion));
  return out;
}

}  // namespace detail

/// Writes statistics as a folder, whole or not at all: tables as CSV (docs/file-formats.md),
/// `statistics.html`, and plots in `plots/` as SVG and PNG. Where gnuplot does not draw, the page
/// says why.
/// @throws WriteError
template <class = void>
void write_statistics(const std::filesystem::path& folder, const ScreenStatistics& s,
                      const StatisticsFolderOptions& options = {}) {
  write_folder(folder, [&](const std::filesystem::path& at) {
    write_csv(at / "gene_statistics.csv", detail::gene_statistics_table(s));
    write_csv(at / "gene_delta_all_sorted.csv",
              detail::gene_delta_table(s, s.deltas.size(), false));
    write_csv(at / fmt::format("gene_delta_top{}.csv", options.top),
              detail::gene_delta_table(s, options.top, false));
    write_csv(at / "gene_delta_with_nonzero_fraction.csv",
              detail::gene_delta_table(s, s.deltas.size(), true));
    write_csv(at / "perturbation_table.csv", detail::perturbation_csv(s));
    const auto guides = detail::guide_csv(s);
    if (!guides.rows.empty()) write_csv(at / "guide_table.csv", guides);
    if (s.components) write_csv(at / "component_table.csv", detail::component_csv(*s.components));
    write_csv(at / "summary.csv", detail::summary_csv(s));
    auto plots = statistics_plots(s, options.top);
    GnuplotOptions gnuplot = options.gnuplot;
    gnuplot.folder = at / "plots";
    for (CaptionedPlot& p : plots) p.plot.id = options.plot_prefix + p.plot.id;
    write_text(at / "statistics.html", statistics_page(s, options.file, plots, gnuplot));
    if (!options.png) return;
    for (const CaptionedPlot& p : plots)
      if (const Drawing drawing = png(p.plot, options.gnuplot); drawing.trouble.empty())
        write_text(gnuplot.folder / (p.plot.id + ".png"), drawing.svg);
  });
}

VCELL_INSTANTIATE(files,
                  void write_statistics<void>(const std::filesystem::path&, const ScreenStatistics&,
                                              const StatisticsFolderOptions&));

VCELL_END_NAMESPACE
