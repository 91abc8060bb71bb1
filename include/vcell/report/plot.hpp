#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "vcell/io/atomic_file.hpp"
#include "vcell/report/gnuplot.hpp"
#include "vcell/report/inline_svg.hpp"

VCELL_BEGIN_NAMESPACE

/// A plot for the page: a gnuplot script of our own text and numbers, and the names that it shows.
struct Plot {
  std::string id;                   ///< unique in the page, letters and digits
  std::string title;                ///< for those who do not see it
  std::string script;               ///< draws to standard output, tokens in place of names
  std::vector<std::string> labels;  ///< for the tokens
};

namespace detail {

/// What all plots have in common: size in pixels, type, colours.
template <class = void>
std::string plot_setup(int width, int height) {
  return fmt::format(
      "set terminal svg size {},{} dynamic noenhanced font 'sans-serif,11'\n"
      "set encoding utf8\n"
      "set border 3 lc rgb '#666666' lw 0.8\n"
      "set tics nomirror out scale 0.5 textcolor rgb '#444444'\n"
      "set grid lc rgb '#e6e6e6' lt 1 lw 0.6\n"
      "set key top right samplen 1.5 spacing 1.1 textcolor rgb '#444444'\n",
      width, height);
}

}  // namespace detail

/// The plot as a figure of the page; where gnuplot does not draw it, the figure says why. The same
/// drawing is a file of its own where options name a folder.
/// @param caption  HTML
/// @throws WriteError if that file cannot be written
template <class = void>
std::string figure(const Plot& plot, const std::string& caption, const GnuplotOptions& options) {
  const Drawing drawing = gnuplot(plot.script, options);
  const std::string inside =
      drawing.trouble.empty()
          ? inline_svg(drawing.svg, plot.id, plot.title, plot.labels)
          : fmt::format(
                "<p class=\"absent\">No plot: {}. With gnuplot installed (package "
                "gnuplot-nox or gnuplot) the report shows it here.</p>",
                escape_html(drawing.trouble));
  if (drawing.trouble.empty() && !options.folder.empty()) {
    std::error_code error;  // where it matters, writing fails and says so
    std::filesystem::create_directories(options.folder, error);
    write_text(options.folder / (plot.id + ".svg"),
               "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n" + inside + '\n');
  }
  return fmt::format("<figure>{}<figcaption>{}</figcaption></figure>\n", inside, caption);
}

VCELL_END_NAMESPACE
