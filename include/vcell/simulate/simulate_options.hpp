#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "vcell/core/check.hpp"

VCELL_BEGIN_NAMESPACE

/// What a simulated screen is like. "Spread" is the standard deviation of a natural logarithm.
struct SimulateOptions {
  uint64_t seed = 0;          ///< the same seed gives the same screen
  size_t genes = 500;         ///< names GENE001, ...
  size_t contexts = 3;        ///< names context_1, ...; each has a base profile of its own
  size_t batches = 2;         ///< names batch_1, ...; every context and perturbation is in each
  size_t states = 3;          ///< basal subpopulations, the same in every context, in other shares
  size_t perturbations = 24;  ///< named by their target genes; the controls come on top
  size_t guides = 3;          ///< guides of each perturbation, and of the controls
  std::string control = "non-targeting";  ///< label of the controls

  double cells_per_perturbation = 60;  ///< mean number of cells of a perturbation in a context
  double cells_spread = 0.35;          ///< how uneven these numbers are; each is at least 1
  size_t control_cells = 240;          ///< control cells of a context
  /// Cells of the whole screen, where it is not 0: the numbers above say proportions alone then.
  size_t cells = 0;

  double library = 3000;  ///< mean number of counts of an unperturbed cell
  /// Share of the counts that are above 0, where it is not 0: the library is then what is expected
  /// to give that, to a hundredth of it or so.
  double density = 0;
  double library_spread = 0.25;    ///< of cells
  double dispersion = 0.15;        ///< of the counts: variance = mean + dispersion mean^2
  double dispersion_spread = 0.4;  ///< of genes
  double expression_spread = 1.2;  ///< of genes
  double context_spread = 0.5;     ///< of a gene between contexts
  double state_spread = 0.4;       ///< of a gene between basal states
  double batch_spread = 0.08;      ///< of a gene between batches

  /// Gene programmes that act in every context. Each context also has one that acts only there.
  size_t programs = 6;
  double program_genes = 0.15;  ///< share of the genes in a programme
  double effect = 0.8;          ///< spread of a programme's genes, at weight 1
  double specific = 0.4;  ///< share of the perturbations with an effect in one context only, too
  double without_effect = 0.125;  ///< share of the perturbations that change nothing at all

  double knockdown = 0.9;  ///< share of its target's expression that a full knock-down removes
  double partial = 0.25;   ///< share of the knocked-down cells in which it is partial
  double partial_strength = 0.4;  ///< part of the full log shift that a partial knock-down has
  double least_efficiency = 0.7;  ///< the worst guide: share of its cells that do not escape
  double most_efficiency = 1.0;   ///< the best guide; the others lie between

  double feature_noise = 0.05;  ///< standard deviation of the noise on perturbation features

  size_t combinations = 0;                  ///< pairs of perturbations that come as one, too
  std::string combination_separator = "+";  ///< between the names of a pair
  /// What a pair does beyond the sum of its parts: the weight of one programme more, as part of
  /// what a perturbation has.
  double interaction = 0.5;
  /// Levels 1 / doses, ..., 1 of every perturbation, drawn for each cell: so much of the shift at
  /// full strength it gets. 0: no cell has a dose.
  size_t doses = 0;
};

namespace detail {

constexpr double least_library = 1, most_library = 1e7;

}  // namespace detail

/// @throws ConfigError naming the first option that makes no sense
template <class = void>
void check_simulate_options(const SimulateOptions& o) {
  const char* f = "simulate_screen";
  check_positive(f, "genes", o.genes);
  check_positive(f, "perturbations", o.perturbations);
  check_positive(f, "control_cells", o.control_cells);
  if (o.perturbations > o.genes)
    throw ConfigError(message(f, ": perturbations is ", o.perturbations, ", expected at most the ",
                              "number of genes (", o.genes, "), since each has its own target"));
  if (o.genes > size_t(std::numeric_limits<int32_t>::max()))
    throw ConfigError(message(f, ": genes is ", o.genes, ", expected less than 2^31"));
  if (const size_t n = o.perturbations; double(o.combinations) > double(n) * double(n - 1) / 2)
    throw ConfigError(message(f, ": combinations is ", o.combinations, ", expected at most the ",
                              "number of pairs of ", n, " perturbations"));
  if (o.combinations && o.combination_separator.empty())
    throw ConfigError(message(f, ": combination_separator is empty, expected what stands between ",
                              "the names of a pair"));
  if (o.control.empty()) throw ConfigError(message(f, ": control is empty, expected a label"));
  const auto in = [&](const char* name, double value, double least, double most) {
    if (!(value >= least && value <= most))
      throw ConfigError(message(f, ": ", name, " is ", value, ", expected ", least, " .. ", most));
  };
  in("contexts", double(o.contexts), 1, 1e4);
  in("batches", double(o.batches), 1, 1e4);
  in("states", double(o.states), 1, 1e4);
  in("guides", double(o.guides), 1, 1e4);
  in("programs", double(o.programs), 1, 1e4);
  in("cells_per_perturbation", o.cells_per_perturbation, 1, 1e7);
  in("cells", double(o.cells), 0, 1e9);
  if (const double groups = double(o.contexts) * double(1 + o.perturbations + o.combinations);
      o.cells && double(o.cells) < groups)
    throw ConfigError(message(f, ": cells is ", o.cells, ", expected at least ", groups, ", one ",
                              "of each perturbation and the control in each context"));
  in("library", o.library, detail::least_library, detail::most_library);
  in("density", o.density, 0, 1);
  in("dispersion", o.dispersion, 0, 100);
  in("cells_spread", o.cells_spread, 0, 3);
  in("library_spread", o.library_spread, 0, 3);
  in("dispersion_spread", o.dispersion_spread, 0, 3);
  in("expression_spread", o.expression_spread, 0, 3);
  in("context_spread", o.context_spread, 0, 3);
  in("state_spread", o.state_spread, 0, 3);
  in("batch_spread", o.batch_spread, 0, 3);
  in("effect", o.effect, 0, 3);
  in("program_genes", o.program_genes, 0, 1);
  in("specific", o.specific, 0, 1);
  in("without_effect", o.without_effect, 0, 1);
  in("knockdown", o.knockdown, 0, 0.999);
  in("partial", o.partial, 0, 1);
  in("partial_strength", o.partial_strength, 0, 1);
  in("most_efficiency", o.most_efficiency, 0, 1);
  in("least_efficiency", o.least_efficiency, 0, o.most_efficiency);
  in("interaction", o.interaction, 0, 10);
  in("doses", double(o.doses), 0, 1e4);
  in("feature_noise", o.feature_noise, 0, 10);
}

VCELL_END_NAMESPACE
