#pragma once

#include <charconv>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/error.hpp"
#include "vcell/core/message.hpp"
#include "vcell/data/dataframe.hpp"

VCELL_BEGIN_NAMESPACE

/// A perturbation at a dose.
struct Dosed {
  std::string name;  ///< of the perturbation, or combination
  double dose;       ///< above 0, in the units of the screen

  bool operator==(const Dosed&) const = default;
};

/// What stands between a perturbation and its dose in a label.
inline constexpr char dose_mark = '@';

/// The label of a perturbation at a dose, as `GENE01@0.5`.
inline std::string label_of(const Dosed& dosed) {
  return message(dosed.name, dose_mark, dosed.dose);
}

namespace detail {

/// A number that is all of a text; nothing if it is none.
inline std::optional<double> whole_number_text(std::string_view text) {
  double value = 0;
  if (text.starts_with('+')) text.remove_prefix(1);
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

}  // namespace detail

/// The perturbation and dose of a label; nothing where it does not end in a dose.
template <class = void>
std::optional<Dosed> dose_in(const std::string& label) {
  const size_t at = label.rfind(dose_mark);
  if (at == label.npos || at == 0) return std::nullopt;
  const auto dose = detail::whole_number_text(std::string_view(label).substr(at + 1));
  if (!dose || !std::isfinite(*dose) || !(*dose > 0)) return std::nullopt;
  return Dosed{label.substr(0, at), *dose};
}

/// Labels of perturbations made those of perturbations at doses. The control's stay.
/// @param text     (cells) labels
/// @param missing  (cells) those without one, which stay as they are
/// @param control  the label of unperturbed cells, whose doses are not read
/// @param doses    a column of numbers, or of categories or text that read as numbers
/// @param cells    (cells) their names, for messages
/// @param setting  what messages call the column
/// @throws ConfigError naming the value and the cells where a dose is missing, no number, or not
///         above 0, and perturbations whose names end in a dose already
template <class = void>
std::vector<std::string> with_doses(std::vector<std::string> text, std::span<const uint8_t> missing,
                                    const std::string& control, const Column& doses,
                                    std::span<const std::string> cells,
                                    const std::string& setting) {
  const auto values = doses.text();
  const auto absent = doses.is_missing();
  const auto fail = [&](size_t first, const std::string& what) {
    std::vector<std::string> rows;
    for (size_t i = first; i < text.size(); ++i)
      if (text[i] != control && !missing[i] && absent[i] == absent[first] &&
          values[i] == values[first])
        rows.push_back(cells[i]);
    throw ConfigError(message(setting, ": ", what, " of the cells ", list_of(rows, 3),
                              ", which are perturbed; expected a number above 0 (cells that got ",
                              "nothing are labelled ", quoted(control), ")"));
  };
  // Text is compared before numbers are read: there are few doses and many cells.
  std::string last_value;
  double last = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (missing[i] || text[i] == control) continue;
    if (absent[i]) fail(i, "there is no dose");
    if (values[i] != last_value || last == 0) {
      const auto dose = detail::whole_number_text(values[i]);
      if (!dose || !std::isfinite(*dose) || !(*dose > 0))
        fail(i, message("the dose is ", quoted(values[i])));
      last = *dose;
      last_value = values[i];
    }
    if (dose_in(text[i]))
      throw ConfigError(message(setting, ": the perturbation ", quoted(text[i]),
                                " ends in a dose already, and would get another one; rename it"));
    text[i] = label_of({text[i], last});
  }
  return text;
}

VCELL_END_NAMESPACE
