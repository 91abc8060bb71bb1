#pragma once

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vcell/core/callbacks.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/core/rng.hpp"
#include "vcell/data/factor.hpp"
#include "vcell/data/subset.hpp"
#include "vcell/io/atomic_file.hpp"
#include "vcell/io/number_text.hpp"
#include "vcell/sets/screen.hpp"

VCELL_BEGIN_NAMESPACE

/// Which cells an inference is made of, beside those that are there. In this order:
struct VirtualCellsOptions {
  std::vector<std::string> contexts = {};       ///< the only ones that are kept; empty: all
  std::map<std::string, size_t> added = {};     ///< cells more of each perturbation
  bool all_perturbations = false;               ///< those without cells get a cell of every control
  std::optional<size_t> per_perturbation = {};  ///< of this many of them
  size_t least = 0;                             ///< cells that each perturbation gets at least
  std::optional<size_t> most = {};              ///< and that it keeps at most, the control too
  uint64_t seed = 42;                           ///< of what is drawn
  Callbacks callbacks = {};

  /// Whether the cells stay as they are.
  bool empty() const {
    return contexts.empty() && added.empty() && !all_perturbations && least == 0 && !most;
  }
};

namespace detail {

/// A cell of the data under the label of a perturbation.
struct VirtualCell {
  size_t row;
  std::string perturbation, name;
};

/// Of n cells k, in their order.
template <class = void>
std::vector<size_t> drawn_places(size_t n, size_t k, Rng& rng) {
  auto places = permutation(n, rng);
  places.resize(std::min(n, k));
  std::sort(places.begin(), places.end());
  return places;
}

/// Cells that are added to, and the controls that they are copies of.
class VirtualCells {
 public:
  VirtualCells(const AnnData& data, const ScreenOptions& labels, const VirtualCellsOptions& options)
      : data_(data), labels_(labels), options_(options) {}

  template <class = void>
  void begin() {
    const auto text = data_.obs.column(labels_.perturbation_key).text();
    const auto context = joined_factor(data_.obs, labels_.context_keys, labels_.context_name);
    for (const std::string& name : options_.contexts)
      if (context.code(name) < 0)
        throw ConfigError(message("virtual_cells: no cell is of the context ", quoted(name), "; ",
                                  names_there({name}, context.names)));
    for (size_t row = 0; row < text.size(); ++row) {
      const int32_t code = context.codes[row];
      const auto& kept = options_.contexts;
      if (!kept.empty() && (code < 0 || std::find(kept.begin(), kept.end(),
                                                  context.names[size_t(code)]) == kept.end()))
        continue;
      cells.push_back({row, text[row], data_.obs.index[row]});
      ++count[text[row]];
      if (text[row] == labels_.control) controls_.push_back(row);
    }
  }

  /// Copies of controls drawn with replacement.
  template <class = void>
  void add_drawn(const std::string& perturbation, size_t n) {
    Rng rng(options_.seed, stream_of(message("virtual cells ", perturbation, '|', added_)));
    for (size_t i = 0; i < n; ++i) {
      const size_t row = controls()[size_t(rng.below(controls_.size()))];
      add(row, perturbation, message("__pad", i + 1 + padded_[perturbation]));
    }
    padded_[perturbation] += n;
  }
  /// A copy of every control, or of some.
  template <class = void>
  void add_template(const std::string& perturbation) {
    Rng rng(options_.seed, stream_of(message("virtual cells ", perturbation)));
    const size_t n = options_.per_perturbation.value_or(controls().size());
    for (const size_t place : drawn_places(controls_.size(), n, rng))
      add(controls_[place], perturbation, "");
  }
  /// Leaves cells of a perturbation out.
  template <class = void>
  void keep_at_most(size_t most) {
    std::map<std::string, std::vector<size_t>> of;
    for (size_t i = 0; i < cells.size(); ++i) of[cells[i].perturbation].push_back(i);
    std::vector<size_t> kept;
    for (const auto& [perturbation, places] : of) {
      Rng rng(options_.seed, stream_of(message("virtual cells kept ", perturbation)));
      for (const size_t place : drawn_places(places.size(), most, rng))
        kept.push_back(places[place]);
    }
    std::sort(kept.begin(), kept.end());
    std::vector<VirtualCell> out;
    for (const size_t i : kept) out.push_back(std::move(cells[i]));
    cells = std::move(out);
  }

  size_t added() const { return added_; }

  std::vector<VirtualCell> cells;
  std::map<std::string, size_t> count;  ///< of each perturbation

 private:
  template <class = void>
  const std::vector<size_t>& controls() const {
    if (controls_.empty())
      throw ConfigError(message("virtual_cells: no cell is a control, ", quoted(labels_.control),
                                ", to copy; name another control, or more contexts"));
    return controls_;
  }
  template <class = void>
  void add(size_t row, const std::string& perturbation, const std::string& end) {
    cells.push_back(
        {row, perturbation, message(data_.obs.index[row], "__virt_", perturbation, end)});
    ++count[perturbation];
    ++added_;
  }

  const AnnData& data_;
  const ScreenOptions& labels_;
  const VirtualCellsOptions& options_;
  std::vector<size_t> controls_;
  std::map<std::string, size_t> padded_;
  size_t added_ = 0;
};

}  // namespace detail

/// The cells that an inference is to be made of: those of some contexts, and copies of control
/// cells, drawn among all that are kept, under the labels of perturbations. What the reference's
/// `tx infer` makes of its flags, except that contexts are chosen before cells are added, so that
/// as many are added as was said.
///
/// @param known  the perturbations that the model can predict
/// @throws ConfigError if a context has no cells, there is no control to copy, or most is below
///         least
template <class = void>
AnnData virtual_cells(const AnnData& data, const ScreenOptions& labels,
                      std::span<const std::string> known, const VirtualCellsOptions& options) {
  if (options.most && *options.most < options.least)
    throw ConfigError(message("virtual_cells: at most ", *options.most, " and at least ",
                              options.least, " cells of a perturbation contradict each other"));
  detail::VirtualCells made(data, labels, options);
  made.begin();
  for (const auto& [perturbation, n] : options.added) made.add_drawn(perturbation, n);
  if (options.all_perturbations)
    for (const std::string& perturbation : known)
      if (!made.count.contains(perturbation) && perturbation != labels.control)
        made.add_template(perturbation);
  const auto counts = made.count;  // of the perturbations that there are
  for (const auto& [perturbation, n] : counts)
    if (n < options.least) made.add_drawn(perturbation, options.least - n);
  if (options.most) made.keep_at_most(*options.most);
  std::vector<size_t> rows;
  std::vector<std::string> perturbation;
  for (const auto& cell : made.cells) {
    rows.push_back(cell.row);
    perturbation.push_back(cell.perturbation);
  }
  AnnData out = select_cells(data, rows);
  for (size_t i = 0; i < rows.size(); ++i) out.obs.index[i] = made.cells[i].name;
  const Factor names = factor(perturbation);
  out.obs.set(labels.perturbation_key, Column(Categorical{names.codes, names.names, false}));
  note(options.callbacks, out.cells(), " cells, of ", data.cells(), " in the file and ",
       made.added(), " copies of controls");
  return out;
}

/// Reads how many cells of each perturbation are added: a table whose fields are separated by tabs,
/// with the columns `perturbation` and `num_cells`. A perturbation that comes again adds to it.
/// @throws IoError; FormatError naming the file and the line
template <class = void>
std::map<std::string, size_t> read_added_cells(const std::filesystem::path& path) {
  const std::string text = read_text(path);
  std::map<std::string, size_t> out;
  std::vector<std::string> header;
  size_t number = 0, perturbation = 0, cells = 0;
  const auto fail = [&](const auto&... parts) {
    throw FormatError(
        message("read_added_cells: ", quoted(path.string()), ", line ", number, ": ", parts...));
  };
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    ++number;
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty()) continue;
    std::vector<std::string> fields(1);
    for (const char c : line)
      if (c == '\t')
        fields.emplace_back();
      else
        fields.back() += c;
    if (header.empty()) {
      header = fields;
      const auto place = [&](const char* name) {
        const auto found = std::find(header.begin(), header.end(), name);
        if (found == header.end())
          fail("has no column ", quoted(name), " among ", list_of(header),
               ", separated by tabs; expected perturbation and num_cells");
        return size_t(found - header.begin());
      };
      perturbation = place("perturbation"), cells = place("num_cells");
      continue;
    }
    if (fields.size() != header.size())
      fail("has ", fields.size(), " fields, expected ", header.size());
    const auto n = parse_number(fields[cells]);
    if (!n || !(*n >= 0 && *n < 1e9) || *n != double(size_t(*n)))
      fail("num_cells is ", quoted(fields[cells]), ", expected a whole number of cells");
    out[fields[perturbation]] += size_t(*n);
  }
  if (header.empty())
    throw FormatError(message("read_added_cells: ", quoted(path.string()), " is empty"));
  return out;
}

VCELL_INSTANTIATE(folders, AnnData virtual_cells<void>(const AnnData&, const ScreenOptions&,
                                                       std::span<const std::string>,
                                                       const VirtualCellsOptions&));
VCELL_INSTANTIATE(
    folders, std::map<std::string, size_t> read_added_cells<void>(const std::filesystem::path&));

VCELL_END_NAMESPACE
