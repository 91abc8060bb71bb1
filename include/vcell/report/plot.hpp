#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include "vcell/io/atomic_file.hpp"
#include "vcell/report/gnuplot.hpp"
#include "vcell/report/html.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

template <class = void>
void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t i = text.find(from); i != std::string::npos; i = text.find(from, i + to.size()))
    text.replace(i, from.size(), to);
}

/// Removes everything from each `open` to the next `close`.
template <class = void>
void cut(std::string& text, std::string_view open, std::string_view close) {
  for (size_t i = text.find(open); i != std::string::npos; i = text.find(open, i)) {
    const size_t end = text.find(close, i);
    text.erase(i, end == std::string::npos ? end : end + close.size() - i);
  }
}

/// Puts labels in place of their tokens, in one pass, so that a label that looks like a token
/// stays.
template <class = void>
std::string with_labels(std::string_view svg, const std::vector<std::string>& labels) {
  std::string out;
  for (size_t i = 0; i < svg.size();) {
    size_t label = labels.size(), end = 0;
    if (svg.substr(i, 2) == "[[") {
      end = std::min(svg.find("]]", i), svg.size());
      const auto parsed = std::from_chars(svg.data() + i + 2, svg.data() + end, label);
      if (parsed.ec != std::errc() || parsed.ptr != svg.data() + end) label = labels.size();
    }
    if (label < labels.size()) {
      out += escape_html(labels[label]);
      i = end + 2;
    } else {
      out += svg[i++];
    }
  }
  return out;
}

}  // namespace detail

/// What a gnuplot script writes in place of label i, for inline_svg to fill in: so no name is ever
/// read as a command.
inline std::string label_token(size_t i) { return fmt::format("[[{}]]", i); }

/// Makes an SVG file of gnuplot part of an HTML page: without XML declaration, titles of its own
/// and the version of gnuplot, with a title for those who do not see it, identifiers that are
/// unique in the page, and names in place of the tokens.
/// @param id      unique in the page, letters and digits
/// @param title   what is drawn, plain text
/// @param labels  plain text for each token
template <class = void>
std::string inline_svg(std::string svg, std::string_view id, std::string_view title,
                       const std::vector<std::string>& labels = {}) {
  constexpr std::string_view element = "<svg";
  svg.erase(0, std::min(svg.find(element), svg.size()));
  detail::cut(svg, "<title>", "</title>");
  detail::cut(svg, "<desc>", "</desc>");
  detail::cut(svg, "<!--", "-->");
  for (const char quote : {'\'', '"'}) {
    detail::replace_all(svg, fmt::format(" id={}", quote), fmt::format(" id={}{}-", quote, id));
    detail::replace_all(svg, fmt::format("href={}#", quote), fmt::format("href={}#{}-", quote, id));
  }
  detail::replace_all(svg, "url(#", fmt::format("url(#{}-", id));
  svg = detail::with_labels(svg, labels);
  if (svg.empty()) return svg;
  const std::string name = escape_html(title);
  svg.insert(svg.find('>') + 1, fmt::format("<title>{}</title>", name));
  svg.insert(element.size(), fmt::format(" role=\"img\" aria-label=\"{}\"", name));
  return svg;
}

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

/// The plot as a PNG, twice as large as in the page. In the names that it shows whatever is no
/// letter, digit or one of " .,:;|+-_/()" becomes '?': here they are part of what gnuplot reads.
template <class = void>
Drawing png(const Plot& plot, const GnuplotOptions& options = {}) {
  std::vector<std::string> labels;
  for (const std::string& label : plot.labels) {
    labels.push_back(label);
    for (char& c : labels.back()) {
      const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
      if (!plain && std::string_view(" .,:;|+-_/()").find(c) == std::string_view::npos) c = '?';
    }
  }
  std::string script = detail::with_labels(plot.script, labels);
  constexpr std::string_view svg = "set terminal svg size ";
  if (script.starts_with(svg)) {
    int width = 0, height = 0;
    const char* const end = script.data() + script.size();
    const auto comma = std::from_chars(script.data() + svg.size(), end, width);
    if (comma.ptr != end) std::from_chars(comma.ptr + 1, end, height);
    script.replace(0, script.find('\n'),
                   fmt::format("set terminal pngcairo size {},{} noenhanced font 'sans-serif,11' "
                               "fontscale 2 linewidth 2 pointscale 2",
                               2 * width, 2 * height));
  }
  return gnuplot(script, options, "IEND");
}

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
