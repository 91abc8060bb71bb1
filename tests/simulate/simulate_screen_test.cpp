#include <numeric>
#include <set>

#include "support/catch.hpp"
#include "vcell/data/check_anndata.hpp"
#include "vcell/data/factor.hpp"
#include "vcell/simulate/truth_anndata.hpp"

using namespace vcell;
using vcell_test::contains;

namespace {

SimulateOptions small() {
  SimulateOptions o;
  o.genes = 120;
  o.perturbations = 8;
  o.cells_per_perturbation = 40;
  o.control_cells = 200;
  o.library = 1500;
  o.without_effect = 0.25;
  return o;
}

/// Mean and variance over cells of the counts of each gene, per 1,500 counts of the cell's library,
/// whose true size is used: what is left is biology and counting.
struct Profile {
  std::vector<double> mean, variance;
  size_t cells = 0;
};

Profile profile(const SimulatedScreen& s, int32_t context, int32_t perturbation) {
  const size_t genes = s.truth.genes.size();
  Profile out{std::vector<double>(genes), std::vector<double>(genes)};
  std::vector<double> row(genes);
  for (size_t c = 0; c < s.truth.cells.size(); ++c) {
    const CellTruth& cell = s.truth.cells[c];
    if (cell.context != context || cell.perturbation != perturbation) continue;
    ++out.cells;
    copy_row(*s.screen.X, c, std::span(row));
    for (size_t g = 0; g < genes; ++g) {
      const double x = row[g] * 1500 / cell.library;
      out.mean[g] += x;
      out.variance[g] += x * x;
    }
  }
  const double n = double(out.cells);
  for (size_t g = 0; g < genes; ++g) {
    out.mean[g] /= n;
    out.variance[g] = (out.variance[g] - n * out.mean[g] * out.mean[g]) / (n - 1);
  }
  return out;
}

double correlation(const std::vector<double>& a, const std::vector<double>& b) {
  const double n = double(a.size()), ma = std::accumulate(a.begin(), a.end(), 0.0) / n,
               mb = std::accumulate(b.begin(), b.end(), 0.0) / n;
  double ab = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    ab += (a[i] - ma) * (b[i] - mb);
    aa += (a[i] - ma) * (a[i] - ma);
    bb += (b[i] - mb) * (b[i] - mb);
  }
  return ab / std::sqrt(aa * bb);
}

}  // namespace

TEST_CASE("simulate_screen: the same bytes for the same seed, on any number of threads",
          "[simulate]") {
  const int before = num_threads();
  set_num_threads(1);
  const SimulatedScreen one = simulate_screen(small());
  set_num_threads(3);
  const SimulatedScreen three = simulate_screen(small());
  SimulateOptions other = small();
  other.seed = 1;
  const SimulatedScreen another = simulate_screen(other);
  set_num_threads(before);
  CHECK(one.screen == three.screen);
  CHECK(one.features == three.features);
  CHECK(one.truth.shift == three.truth.shift);
  CHECK_FALSE(*one.screen.X == *another.screen.X);
  CHECK_FALSE(one.truth.shift == another.truth.shift);
}

TEST_CASE("simulate_screen: what the screen holds", "[simulate]") {
  const SimulateOptions o = small();
  const SimulatedScreen s = simulate_screen(o);
  CHECK_NOTHROW(check_anndata(s.screen));
  CHECK(s.screen.genes() == o.genes);
  for (float x : s.screen.X->values().values<float>()) REQUIRE((x > 0 && x == int(x)));
  const Factor perturbation = factor(s.screen.obs.column("perturbation"));
  const Factor context = factor(s.screen.obs.column("context"));
  const Factor guide = factor(s.screen.obs.column("guide"));
  CHECK(perturbation.names.size() == o.perturbations + 1);
  CHECK(perturbation.code("non-targeting") >= 0);
  CHECK(context.names == std::vector<std::string>{"context_1", "context_2", "context_3"});
  CHECK(factor(s.screen.obs.column("batch")).names.size() == o.batches);
  for (const auto& name : perturbation.names) {
    const bool is_gene = std::binary_search(s.truth.genes.begin(), s.truth.genes.end(), name);
    CHECK((is_gene || name == "non-targeting"));
  }
  std::vector<size_t> sizes(perturbation.names.size() * context.names.size());
  for (size_t c = 0; c < s.screen.cells(); ++c) {
    ++sizes[size_t(context.codes[c]) * perturbation.names.size() + size_t(perturbation.codes[c])];
    // A guide belongs to its perturbation.
    const auto& name = perturbation.names[size_t(perturbation.codes[c])];
    REQUIRE(guide.names[size_t(guide.codes[c])].rfind(name + "_g", 0) == 0);
  }
  CHECK(*std::min_element(sizes.begin(), sizes.end()) >= 1);
  std::sort(sizes.begin(), sizes.end());
  CHECK(std::unique(sizes.begin(), sizes.end()) - sizes.begin() > 5);  // uneven
}

TEST_CASE("simulate_screen: observed log fold changes are the true shift", "[simulate]") {
  SimulateOptions o = small();
  o.cells_per_perturbation = 400;
  o.control_cells = 1500;
  o.cells_spread = 0;
  const SimulatedScreen s = simulate_screen(o);
  for (int32_t k = 0; k < int32_t(o.contexts); ++k) {
    const Profile control = profile(s, k, -1);
    for (int32_t p = 0; p < int32_t(o.perturbations); ++p) {
      CAPTURE(k, p);
      const Profile perturbed = profile(s, k, p);
      const auto shift = s.truth.shift_of(size_t(k), size_t(p));
      std::vector<double> seen, truth;
      double squares = 0;
      for (size_t g = 0; g < o.genes; ++g) {
        if (control.mean[g] < 1) continue;
        // Cells differ in strength, so the expected ratio is a mean over them.
        double ratio = 0;
        for (const CellTruth& c : s.truth.cells)
          if (c.context == k && c.perturbation == p) ratio += std::exp(c.strength * shift[g]);
        truth.push_back(std::log(ratio / double(perturbed.cells)));
        seen.push_back(std::log(perturbed.mean[g] / control.mean[g]));
        const double error = std::sqrt(perturbed.variance[g] / double(perturbed.cells) +
                                       control.variance[g] / double(control.cells));
        const double z = (perturbed.mean[g] - control.mean[g]) / error;
        squares += z * z;
      }
      REQUIRE(seen.size() > 40);
      if (s.truth.has_effect[size_t(p)]) {
        CHECK(correlation(seen, truth) > 0.9);
      } else {
        // Nothing but sampling error: the z scores have mean square 1.
        for (double x : shift) REQUIRE(x == 0);
        CHECK(squares / double(seen.size()) == Approx(1).margin(0.5));
      }
    }
  }
}

TEST_CASE("simulate_screen: the own target is knocked down fully, partially or not", "[simulate]") {
  SimulateOptions o = small();
  o.cells_per_perturbation = 300;
  const SimulatedScreen s = simulate_screen(o);
  std::array<double, 4> observed{}, expected{};
  std::array<size_t, 4> cells{};
  std::vector<double> row(o.genes), left_alone(o.genes);
  for (size_t c = 0; c < s.truth.cells.size(); ++c) {
    const CellTruth& cell = s.truth.cells[c];
    if (cell.perturbation < 0) {
      CHECK(cell.response == Response::control);
      continue;
    }
    const size_t target = s.truth.targets[size_t(cell.perturbation)], r = size_t(cell.response);
    copy_row(*s.screen.X, c, std::span(row));
    expected_counts(s.truth, c, left_alone, false);
    observed[r] += row[target];
    expected[r] += left_alone[target];
    ++cells[r];
  }
  const double full = observed[3] / expected[3], partial = observed[2] / expected[2];
  CHECK(full == Approx(0.1).margin(0.02));
  CHECK(partial == Approx(std::pow(0.1, o.partial_strength)).margin(0.05));
  CHECK(observed[1] / expected[1] == Approx(1).margin(0.1));
  // Six of eight perturbations respond, in 85 % of the cells on average; a quarter of them partly.
  CHECK(double(cells[2]) / double(cells[2] + cells[3]) == Approx(o.partial).margin(0.03));
  CHECK(double(cells[1]) / double(cells[1] + cells[2] + cells[3]) ==
        Approx(1 - 0.75 * 0.85).margin(0.06));
}

TEST_CASE("simulate_screen: effects are shared, but for those of one context", "[simulate]") {
  SimulateOptions o = small();
  o.perturbations = 20;
  o.genes = 200;
  const SimulatedScreen s = simulate_screen(o);
  size_t shared = 0, specific = 0, without = 0;
  for (size_t p = 0; p < o.perturbations; ++p) {
    size_t different = 0;
    for (size_t k = 1; k < o.contexts; ++k) {
      const auto first = s.truth.shift_of(0, p), here = s.truth.shift_of(k, p);
      different += !std::equal(first.begin(), first.end(), here.begin());
    }
    if (!s.truth.has_effect[p])
      ++without;
    else if (different)
      ++specific;
    else
      ++shared;
  }
  CHECK(without == 5);
  CHECK(specific == 6);  // 40 % of the other 15
  CHECK(shared == 9);
}

TEST_CASE("simulate_screen: features carry the programmes", "[simulate]") {
  SimulateOptions o = small();
  o.feature_noise = 0;
  const SimulatedScreen s = simulate_screen(o);
  CHECK(s.features.perturbations.front() == o.control);
  for (float x : s.features.vectors.row(0)) CHECK(x == 0);
  CHECK(s.features.dimensions == s.truth.programs);
  // With activity and loadings they give the shift of every gene but the target.
  for (size_t p = 0; p < o.perturbations; ++p) {
    const auto vector = s.features.vectors.row(p + 1);
    const auto shift = s.truth.shift_of(1, p);
    for (size_t g = 0; g < o.genes; ++g) {
      if (g == s.truth.targets[p]) continue;
      double sum = 0;
      for (size_t q = 0; q < vector.size(); ++q)
        sum += vector[q] * s.truth.activity.row(1)[q] * s.truth.loadings.row(q)[g];
      REQUIRE(sum == Approx(shift[g]).margin(1e-5));
    }
  }
}

TEST_CASE("simulate_screen: combinations are their parts and an interaction", "[simulate]") {
  SimulateOptions o = small();
  const SimulatedScreen plain = simulate_screen(o);
  o.combinations = 10;
  o.combination_separator = "|";
  const SimulatedScreen s = simulate_screen(o);
  const ScreenTruth& t = s.truth;
  REQUIRE(t.combinations.size() == 10);
  REQUIRE(t.perturbations.size() == 18);
  REQUIRE(t.shift.rows == 18 * o.contexts);
  CHECK(s.features == plain.features);  // of the parts alone
  CHECK(std::equal(plain.truth.weights.values.begin(), plain.truth.weights.values.end(),
                   t.weights.values.begin()));
  size_t interacting = 0, additive = 0;
  std::set<std::string> names;
  for (size_t i = 0; i < 10; ++i) {
    const auto [a, b] = t.combinations[i];
    CHECK(a < b);
    CHECK(t.perturbations[8 + i] == t.perturbations[a] + "|" + t.perturbations[b]);
    names.insert(t.perturbations[8 + i]);
    const bool both = t.has_effect[a] && t.has_effect[b];
    CHECK(t.has_effect[8 + i] == (t.has_effect[a] || t.has_effect[b]));
    size_t others = 0;
    for (size_t q = 0; q < t.programs.size(); ++q) {
      const double more = t.weights.row(8 + i)[q] - t.weights.row(a)[q] - t.weights.row(b)[q];
      if (std::abs(more) > 1e-12) {
        ++others;
        CHECK(q < o.programs);
        CHECK(std::abs(more) <= 1.4 * o.interaction);
      }
    }
    CHECK(others == size_t(both));
    (both ? interacting : additive) += 1;
    for (size_t k = 0; k < o.contexts; ++k) {
      const auto pair = t.shift_of(k, 8 + i);
      if (!both)  // as the part that does something, if one does
        for (size_t g = 0; g < o.genes; ++g)
          CHECK(pair[g] == Approx(t.shift_of(k, a)[g] + t.shift_of(k, b)[g]).margin(1e-12));
      for (const size_t part : {a, b})
        if (t.has_effect[part]) CHECK(pair[t.targets[part]] == Approx(std::log1p(-o.knockdown)));
    }
  }
  CHECK(names.size() == 10);
  CHECK(interacting > 0);
  CHECK(additive > 0);
  size_t cells = 0;
  for (const CellTruth& c : t.cells) cells += c.perturbation >= 8;
  CHECK(cells > 10 * o.contexts * 20);
  CHECK(effect_truth_anndata(s.truth).cells() == 18 * o.contexts);
}

TEST_CASE("simulate_screen: doses scale the effect, and without them nothing changes",
          "[simulate]") {
  SimulateOptions o = small();
  CHECK_FALSE(simulate_screen(o).screen.obs.has("dose"));
  o.doses = 4;
  const SimulatedScreen s = simulate_screen(o);
  const auto doses = s.screen.obs.column("dose").numbers();
  size_t seen[5] = {};
  for (size_t i = 0; i < s.truth.cells.size(); ++i) {
    const CellTruth& c = s.truth.cells[i];
    if (c.perturbation < 0) {
      CHECK(doses[i] == 0);
      continue;
    }
    const double level = 4 * doses[i];
    REQUIRE((level == 1 || level == 2 || level == 3 || level == 4));
    ++seen[size_t(level)];
    const double whole = c.response == Response::escaped   ? 0
                         : c.response == Response::partial ? o.partial_strength
                                                           : 1;
    CHECK(c.strength == Approx(whole * doses[i]));
  }
  for (const size_t level : {1, 2, 3, 4}) CHECK(seen[level] > 150);
  CHECK(cell_truth_anndata(s).obs.has("dose"));
}

TEST_CASE("simulate_screen: libraries, batches and states are as asked", "[simulate]") {
  SimulateOptions o = small();
  o.batch_spread = 0;
  o.control_cells = 3000;
  o.cells_per_perturbation = 1;
  const SimulatedScreen s = simulate_screen(o);
  double total = 0, library = 0;
  std::vector<double> in_state(o.states), in_batch(o.batches);
  size_t controls = 0;
  for (size_t c = 0; c < s.truth.cells.size(); ++c) {
    const CellTruth& cell = s.truth.cells[c];
    if (cell.perturbation >= 0 || cell.context != 0) continue;
    for (float x : s.screen.X->csr<float>().row_values(c)) total += x;
    library += cell.library;
    ++in_state[size_t(cell.state)];
    ++in_batch[size_t(cell.batch)];
    ++controls;
  }
  CHECK(controls == o.control_cells);
  CHECK(library / double(controls) == Approx(o.library).epsilon(0.02));
  CHECK(total / library == Approx(1).epsilon(0.02));
  for (size_t i = 0; i < o.states; ++i)
    CHECK(in_state[i] / double(controls) == Approx(s.truth.state_shares.row(0)[i]).margin(0.04));
  for (double n : in_batch) CHECK(n / double(controls) == Approx(0.5).margin(0.04));
}

TEST_CASE("simulate_screen: the truth as AnnData", "[simulate]") {
  const SimulatedScreen s = simulate_screen(small());
  const AnnData cells = cell_truth_anndata(s), effects = effect_truth_anndata(s.truth);
  CHECK_NOTHROW(check_anndata(cells));
  CHECK_NOTHROW(check_anndata(effects));
  CHECK(cells.obs.index == s.screen.obs.index);
  const auto mean = to_dense<float>(*cells.X);
  const auto basal = to_dense<float>(cells.layers.at("basal"));
  const auto noise = to_dense<float>(cells.layers.at("noise"));
  const auto shift = to_dense<float>(*effects.X);
  std::vector<float> counts(s.screen.genes());
  for (size_t c = 0; c < s.screen.cells(); ++c) {
    copy_row(*s.screen.X, c, std::span(counts));
    const CellTruth& cell = s.truth.cells[c];
    const size_t row = size_t(cell.context) * s.truth.perturbations.size() +
                       size_t(std::max(cell.perturbation, 0));
    for (size_t g = 0; g < counts.size(); ++g) {
      REQUIRE(mean.row(c)[g] + noise.row(c)[g] == Approx(counts[g]).margin(1e-3));
      REQUIRE(std::log(mean.row(c)[g] / basal.row(c)[g]) ==
              Approx(cell.strength * shift.row(row)[g]).margin(1e-5));
    }
  }
  CHECK(effects.obs.index[1] == message("context_1|", s.truth.perturbations[1]));
  CHECK(cells.obs.has("basal_state"));
  CHECK(cells.obs.has("response"));
  CHECK_FALSE(s.screen.obs.has("basal_state"));
}

TEST_CASE("simulate_screen: edge sizes", "[simulate]") {
  SimulateOptions o;
  o.genes = o.contexts = o.batches = o.states = o.perturbations = o.guides = o.programs = 1;
  o.control_cells = 1;
  o.cells_per_perturbation = 1;
  o.without_effect = 0;
  o.program_genes = 0;
  o.dispersion = 0;
  const SimulatedScreen s = simulate_screen(o);
  CHECK(s.screen.cells() >= 2);
  CHECK(s.screen.genes() == 1);
  CHECK(s.truth.perturbations == std::vector<std::string>{"GENE1"});
  CHECK_NOTHROW(effect_truth_anndata(s.truth));
  o.without_effect = 1;
  for (double x : simulate_screen(o).truth.shift.values) CHECK(x == 0);
}

TEST_CASE("simulate_screen: progress, and stopping", "[simulate]") {
  size_t last = 0;
  const auto s = simulate_screen(small(), [&](const ProgressUpdate& u) {
    CHECK(u.stage == "simulate");
    last = u.done;
    return true;
  });
  CHECK(last == s.screen.cells());
  CHECK_THROWS_AS(simulate_screen(small(), [](const ProgressUpdate&) { return false; }), Stopped);
}

TEST_CASE("simulate_screen: options that make no sense", "[simulate]") {
  const auto with = [](auto set) {
    SimulateOptions o = small();
    set(o);
    return o;
  };
  using O = SimulateOptions;
  CHECK_THROWS_WITH(simulate_screen(with([](O& o) { o.genes = 0; })), contains("genes is 0"));
  CHECK_THROWS_WITH(simulate_screen(with([](O& o) { o.perturbations = 121; })),
                    contains("perturbations is 121, expected at most the number of genes (120)"));
  CHECK_THROWS_WITH(simulate_screen(with([](O& o) { o.contexts = 0; })), contains("contexts is 0"));
  CHECK_THROWS_WITH(simulate_screen(with([](O& o) { o.knockdown = 1; })),
                    contains("knockdown is 1, expected 0 .. 0.999"));
  CHECK_THROWS_WITH(simulate_screen(with([](O& o) { o.dispersion = NAN; })),
                    contains("dispersion is nan"));
  CHECK_THROWS_WITH(
      simulate_screen(with([](O& o) { o.least_efficiency = 0.9, o.most_efficiency = 0.5; })),
      contains("least_efficiency is 0.9, expected 0 .. 0.5"));
  CHECK_THROWS_AS(simulate_screen(with([](O& o) { o.control.clear(); })), ConfigError);
  CHECK_THROWS_WITH(
      simulate_screen(with([](O& o) { o.combinations = 29; })),
      contains("combinations is 29, expected at most") && contains("8 perturbations"));
  CHECK_THROWS_AS(simulate_screen(with([](O& o) { o.combinations = size_t(-1); })), ConfigError);
  CHECK_THROWS_AS(simulate_screen(with([](O& o) { o.perturbations = o.combinations = 1; })),
                  ConfigError);
  CHECK_THROWS_WITH(
      simulate_screen(with([](O& o) { o.combinations = 1, o.combination_separator.clear(); })),
      contains("combination_separator is empty"));
  CHECK(simulate_screen(with([](O& o) { o.combinations = 28; })).truth.combinations.size() == 28);
  const std::string target = simulate_screen(small()).truth.perturbations[0];
  CHECK_THROWS_WITH(simulate_screen(with([&](O& o) { o.control = target; })),
                    contains("the name of a perturbed gene"));
}
