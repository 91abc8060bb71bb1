// Trainings of State Embedding models on the GPU, in memory: the numbers of the Cpu.
#include "support/catch.hpp"
#include "vcell/cuda.cuh"
//
#include "cuda/support/device.hpp"
#include "train/se_cells.hpp"
#include "vcell/train/trainer.hpp"

namespace {

using namespace vcell;
using vcell_test::range;

struct Outcome {
  std::vector<MetricsRow> rows;
  std::vector<float> parameters;
  RecordedSteps recorded;
};

template <class Device>
Outcome train(const StateEmbeddingConfig& config, uint64_t steps, uint64_t batches,
              bool record = true) {
  const auto cells = vcell_test::cells_of(30);
  const auto table = vcell_test::table_of();
  auto options = vcell_test::options_of();
  if (config.loss == EmbeddingLoss::mean_squared_error)
    options.sentences.tasks.rule = TaskRule::masked;
  StateEmbedding<float, Device> model(config, 1);
  Trainer<float, Device> trainer(model.parameters(), {.max_steps = steps,
                                                      .learning_rate = 3e-3,
                                                      .accumulate = batches,
                                                      .clip = 0.8,
                                                      .validate_every = 2,
                                                      .report_every = 2,
                                                      .record = record});
  StateEmbeddingTask<float, Device> task(model, table, cells, range(0, 20), range(20, 30), options);
  Outcome out;
  out.recorded =
      trainer.run(task, {.metrics = [&](const MetricsRow& row) { out.rows.push_back(row); }})
          .recorded;
  const auto values = to_host(View<const float, 1, Device>(model.parameters().values()));
  out.parameters.assign(values.values().begin(), values.values().end());
  return out;
}

}  // namespace

TEST_CASE(
    "cuda state embedding: a training has the numbers of the Cpu, of every loss; recorded or "
    "queued, the bytes are the same",
    "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  for (const auto loss : {EmbeddingLoss::tabular, EmbeddingLoss::tabular_sets,
                          EmbeddingLoss::mean_squared_error, EmbeddingLoss::binary_cross_entropy}) {
    INFO("loss " << int(loss));
    auto config = vcell_test::config_of(loss);
    if (loss == EmbeddingLoss::tabular_sets) config.set_size = 4;
    const uint64_t batches = loss == EmbeddingLoss::tabular ? 2 : 1, steps = 3;
    const auto expected = train<Cpu>(config, steps, batches);
    const auto found = train<Cuda>(config, steps, batches);
    CHECK(found.recorded.why_not == "");
    CHECK(found.recorded.count == steps - 1);  // the first is noted, the third replayed
    if (batches > 1) {
      const auto queued = train<Cuda>(config, steps, batches, false);
      CHECK(queued.recorded.count == 0);
      CHECK(queued.rows == found.rows);
      CHECK(queued.parameters == found.parameters);
    }
    REQUIRE(found.rows.size() == expected.rows.size());
    for (size_t i = 0; i < found.rows.size(); ++i) {
      CHECK(found.rows[i].train_loss == Approx(expected.rows[i].train_loss).epsilon(1e-4));
      CHECK(found.rows[i].gradient_norm == Approx(expected.rows[i].gradient_norm).epsilon(1e-3));
    }
    CHECK(*found.rows[1].validation_loss ==
          Approx(*expected.rows[1].validation_loss).epsilon(1e-4));
    // By itself each may be off by the rate: Adam's first steps make one of a rounding near 0.
    double squares = 0;
    for (size_t i = 0; i < found.parameters.size(); ++i)
      squares += std::pow(double(found.parameters[i]) - double(expected.parameters[i]), 2);
    CHECK(std::sqrt(squares / double(found.parameters.size())) < 1e-4);
  }
}
