// The intervals that vcell evaluate writes, beside those that the test finds by their definition in
// docs/file-formats.md, with its own half-samples and its own scores.
#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "support/catch.hpp"
#include "support/golden.hpp"
#include "support/program.hpp"
#include "vcell/core/rng.hpp"
#include "vcell/data/factor.hpp"
#include "vcell/io/csv.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/io/number_text.hpp"

using namespace vcell_test;

namespace {

using Cell = std::vector<double>;

/// The cells of each label.
struct DenseSide {
  std::map<std::string, std::vector<Cell>> cells;
  std::vector<std::string> genes;

  explicit DenseSide(const std::filesystem::path& file) {
    const auto adata = vcell::read_h5ad(file);
    const auto X = vcell::to_csr<float>(adata.X.value());
    genes = adata.var.index;
    const auto labels = vcell::factor(adata.obs.column("target_gene"));
    for (size_t i = 0; i < X.rows; ++i) {
      Cell cell(X.columns, 0.0);
      for (size_t k = 0; k < X.row_size(i); ++k)
        cell[size_t(X.row_indices(i)[k])] = double(X.row_values(i)[k]);
      cells[labels.names[size_t(labels.codes[i])]].push_back(std::move(cell));
    }
  }

  /// The mean cell of half of each label's cells, without replacement; with all, of all of them.
  std::map<std::string, Cell> means(vcell::Rng& rng, bool all = false) const {
    std::map<std::string, Cell> out;
    for (const auto& [label, of_label] : cells) {
      std::vector<size_t> order(of_label.size());
      for (size_t i = 0; i < order.size(); ++i) {
        order[i] = i;
        std::swap(order[i], order[size_t(rng.below(i + 1))]);
      }
      if (!all) order.resize((order.size() + (order.size() % 2 ? rng.below(2) : 0)) / 2);
      Cell mean(genes.size(), 0.0);
      for (const size_t i : order)
        std::transform(mean.begin(), mean.end(), of_label[i].begin(), mean.begin(), std::plus<>());
      for (double& x : mean) x /= double(order.size());
      out[label] = mean;
    }
    return out;
  }
};

double mean_difference(const Cell& a, const Cell& b) {
  double sum = 0;
  for (size_t g = 0; g < a.size(); ++g) sum += std::abs(a[g] - b[g]);
  return sum / double(a.size());
}

double correlation(const Cell& a, const Cell& b) {
  double ma = 0, mb = 0, ab = 0, aa = 0, bb = 0;
  for (size_t g = 0; g < a.size(); ++g)
    ma += a[g] / double(a.size()), mb += b[g] / double(a.size());
  for (size_t g = 0; g < a.size(); ++g) {
    ab += (a[g] - ma) * (b[g] - mb);
    aa += (a[g] - ma) * (a[g] - ma);
    bb += (b[g] - mb) * (b[g] - mb);
  }
  return ab / std::sqrt(aa * bb);
}

/// Mean scores over perturbations.
std::map<std::string, double> scores(const std::map<std::string, Cell>& real,
                                     const std::map<std::string, Cell>& predicted,
                                     const std::vector<std::string>& genes) {
  const std::string control = "non-targeting";
  const auto shift = [&](const std::map<std::string, Cell>& side, const std::string& label) {
    Cell out = side.at(label);
    const Cell& of_control = side.at(control);
    std::transform(out.begin(), out.end(), of_control.begin(), out.begin(), std::minus<>());
    return out;
  };
  std::vector<std::string> labels;
  for (const auto& [label, mean] : real)
    if (label != control) labels.push_back(label);
  const double n = double(labels.size());
  std::map<std::string, Cell> shifts;
  for (const std::string& label : labels) shifts[label] = shift(real, label);
  std::map<std::string, double> out;
  for (const std::string& label : labels) {
    const Cell a = shift(predicted, label);
    out["mae"] += mean_difference(real.at(label), predicted.at(label)) / n;
    out["mae_delta"] += mean_difference(shifts[label], a) / n;
    out["pearson_delta"] += correlation(shifts[label], a) / n;
    const auto own = std::find(genes.begin(), genes.end(), label);
    const auto distance = [&](const std::string& other) {
      Cell x = a, y = shifts[other];
      if (own != genes.end()) x[size_t(own - genes.begin())] = y[size_t(own - genes.begin())] = 0;
      return mean_difference(x, y);
    };
    const double to_own = distance(label);
    double nearer = 0;
    for (const std::string& other : labels) nearer += distance(other) < to_own;
    out["discrimination_score_l1"] += (1 - nearer / n) / n;
  }
  return out;
}

}  // namespace

TEST_CASE("evaluate: intervals are those of half-samples of the cells", "[program][golden]") {
  const auto golden = golden_folder("evaluation");
  if (!golden) VCELL_SKIP("golden folder evaluation is absent");
  const TemporaryFolder folder("evaluate_intervals");
  const auto ran = run_vcell_in(
      folder, "evaluate -ap '" + (*golden / "pred.h5ad").string() + "' -ar '" +
                  (*golden / "real.h5ad").string() +
                  "' --profile vcell --intervals means --skip-metrics edistance -o out");
  INFO(ran.err);
  REQUIRE(ran.code == 0);

  const DenseSide real(*golden / "real.h5ad"), predicted(*golden / "pred.h5ad");
  vcell::Rng rng(11);
  const auto of_all = scores(real.means(rng, true), predicted.means(rng, true), real.genes);
  constexpr int samples = 500;                            // whose own deviation is 3 % off
  std::map<std::string, std::pair<double, double>> sums;  // of values and of their squares
  for (int i = 0; i < samples; ++i)
    for (const auto& [name, value] : scores(real.means(rng), predicted.means(rng), real.genes)) {
      const double x = value - of_all.at(name);
      sums[name].first += x;
      sums[name].second += x * x;
    }

  const auto table = vcell::read_csv(folder.path() / "out" / "intervals.csv");
  const auto number = [&](size_t row, const char* column) {
    return vcell::parse_number(table.rows[row][table.column(column)]).value();
  };
  const std::map<std::string, std::pair<double, double>> range = {
      {"mae", {0, 1e9}},
      {"mae_delta", {0, 1e9}},
      {"pearson_delta", {-1, 1}},
      {"discrimination_score_l1", {0, 1}}};
  REQUIRE(table.rows.size() == range.size());
  for (size_t r = 0; r < table.rows.size(); ++r) {
    const std::string name = table.rows[r][table.column("metric")];
    INFO(name);
    const auto& [sum, squares] = sums.at(name);
    const double sd = std::sqrt((squares - sum * sum / samples) / (samples - 1)),
                 found = number(r, "sd"), score = of_all.at(name);
    REQUIRE(sd > 0);
    // A deviation over 200 samples is itself 5 % off.
    REQUIRE(std::abs(found - sd) < 0.2 * sd);
    const auto& [lowest, highest] = range.at(name);
    REQUIRE(number(r, "low") == Approx(std::max(lowest, score - 1.96 * found)).margin(2e-6));
    REQUIRE(number(r, "high") == Approx(std::min(highest, score + 1.96 * found)).margin(2e-6));
  }
}
