#include "support/state_embedding_golden.hpp"

#include "support/golden.hpp"
#include "support/largest_error.hpp"
#include "vcell/autograd/backward.hpp"
#include "vcell/models/state_embedding_loss.hpp"
#include "vcell/models/state_embedding_step.hpp"
#include "vcell/train/adam.hpp"
#include "vcell/train/clip_gradient_norm.hpp"

using namespace vcell;
using vcell_test::largest_difference, vcell_test::largest_magnitude, vcell_test::relative_error,
    vcell_test::StateEmbeddingGolden, vcell_test::worse;

namespace {

/// What the golden batch asks of a model.
template <class T>
EmbeddingBatch<T> batch_of(const StateEmbeddingGolden& golden) {
  EmbeddingBatch<T> batch;
  batch.genes = golden.genes<T>();
  batch.sentence = golden.tensor<int32_t, 2>("batch.sentence");
  batch.values = golden.tensor<T, 2>("batch.sentence_values");
  batch.task_genes = golden.tensor<int32_t, 2>("batch.task_genes");
  batch.targets = golden.tensor<T, 2>("batch.task_targets");
  if (golden.config().loss == EmbeddingLoss::tabular) batch.shared = golden.setting("dataset", "S");
  if (golden.config().datasets) batch.dataset = golden.tensor<int32_t, 1>("batch.dataset");
  return batch;
}

template <class T>
void check_variant(const StateEmbeddingGolden& golden) {
  constexpr bool wide = sizeof(T) == 8;
  const auto config = golden.config();
  const auto model = golden.model<T>();
  const auto expected = [&](const std::string& key) {
    return golden.data.tensors.at("f64." + key).as<double>();
  };
  const auto near = [&](const auto& ours, const std::string& key, double bound) {
    INFO(key);
    const auto numbers = expected(key);
    CHECK(ours.count() == numbers.size());
    CHECK(relative_error(ours.value(), numbers) < bound);
  };
  const auto batch = batch_of<T>(golden);
  const bool exact = config.loss == EmbeddingLoss::binary_cross_entropy;  // its depth is, too
  const double tight = wide ? 1e-12 : 1e-5;
  const double loose = wide ? (exact ? 1e-12 : 1e-6) : 1e-5;
  {
    const auto run = run_state_embedding(model, batch);
    near(run.cells.cell, "cell_embedding", tight);
    near(embedding(batch.task_genes, run.genes.task_genes), "task_gene_embedding", tight);
    if (config.datasets) {
      near(run.cells.dataset, "dataset_embedding", tight);
      near(concatenate(run.cells.cell, run.cells.dataset, 1), "X_emb", tight);
    }
    const auto input = model.decoder_input(run.genes, run.cells, batch.task_genes,
                                           Variable<T, 1>(read_depth(batch.targets)));
    near(input, "decoder_input", loose);
    near(model.decode(input), "decoded", loose);
    near(run.decoded, "decoded", loose);
  }
  const auto& terms = golden.description.at("f64").at("terms");
  const auto losses = golden.description.at("f64").at("losses");
  const auto rates = golden.description.at("f64").at("learning_rates");
  Adam<T> adam(model.parameters(),
               {.weight_decay = golden.setting("optimizer", "weight_decay"), .decoupled = true});
  const bool has_final = golden.data.tensors.count("f64.final.cls_token");
  std::map<std::string, std::vector<bool>> noisy;
  for (size_t step = 0; step < losses.size(); ++step) {
    const auto loss = state_embedding_step(model, batch);
    CHECK(double(*loss.total.value().data) == Approx(double(losses[step])).epsilon(loose));
    if (step == 0 && config.datasets)
      CHECK(double(*loss.dataset.value().data) ==
            Approx(double(terms.at("trainer/dataset_loss"))).epsilon(tight));
    backward(loss.total);
    double largest = 0;
    for (const auto& p : model.parameters().all())
      largest = worse(largest, largest_magnitude(p.gradient()));
    for (const auto& p : model.parameters().all()) {
      INFO(p.name);
      auto& flags = noisy[p.name];
      flags.resize(p.count);
      for (size_t i = 0; i < p.count; ++i) {
        const double g = std::abs(double(p.gradient()[i]));
        flags[i] = flags[i] || g < (wide ? 1e-9 : 2e-5) * largest;
      }
      if (step != 0) continue;
      const auto g = expected("grad." + p.name);
      REQUIRE(g.size() == p.count);
      const double allowed =
          (wide ? loose : 1e-4) * largest_magnitude(g) + (wide ? 1e-12 : 1e-6) * largest;
      const double error = largest_difference(p.gradient(), g);
      INFO("error " << error << ", allowed " << allowed << ", largest " << largest_magnitude(g));
      const bool within = error <= allowed;
      CHECK(within);
    }
    clip_gradient_norm(model.parameters(), golden.setting("optimizer", "max_grad_norm"));
    adam.step(rates[step]);
    model.parameters().clear_gradients();
  }
  if (!has_final) return;
  size_t strict = 0, all = 0;
  for (const auto& p : model.parameters().all()) {
    INFO(p.name);
    const auto last = expected("final." + p.name);
    REQUIRE(last.size() == p.count);
    double worst = 0, worst_noise = 0;
    for (size_t i = 0; i < last.size(); ++i) {
      double& w = noisy[p.name][i] ? worst_noise : worst;
      w = worse(w, std::abs(double(p.value()[i]) - last[i]));
      strict += !noisy[p.name][i];
      ++all;
    }
    CHECK(worst < 1e-5);
    CHECK(worst_noise < 3 * 1e-3);
  }
  CHECK(strict > all * 2 / 3);  // else little was compared
}

template <class T>
void check_all() {
  const auto folder = vcell_test::golden_folder("state_embedding");
  if (!folder) VCELL_SKIP("golden folder state_embedding is absent");
  std::ifstream text(*folder / "index.json");
  const auto variants = nlohmann::json::parse(text).at("variants");
  CHECK(variants.size() == 6);
  for (const std::string variant : variants) {
    INFO(variant);
    check_variant<T>(StateEmbeddingGolden(*folder, variant));
  }
}

}  // namespace

TEST_CASE("StateEmbedding golden: double", "[models][golden]") { check_all<double>(); }
TEST_CASE("StateEmbedding golden: float", "[models][golden]") { check_all<float>(); }
