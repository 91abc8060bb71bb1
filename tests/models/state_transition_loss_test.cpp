#include "vcell/models/state_transition_loss.hpp"

#include "support/check_op.hpp"
#include "support/golden.hpp"
#include "support/state_transition_golden.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {

double value_of(const Variable<double, 0>& v) { return *v.value().data; }

const SetLoss losses[] = {SetLoss::energy_distance, SetLoss::mean_squared_error, SetLoss::rbf_mmd,
                          SetLoss::sinkhorn, SetLoss::energy_sinkhorn};

}  // namespace

TEST_CASE("state_transition_loss: what each setting names", "[models]") {
  const auto x = parameter<3>({3, 5, 7}, 1), y = parameter<3>({3, 5, 7}, 2);
  const auto with = [&](const auto& set, SetLoss loss) {
    StateTransitionConfig c;
    c.loss = loss;
    set(c);
    return value_of(state_transition_loss(c, x, y));
  };
  const auto plain = [&](SetLoss loss) { return with([](auto&) {}, loss); };
  const auto mean_of = [](const Variable<double, 1>& e) { return value_of(mean(e)); };
  const double energy = mean_of(energy_distance(x, y)),
               sinkhorn = mean_of(sinkhorn_divergence(x, y));
  CHECK(plain(SetLoss::energy_distance) == energy);
  CHECK(plain(SetLoss::mean_squared_error) == value_of(mean_squared_error(x, y)));
  CHECK(plain(SetLoss::rbf_mmd) == mean_of(maximum_mean_discrepancy(x, y)));
  CHECK(plain(SetLoss::sinkhorn) == sinkhorn);
  CHECK(plain(SetLoss::energy_sinkhorn) == Approx(energy + 0.01 * sinkhorn).epsilon(1e-14));
  CHECK(with([](auto& c) { c.sinkhorn_weight = 3; }, SetLoss::energy_sinkhorn) ==
        Approx(energy + 3 * sinkhorn).epsilon(1e-14));
  CHECK(with([](auto& c) { c.floor_squared = 20; }, SetLoss::energy_distance) ==
        mean_of(energy_distance(x, y, {.floor_squared = 20})));
  CHECK(with([](auto& c) { c.blur = 2; }, SetLoss::sinkhorn) ==
        mean_of(sinkhorn_divergence(x, y, {.blur = 2})));
  CHECK(with(
            [](auto& c) {
              c.sigmas = {0.5, 2};
              c.median_heuristic = true;
              c.estimator = MmdEstimator::unbiased;
            },
            SetLoss::rbf_mmd) ==
        mean_of(maximum_mean_discrepancy(
            x, y,
            {.sigmas = {0.5, 2}, .estimator = MmdEstimator::unbiased, .median_heuristic = true})));
}

TEST_CASE("state_transition_loss: chunks of genes", "[models]") {
  const auto x = parameter<3>({2, 4, 7}, 1), y = parameter<3>({2, 4, 7}, 2);
  for (const SetLoss kind : losses) {
    StateTransitionConfig c;
    c.loss = kind;
    const auto of = [&](const Variable<double, 3>& a, const Variable<double, 3>& b, size_t chunks) {
      c.loss_chunks = chunks;
      return state_transition_loss(c, a, b);
    };
    const auto part = [&](size_t begin, size_t end) {
      return value_of(of(slice(x, 2, begin, end), slice(y, 2, begin, end), 1));
    };
    const double one = value_of(of(x, y, 1));
    CHECK(one == part(0, 7));
    CHECK(value_of(of(x, y, 2)) == Approx((part(0, 4) + part(4, 7)) / 2).epsilon(1e-13));
    CHECK(value_of(of(x, y, 3)) ==
          Approx((part(0, 3) + part(3, 6) + part(6, 7)) / 3).epsilon(1e-13));
    // Five of two would be more than there are.
    CHECK(value_of(of(x, y, 5)) ==
          Approx((part(0, 2) + part(2, 4) + part(4, 6) + part(6, 7)) / 4).epsilon(1e-13));
    CHECK(value_of(of(x, y, 7)) == value_of(of(x, y, 1000)));
    if (kind != SetLoss::mean_squared_error) CHECK(std::abs(value_of(of(x, y, 3)) - one) > 1e-3);
    if (kind == SetLoss::sinkhorn || kind == SetLoss::energy_sinkhorn) continue;  // last step alone
    const auto loss = [&](const auto& a, const auto& b) { return of(a, b, 3); };
    CHECK(gradcheck(loss, {}, x, y).error < 1e-7);
  }
}

TEST_CASE("state_transition_loss: padding has no part in any of them", "[models]") {
  const auto x = parameter<3>({1, 6, 5}, 1), y = parameter<3>({1, 6, 5}, 2);
  const auto u = slice(x, 1, 0, 4), v = slice(y, 1, 0, 4);
  for (const auto* set : {&x, &y})
    for (size_t i = 4; i < 6; ++i)
      for (size_t g = 0; g < 5; ++g) set->mutable_value()(0, i, g) = 1e5;
  const Variable<int32_t, 1> four(Tensor<int32_t, 1>({1}, std::vector<int32_t>{4}));
  for (const SetLoss kind : losses)
    for (const size_t chunks : {1, 2}) {
      StateTransitionConfig c;
      c.loss = kind;
      c.sigmas = {2};
      c.loss_chunks = chunks;
      CHECK(value_of(state_transition_loss(c, x, y, four)) ==
            Approx(value_of(state_transition_loss(c, u, v))).epsilon(1e-11));
    }
}

TEST_CASE("state_transition_loss: errors", "[models]") {
  const auto x = parameter<3>({2, 4, 6}, 1), y = parameter<3>({2, 4, 5}, 2);
  StateTransitionConfig c;
  c.loss_chunks = 0;
  check_error<ConfigError>([&] { state_transition_loss(c, x, x); },
                           {"state_transition_loss", "loss_chunks is 0"});
  c.loss_chunks = 2;
  check_error<ShapeError>([&] { state_transition_loss(c, x, y); },
                          {"state_transition_loss", "6", "5"});
  c.loss = SetLoss::sinkhorn;
  c.blur = 0;
  check_error<ConfigError>([&] { state_transition_loss(c, x, x); }, {"blur is 0"});
}

TEST_CASE("state_transition_loss: golden", "[models][golden]") {
  const auto folder = golden_folder("state_transition");
  if (!folder) VCELL_SKIP("golden folder state_transition is absent");
  for (const char* variant :
       {"llama_small", "loss_mse", "loss_sinkhorn", "loss_energy_sinkhorn", "loss_chunks_l1"}) {
    INFO(variant);
    const StateTransitionGolden golden(*folder, variant);
    const auto check = [&]<class T>(T, double bound) {
      const Variable<T, 3> out(golden.tensor<T, 3>("f64.out"), true);
      const auto loss =
          state_transition_loss(golden.config(), out, golden.batch<T>(0).targets.cells);
      const double expected = golden.description.at("f64").at("terms").at("train_loss");
      CHECK(double(*loss.value().data) == Approx(expected).epsilon(bound));
    };
    check(double(), 1e-12);
    check(float(), 1e-5);
  }
}
