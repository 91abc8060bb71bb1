// Prediction on a device whose memory the host may not touch: the bytes of the Cpu.
#include "models/predict_cases.hpp"
#include "support/catch.hpp"
#include "support/guarded_kernels.hpp"

using namespace vcell;
using vcell_test::Guarded;
using vcell_test::guarded_waits;

TEST_CASE("device: ensembles predict there as here, each member in a context of its own",
          "[device]") {
  for (const auto& ensemble : vcell_test::predict_cases(73)) {
    INFO(ensemble.name);
    const auto expected = ensemble.predict({});
    CHECK(expected.cells.rows == 6 * 73);
    std::vector<Context<Guarded>> contexts(ensemble.members.size());
    size_t placed = 0;
    const auto found = ensemble.predict([&](const StateTransition<float>& model) {
      const UseContext use(contexts.at(placed++));
      return place_model<Guarded>(model);
    });
    CHECK(placed == ensemble.members.size());
    CHECK(found.cells == expected.cells);
    CHECK(found.requests == expected.requests);
  }
}

TEST_CASE("device: what predicts there outlives the model and its context, and waits once a pass",
          "[device]") {
  const vcell_test::StScreen s;
  const std::vector<size_t> controls(42, 3);
  const auto vector = s.one_hot().vector("P1");
  PredictPlaced there;
  DenseMatrix<float> expected;
  {
    const StateTransition<float> model(s.config(), 1);
    const Context<Guarded> context;
    const UseContext use(context);
    there = place_model<Guarded>(model);
    expected = predict(model, s.screen.expression, controls, vector, {},
                       {.set_size = 4, .sets_at_a_time = 5});
  }
  const size_t before = guarded_waits;
  const auto found =
      there(s.screen.expression, controls, vector, {}, {.set_size = 4, .sets_at_a_time = 5});
  CHECK(found.values == expected.values);
  CHECK(guarded_waits - before == 3);  // 5 sets, 5 sets, and 2 cells
}
