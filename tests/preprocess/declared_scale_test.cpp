#include "vcell/preprocess/declared_scale.hpp"

#include "preprocess/small_data.hpp"
#include "support/catch.hpp"
#include "vcell/preprocess/normalize_to_log1p.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {

AnnData counts() { return around(dense(2, {0, 3, 1, 0})); }
AnnData fractions() { return around(dense(2, {0, 1.5, 1, 0})); }

AnnData declared(AnnData a, Scale scale) {
  declare_scale(a, scale);
  return a;
}

}  // namespace

TEST_CASE("declared_scale: what is given wins, then what the file says", "[preprocess]") {
  CHECK(declared_scale(counts(), Scale::counts).scale == Scale::counts);
  CHECK(declared_scale(declared(counts(), Scale::log1p), Scale::counts).scale == Scale::counts);
  CHECK(declared_scale(fractions(), Scale::log1p).scale == Scale::log1p);
  const DeclaredScale said = declared_scale(declared(fractions(), Scale::log1p));
  CHECK(said.scale == Scale::log1p);
  CHECK_FALSE(said.inferred);
}

TEST_CASE("declared_scale: counts are inferred from whole numbers alone", "[preprocess]") {
  const DeclaredScale inferred = declared_scale(counts());
  CHECK(inferred.scale == Scale::counts);
  CHECK(inferred.inferred);
  CHECK_THROWS_WITH(declared_scale(fractions()), contains("cell 'c0', gene 'g1' holds 1.5") &&
                                                     contains("--scale counts or --scale log1p"));
  CHECK_THROWS_AS(declared_scale(around(dense(2, {0, 3, -1, 0}))), ConfigError);
  CHECK_THROWS_AS(declared_scale(around(dense(1, {float(INFINITY)}))), ConfigError);
}

TEST_CASE("declared_scale: X must not contradict it", "[preprocess]") {
  CHECK_THROWS_WITH(declared_scale(fractions(), Scale::counts),
                    contains("declared counts") && contains("cell 'c0', gene 'g1' holds 1.5"));
  CHECK_THROWS_WITH(declared_scale(around(dense(2, {0, 1, -2, 3})), Scale::counts),
                    contains("cell 'c1', gene 'g0' holds -2"));
  CHECK_THROWS_WITH(declared_scale(declared(counts(), Scale::log1p)),
                    contains("declared log1p") && contains("cell 'c0', gene 'g1' holds 3") &&
                        contains("whole numbers only"));
  CHECK_THROWS_WITH(declared_scale(around(dense(2, {0.5, 31.5})), Scale::log1p),
                    contains("cell 'c0', gene 'g1' holds 31.5"));
  CHECK_THROWS_WITH(declared_scale(around(dense(2, {0.5, -0.25})), Scale::log1p),
                    contains("gene 'g1' holds -0.25"));
  CHECK_THROWS_AS(declared_scale(around(dense(2, {0.5, float(NAN)})), Scale::log1p), ConfigError);
}

TEST_CASE("declared_scale: without any value above 0 both fit", "[preprocess]") {
  const AnnData zeros = around(dense(2, {0, 0})), empty = around(DenseMatrix<float>{0, 0, {}});
  for (const AnnData* a : {&zeros, &empty}) {
    CHECK(declared_scale(*a, Scale::log1p).scale == Scale::log1p);
    CHECK(declared_scale(*a, Scale::counts).scale == Scale::counts);
    CHECK(declared_scale(*a).inferred);
  }
}

TEST_CASE("declared_scale: the base of the logarithm", "[preprocess]") {
  AnnData a = fractions();
  a.uns["log1p"] = Dict{};  // as written by tools that drop a null
  CHECK(declared_scale(a).scale == Scale::log1p);
  a.uns["log1p"] = Dict{{"base", 2.718281828459045}};
  CHECK(declared_scale(a).scale == Scale::log1p);
  a.uns["log1p"] = Dict{{"base", int64_t(2)}};
  CHECK_THROWS_WITH(declared_scale(a), contains("logarithm to base 2"));
  a.uns["log1p"] = Dict{{"base", std::string("ten")}};
  CHECK_THROWS_AS(declared_scale(a), ConfigError);
}

TEST_CASE("declared_scale: how it is recorded", "[preprocess]") {
  AnnData a = declared(fractions(), Scale::log1p);
  REQUIRE(find(a.uns, "log1p/base"));
  CHECK(find(a.uns, "log1p/base")->is_nothing());
  declare_scale(a, Scale::counts);
  CHECK_FALSE(find(a.uns, "log1p"));
  a.X.reset();
  CHECK_THROWS_WITH(declared_scale(a), contains("there is no X"));
}

TEST_CASE("declared_scale: what vcell wrote says scale and total", "[preprocess]") {
  AnnData a = around(dense(2, {0.5f, 0, 1.5f, 2}));
  a.uns["vcell"] = Dict{{"other", "kept"}};
  CHECK_FALSE(declared_target_sum(a));
  declare_scale(a, Scale::log1p, 5000.0);
  CHECK(*declared_target_sum(a) == 5000);
  CHECK(declared_scale(a).scale == Scale::log1p);
  a.uns.erase("log1p");
  CHECK(declared_scale(a).scale == Scale::log1p);
  CHECK(find(a.uns, "vcell/other"));
  declare_scale(a, Scale::log1p);
  CHECK_FALSE(declared_target_sum(a));
  AnnData counts = around(dense(2, {1, 0, 2, 2}));
  declare_scale(counts, Scale::counts);
  CHECK_FALSE(declared_scale(counts).inferred);
  CHECK_FALSE(find(counts.uns, "log1p"));
  // Fractions are no counts, unless it is said that they may be.
  AnnData predicted = around(dense(2, {1.5f, 0, 2, 2}));
  declare_scale(predicted, Scale::counts);
  CHECK_THROWS_WITH(declared_scale(predicted), contains("whole numbers"));
  declare_scale(predicted, Scale::counts, {}, true);
  CHECK(declared_scale(predicted).scale == Scale::counts);
  CHECK(declared_scale(predicted, Scale::counts).scale == Scale::counts);
  CHECK(normalize_to_log1p(predicted).found.scale == Scale::counts);
  CHECK(declared_scale(predicted).scale == Scale::log1p);
  for (const float wrong : {-1.f, INFINITY, NAN}) {
    AnnData none = around(dense(2, {wrong, 0, 2, 2}));
    declare_scale(none, Scale::counts, {}, true);
    CHECK_THROWS_WITH(declared_scale(none), contains("finite numbers from 0"));
  }
  for (const Value& wrong : {Value("many"), Value(0.0), Value(-1), Value(INFINITY), Value()}) {
    a.uns["vcell"] = Dict{{"target_sum", wrong}};
    CHECK_THROWS_WITH(declared_target_sum(a), contains("target_sum"));
  }
  for (const Value& wrong : {Value("log2"), Value(1)}) {
    a.uns["vcell"] = Dict{{"scale", wrong}};
    CHECK_THROWS_WITH(declared_scale(a), contains("uns['vcell']['scale']"));
  }
}

TEST_CASE("normalize_to_log1p: the total is declared and stays", "[preprocess]") {
  AnnData a = around(dense(2, {1, 3, 2, 2}));
  CHECK(*normalize_to_log1p(a, {.scale = {}, .target_sum = 10}).target_sum == 10);
  CHECK(*declared_target_sum(a) == 10);
  const auto again = normalize_to_log1p(a);
  CHECK(again.found.scale == Scale::log1p);
  CHECK(*again.target_sum == 10);
  CHECK(*declared_target_sum(a) == 10);
  AnnData foreign = around(dense(2, {0.5f, 0, 1.5f, 2}));
  CHECK_FALSE(normalize_to_log1p(foreign, {.scale = Scale::log1p}).target_sum);
  CHECK_FALSE(declared_target_sum(foreign));
}

TEST_CASE("declared_scale: the first offender is named, for any number of threads",
          "[preprocess]") {
  Matrix m = random_counts(20000, 10, 3);
  const auto values = m.values().values<float>();
  for (size_t i : {values.size() - 1, values.size() / 2, values.size() / 2 + 7}) values[i] = 0.5;
  const auto [one, three] = on_one_and_three_threads(
      [&] { return find_value(m, [](auto x) { return x == 0.5; })->cell; });
  CHECK(one == three);
  const auto& indptr = m.indptr();
  CHECK(size_t(indptr[one]) <= values.size() / 2);
  CHECK(size_t(indptr[one + 1]) > values.size() / 2);
}
