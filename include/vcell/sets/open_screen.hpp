#pragma once

#include <algorithm>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/data/joined_table.hpp"
#include "vcell/io/cell_rows.hpp"
#include "vcell/preprocess/with_log1p_rows.hpp"
#include "vcell/sets/screen.hpp"

VCELL_BEGIN_NAMESPACE

/// A file with cells, of any format that read_cells knows.
struct ScreenFile {
  std::filesystem::path path;
  std::string name = {};  ///< of its data set; empty: the file's name without its ending
};

struct OpenScreenOptions {
  /// Which columns of obs say what; each file has them all.
  ScreenOptions labels = {};
  /// A name for one more column of obs, in which every cell has its data set's name, for
  /// labels.context_keys or labels.batch_key to name; empty: none.
  std::string dataset_key = {};
  /// The screen's genes, by name, in this order, which every file has; empty: those that all files
  /// have, in the order of the first.
  std::vector<std::string> genes = {};
  /// What X of every file holds. Not given: what each says (see declared_scale).
  std::optional<Scale> scale = {};
  /// The total that every cell gets where X holds counts. Not given: the median of the totals of
  /// all files' cells.
  std::optional<double> target_sum = {};
  /// obsm of every file that a model is to read in place of expression, such as X_pca, all of one
  /// width; empty: none.
  std::string obsm = {};
  /// What files do not say themselves.
  CellInput input = {};
  /// As in H5adRowsOptions, of every matrix of every file.
  size_t memory = size_t(512) << 20;
  /// As in H5adReadOptions.
  size_t budget = 0;
  /// Takes one line for what was left out, turned or inferred, naming the file; nullptr drops them.
  std::vector<std::string>* warnings = nullptr;
  /// Told of every block of cells of every file that is read; may stop.
  Progress progress = {};
};

/// A screen of several files, whose expression stays in them.
struct OpenScreen {
  /// Labels and genes of all; its expression is read from the files (Screen::elsewhere).
  Screen screen;
  RowReader obsm;                     ///< (cells, E) OpenScreenOptions::obsm; null without it
  std::vector<std::string> cells;     ///< names; two files may have the same
  std::vector<std::string> datasets;  ///< (files) names
  std::vector<size_t> first_cell;     ///< (files + 1) rows of the screen
  Scale scale = Scale::log1p;         ///< what the files hold
  std::optional<double> target_sum;   ///< that cells are normalised to, where that is known
  size_t empty_cells = 0;             ///< cells with total 0: they stay zero
};

namespace detail {

/// Calls f, whose errors get a file's name.
template <class F>
auto of_file(const std::filesystem::path& path, F&& f) {
  try {
    return f();
  } catch (const ConfigError& error) {
    throw ConfigError(message("open_screen: ", quoted(path.string()), ": ", error.what()));
  }
}

template <class = void>
OpenCells open_screen_file(const std::filesystem::path& path, const OpenScreenOptions& o) {
  H5adReadOptions read;
  read.layers = read.obsm = read.varm = read.obsp = read.varp = read.raw = false;
  read.budget = o.budget;
  read.warnings = o.warnings;
  return open_cells(path, {read, o.input}, {.memory = o.memory});
}

/// What messages call the files.
template <class = void>
std::vector<std::string> called(std::span<const ScreenFile> files) {
  std::vector<std::string> out;
  for (const ScreenFile& file : files) out.push_back(message("file ", quoted(file.path.string())));
  return out;
}

/// The screen's genes, and where those of each file are among them.
template <class = void>
JoinedNames joined_genes(std::span<const ScreenFile> files, const std::vector<OpenCells>& open,
                         const std::vector<std::string>& asked) {
  std::vector<std::vector<std::string>> there;
  for (const OpenCells& file : open) there.push_back(file.cells.var.index);
  const auto what = called(files);
  if (asked.empty()) {
    auto joined = join_names(there, Join::inner, what);
    if (!joined.names.empty()) return joined;
    size_t n = 0;  // files that share a gene
    while (!join_names(std::span(there).first(n + 1), Join::inner, what).names.empty()) ++n;
    throw ConfigError(message("open_screen: no gene of ", what[n], " is in all files before it: ",
                              "it has ", list_of(there[n]), " and the first ", list_of(there[0]),
                              "; name genes alike in all files"));
  }
  for (size_t i = 0; i < open.size(); ++i) {
    const NamePlaces places(there[i]);
    std::vector<std::string> absent;
    for (const std::string& gene : asked)
      if (!places.contains(gene)) absent.push_back(gene);
    if (!absent.empty())
      throw ConfigError(message("open_screen: ", what[i], " does not have ", absent.size(),
                                " of the ", asked.size(), " genes asked for: ", list_of(absent),
                                "; ", names_there(absent, there[i])));
  }
  const NamePlaces places(asked);
  for (const std::string& gene : asked)
    if (places.repeats(gene))
      throw ConfigError(message("open_screen: the gene ", quoted(gene), " is asked for twice"));
  return place_names(there, asked, what);
}

/// The columns that labels are of, of all files, below each other.
template <class = void>
DataFrame joined_labels(std::span<const ScreenFile> files, const std::vector<OpenCells>& open,
                        const OpenScreenOptions& o, const std::vector<std::string>& datasets) {
  std::vector<std::string> keys = o.labels.context_keys;
  keys.push_back(o.labels.perturbation_key);
  if (o.labels.batch_key) keys.push_back(*o.labels.batch_key);
  if (!o.labels.dose_key.empty()) keys.push_back(o.labels.dose_key);
  std::vector<DataFrame> tables;
  for (size_t i = 0; i < open.size(); ++i) {
    const DataFrame& obs = open[i].cells.obs;
    DataFrame& own = tables.emplace_back(obs.index);
    for (const std::string& key : keys) {
      if (key == o.dataset_key) {
        own.set(key, Labels(std::vector<std::string>(obs.rows(), datasets[i])));
        continue;
      }
      of_file(files[i].path, [&] { check_column(open[i].cells, "[data] labels", key); });
      own.set(key, obs.column(key));
    }
  }
  std::vector<const DataFrame*> parts;
  for (const DataFrame& table : tables) parts.push_back(&table);
  return joined_table(parts, Join::inner, called(files));
}

/// Finds what the files hold, which is one thing.
template <class = void>
void find_scale(std::span<const ScreenFile> files, const std::vector<OpenCells>& open,
                const OpenScreenOptions& o, OpenScreen& out) {
  const auto differ = [&](size_t i, const auto& a, const auto& b, const char* mend) {
    throw ConfigError(message("open_screen: ", quoted(files[0].path.string()), " holds ", a,
                              " and ", quoted(files[i].path.string()), " ", b, "; ", mend));
  };
  for (size_t i = 0; i < files.size(); ++i)
    of_file(files[i].path, [&] {
      const AnnData& cells = open[i].cells;
      const WatchedRows watched(BorrowedRows(open[i].X), o.progress, "check");
      const DeclaredScale found = declared_scale(cells, watched, o.scale);
      if (found.inferred && o.warnings)
        o.warnings->push_back(message(quoted(files[i].path.string()), ": X holds whole numbers ",
                                      "only and nothing says what they are: taken as counts"));
      const auto target = found.scale == Scale::log1p ? declared_target_sum(cells) : std::nullopt;
      if (i == 0) {
        out.scale = found.scale;
        out.target_sum = target;
        return;
      }
      const auto name = [](Scale scale) { return scale == Scale::counts ? "counts" : "log1p"; };
      if (found.scale != out.scale)
        differ(i, name(out.scale), name(found.scale),
               "bring them to one scale, as with vcell preprocess");
      if (target && out.target_sum && !same_target_sum(*target, *out.target_sum))
        differ(i, message("log1p of ", *out.target_sum, " a cell"), message("of ", *target),
               "normalise the counts of both to one total");
      if (!target) out.target_sum.reset();
    });
}

/// What cells of all files are divided by, as if they were those of one.
template <class T>
std::vector<std::vector<double>> joined_factors(std::span<const ScreenFile> files,
                                                const std::vector<OpenCells>& open,
                                                const OpenScreenOptions& o, OpenScreen& out) {
  std::vector<std::vector<double>> factors;
  std::vector<double> totals;
  for (size_t i = 0; i < open.size(); ++i) {
    const WatchedRows watched(BorrowedRows(open[i].X), o.progress, "totals");
    factors.push_back(of_file(files[i].path, [&] { return map_cells<T>(watched, total_of<T>); }));
    totals.insert(totals.end(), factors[i].begin(), factors[i].end());
  }
  const T target = target_of<T>({o.target_sum}, totals);
  out.target_sum = double(target);
  size_t cell = 0;
  for (auto& own : factors)
    for (double& factor : own) {
      out.empty_cells += factor == 0;
      factor = factor_of<T>(cell++, factor, factor, target);
    }
  return factors;
}

template <class = void>
RowReader joined_obsm(std::span<const ScreenFile> files, const OpenScreenOptions& o,
                      const OpenScreen& screen) {
  std::vector<RowReader> parts;
  for (size_t i = 0; i < files.size(); ++i) {
    const auto& path = files[i].path;
    H5adRows rows(path, {.element = "obsm/" + o.obsm,
                         .budget = o.budget,
                         .memory = o.memory,
                         .warnings = o.warnings});
    const auto what = message("obsm[", quoted(o.obsm), "]");
    of_file(path, [&] {
      const size_t cells = screen.first_cell[i + 1] - screen.first_cell[i];
      if (rows.rows() != cells)
        throw ConfigError(message(what, " has ", rows.rows(), " rows, expected ", cells,
                                  ", one for every cell that is read"));
      if (i > 0 && rows.columns() != parts[0].columns())
        throw ConfigError(message(what, " has ", rows.columns(), " columns, and that of ",
                                  quoted(files[0].path.string()), " ", parts[0].columns()));
      if (const auto bad = find_value(WatchedRows(BorrowedRows(rows), o.progress, what),
                                      [](auto x) { return !std::isfinite(x); }))
        throw ConfigError(message(what, " holds ", bad->value, " in row ", bad->cell, ", column ",
                                  bad->gene, ", expected finite numbers"));
    });
    parts.push_back(RowReader::of(std::move(rows)));
  }
  return RowReader::joined(std::move(parts));
}

template <class S>
RowReader joined_rows(std::vector<S> sources, std::vector<std::vector<int32_t>> places,
                      size_t genes) {
  std::vector<RowReader> parts;
  for (size_t i = 0; i < sources.size(); ++i)
    parts.push_back(RowReader::of(std::move(sources[i]), std::move(places[i]), genes));
  return RowReader::joined(std::move(parts));
}

}  // namespace detail

/// Opens files of cells as one screen: the cells of one file behind those of the other, genes
/// matched by name, labels in memory and expression on disk, where SetSource and SetLoader read the
/// rows that a batch needs, to the same bytes as from memory. Counts become log1p as they are read,
/// as normalize_to_log1p makes them of all cells together. Labels of one name are one: a batch 'b1'
/// of two files is one batch, unless dataset_key is among the columns that tell them apart.
///
/// The files stay open as long as the screen, or a copy of it, is there. They are read once to
/// check what they hold, and once more for the totals of counts.
/// @throws IoError, FormatError, ConfigError as open_cells, declared_scale and make_labels, naming
///         the file; ConfigError if files hold different things (counts and log1p, or log1p of
///         different totals), share no gene or lack one that is asked for; Stopped
template <class = void>
OpenScreen open_screen(std::span<const ScreenFile> files, const OpenScreenOptions& options = {}) {
  if (files.empty()) throw ConfigError("open_screen: no files are given, expected at least one");
  OpenScreen out;
  std::vector<OpenCells> open;
  out.first_cell.push_back(0);
  for (const ScreenFile& file : files) {
    out.datasets.push_back(file.name.empty() ? file.path.stem().string() : file.name);
    open.push_back(detail::open_screen_file(file.path, options));
    out.first_cell.push_back(out.first_cell.back() + open.back().cells.cells());
    if (!options.dataset_key.empty() && open.back().cells.obs.has(options.dataset_key))
      throw ConfigError(message("open_screen: ", quoted(file.path.string()), " has a column ",
                                quoted(options.dataset_key), " in obs already; choose another ",
                                "OpenScreenOptions::dataset_key"));
  }
  AnnData all;
  all.obs = detail::joined_labels(files, open, options, out.datasets);
  out.cells = all.obs.index;
  JoinedNames genes = detail::joined_genes(files, open, options.genes);
  all.var = DataFrame(std::move(genes.names));
  out.screen = make_labels(all, options.labels);
  detail::find_scale(files, open, options, out);

  std::vector<CellRows> X;
  for (const OpenCells& file : open) X.push_back(file.X);
  if (out.scale == Scale::log1p) {
    out.screen.elsewhere = detail::joined_rows(std::move(X), std::move(genes.places), all.genes());
  } else {
    const bool wide = std::any_of(X.begin(), X.end(),
                                  [](const CellRows& rows) { return detail::needs_double(rows); });
    auto factors = wide ? detail::joined_factors<double>(files, open, options, out)
                        : detail::joined_factors<float>(files, open, options, out);
    std::vector<Log1pRows<CellRows>> log1p;
    for (size_t i = 0; i < X.size(); ++i)
      log1p.emplace_back(std::move(X[i]), std::move(factors[i]), wide ? DType::f64 : DType::f32);
    out.screen.elsewhere =
        detail::joined_rows(std::move(log1p), std::move(genes.places), all.genes());
  }
  if (!options.obsm.empty()) out.obsm = detail::joined_obsm(files, options, out);
  check_screen(out.screen);
  return out;
}

VCELL_INSTANTIATE(files, OpenScreen open_screen<void>(std::span<const ScreenFile>,
                                                      const OpenScreenOptions&));

VCELL_END_NAMESPACE
