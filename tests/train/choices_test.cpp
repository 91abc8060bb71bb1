#include "vcell/train/choices.hpp"

#include "support/errors.hpp"

using namespace vcell;
using vcell_test::check_error;

TEST_CASE("choices: every name is that of its enumerator", "[train]") {
  REQUIRE(name_of_choice(Scale::counts) == "counts");
  REQUIRE(name_of_choice(Scale::log1p) == "log1p");
  REQUIRE(name_of_choice(OutputSpace::hvg) == "hvg");
  REQUIRE(name_of_choice(OutputSpace::all_genes) == "all_genes");
  REQUIRE(name_of_choice(SetLoss::energy_distance) == "energy_distance");
  REQUIRE(name_of_choice(SetLoss::mean_squared_error) == "mean_squared_error");
  REQUIRE(name_of_choice(SetLoss::rbf_mmd) == "rbf_mmd");
  REQUIRE(name_of_choice(SetLoss::sinkhorn) == "sinkhorn");
  REQUIRE(name_of_choice(SetLoss::energy_sinkhorn) == "energy_sinkhorn");
  REQUIRE(name_of_choice(MmdEstimator::biased) == "biased");
  REQUIRE(name_of_choice(MmdEstimator::unbiased) == "unbiased");
  REQUIRE(name_of_choice(OptimizerKind::adam) == "adam");
  REQUIRE(name_of_choice(OptimizerKind::adamw) == "adamw");
  REQUIRE(name_of_choice(ScheduleShape::constant) == "constant");
  REQUIRE(name_of_choice(ScheduleShape::cosine) == "cosine");
  REQUIRE(name_of_choice(ScheduleShape::chained) == "chained");
  REQUIRE(name_of_choice(ChooseBy::loss) == "loss");
  REQUIRE(name_of_choice(ChooseBy::pearson_delta) == "pearson_delta");
  REQUIRE(name_of_choice(ChooseBy::discrimination) == "discrimination");
}

TEST_CASE("choices: a name is found again, another is none", "[train]") {
  REQUIRE(choice_of<OptimizerKind>("adamw") == OptimizerKind::adamw);
  REQUIRE_FALSE(choice_of<OptimizerKind>("AdamW"));
  REQUIRE_FALSE(choice_of<OptimizerKind>(""));
  REQUIRE(choice_names<ScheduleShape>() ==
          std::vector<std::string>{"constant", "cosine", "chained"});
}

TEST_CASE("choices: a value outside of the enumerators is an error", "[train]") {
  check_error<ConfigError>([] { name_of_choice(OptimizerKind(2)); },
                           {"name_of_choice: 2 ", "0 .. 1", "'adam', 'adamw'"});
  check_error<ConfigError>([] { name_of_choice(Scale(-1)); },
                           {"name_of_choice: -1 ", "'counts', 'log1p'"});
}
