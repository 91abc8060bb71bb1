#include <nlohmann/json.hpp>

#include "golden_support.hpp"
#include "support/golden.hpp"

using namespace vcell_test;

namespace {

nlohmann::json read_json(const std::filesystem::path& path) {
  return nlohmann::json::parse(read_text(path));
}

/// Runs what config.json says about a table and compares the result with it.
void require_pdex(const std::filesystem::path& folder, const std::string& table) {
  const auto config = read_json(folder / "config.json");
  const auto& call = config.at("pdex03").at(table);
  const auto& arguments = call.at("arguments");
  REQUIRE(arguments.at("mode") == "ref");
  const AnnData adata = read_h5ad(folder / (call.at("input").get<std::string>() + ".h5ad"));
  const auto X = to_csr<float>(*adata.X);
  const auto groups = factor(adata.obs.column("target_gene"));
  const auto de =
      differential_expression(X.view(), adata.var.index, groups, "non-targeting",
                              {.epsilon = arguments.value("epsilon", 1e-9),
                               .is_log1p = arguments.at("is_log1p").get<bool>(),
                               .geometric_mean = arguments.value("geometric_mean", true)});
  for (const auto& [name, cells] : config.at("groups").items()) {
    const auto found = std::find(de.targets.begin(), de.targets.end(), name);
    REQUIRE(cells == (found == de.targets.end()
                          ? de.ref_membership
                          : de.target_membership[size_t(found - de.targets.begin())]));
  }
  require_table(de, read_csv(folder / ("pdex03_" + table + ".csv")),
                {.mean_relative = 2e-6,
                 .log2_absolute = 5e-6,
                 .log2_relative = 0,
                 .percent_absolute = 5e-6,
                 .percent_relative = 5e-6,
                 .p_relative = 1e-10});
}

}  // namespace

TEST_CASE("differential_expression: pdex on log1p values", "[eval][golden]") {
  const auto folder = golden_folder("differential_expression");
  if (!folder) VCELL_SKIP("golden folder differential_expression is absent");
  require_pdex(*folder, "ref_log1p");
}

TEST_CASE("differential_expression: pdex on counts", "[eval][golden]") {
  const auto folder = golden_folder("differential_expression");
  if (!folder) VCELL_SKIP("golden folder differential_expression is absent");
  require_pdex(*folder, "ref_counts");
}
