#include "vcell/models/state_embedding.hpp"

#include "support/check_op.hpp"
#include "support/threads.hpp"
#include "vcell/models/state_embedding_step.hpp"

using namespace vcell;
using vcell_test::check_error;

namespace {

StateEmbeddingConfig small_embedding_config() {
  return {.gene_width = 7,
          .width = 12,
          .layers = 2,
          .heads = 3,
          .mlp_width = 10,
          .output_width = 5,
          .sentence_length = 6,
          .datasets = 3,
          .dropout = 0.2,
          .dataset_dropout = 0.3};
}

/// Cells of a given number of tokens, out of nine genes.
EmbeddingBatch<float> batch_of(size_t cells, size_t length, size_t tasks, size_t shared) {
  EmbeddingBatch<float> batch;
  batch.genes = vcell_test::random_tensor<float, 2>({9, 7}, 1);
  batch.values = vcell_test::random_tensor<float, 2>({cells, length}, 2);
  batch.targets = vcell_test::random_tensor<float, 2>({cells, tasks}, 3);
  batch.sentence = Tensor<int32_t, 2>({cells, length});
  batch.task_genes = Tensor<int32_t, 2>({cells, tasks});
  Rng rng(4);
  for (int32_t& row : batch.sentence.values()) row = int32_t(rng.below(9));
  for (int32_t& row : batch.task_genes.values()) row = int32_t(rng.below(9));
  batch.shared = shared;
  batch.dataset = Tensor<int32_t, 1>({cells});
  for (size_t b = 0; b < cells; ++b) batch.dataset(b) = int32_t(b % 3);
  return batch;
}

/// The loss and all gradients of a training step.
std::vector<float> step(StateEmbedding<float>& model, const EmbeddingBatch<float>& batch) {
  model.parameters().clear_gradients();
  const auto loss = state_embedding_step(model, batch, {.training = true, .seed = 5, .step = 3});
  backward(loss.total);
  std::vector<float> all{*loss.total.value().data};
  for (const auto& p : model.parameters().all())
    all.insert(all.end(), p.gradient().begin(), p.gradient().end());
  return all;
}

}  // namespace

TEST_CASE("StateEmbedding: layers computed again give the same bytes, with dropout", "[models]") {
  for (const bool norm_first : {false, true}) {
    auto config = small_embedding_config();
    config.norm_first = norm_first;
    StateEmbedding<float> model(config, 2);
    const auto batch = batch_of(3, 6, 4, 2);
    const auto again = step(model, batch);
    model.recompute_layers(false);
    CHECK(step(model, batch) == again);
  }
}

TEST_CASE("StateEmbedding: the same bytes on any number of threads", "[models]") {
  StateEmbedding<float> model(small_embedding_config(), 2);
  const auto batch = batch_of(4, 6, 4, 2);
  vcell_test::check_same_on_any_threads([&] { return step(model, batch); });
}

TEST_CASE("StateEmbedding: groups of cells are embedded as each would be alone", "[models]") {
  const StateEmbedding<float> model(small_embedding_config(), 2);
  const NoGrad no_grad;
  const size_t length = 1500;  // two cells are more than one group has room for
  const auto batch = batch_of(3, length, 1100, 2);
  const auto all = run_state_embedding(model, batch);
  for (size_t b = 0; b < 3; ++b) {
    auto one = batch;
    one.sentence = to_tensor(batch.sentence.view().slice(b, b + 1));
    one.values = to_tensor(batch.values.view().slice(b, b + 1));
    one.task_genes = to_tensor(batch.task_genes.view().slice(b, b + 1));
    one.targets = to_tensor(batch.targets.view().slice(b, b + 1));
    const auto alone = run_state_embedding(model, one);
    const auto check = [&](const auto& x, const auto& y) {
      double worst = 0;
      for (size_t i = 0; i < y.count(); ++i)
        worst = std::max(worst, double(std::abs(x.value()[b][i] - y.value().data[i])));
      CHECK(worst < 1e-5);
    };
    check(all.cells.cell, alone.cells.cell);
    check(all.cells.dataset, alone.cells.dataset);
    check(all.decoded, alone.decoded);
  }
}

TEST_CASE("StateEmbedding: the order of a sentence and the gene under CLS play no part",
          "[models]") {
  const StateEmbedding<double> model(small_embedding_config(), 2);
  const auto genes = model.encode(vcell_test::random_tensor<double, 2>({9, 7}, 1));
  Tensor<int32_t, 2> sentence({1, 4}, std::vector<int32_t>{0, 3, 5, 8}),
      other({1, 4}, std::vector<int32_t>{-7, 8, 3, 5});
  Tensor<double, 2> values({1, 4}, std::vector<double>{1, 2, 3, 4}),
      moved({1, 4}, std::vector<double>{1, 4, 2, 3});
  const auto a = model.embed(genes, sentence, Variable<double, 2>(values));
  const auto b = model.embed(genes, other, Variable<double, 2>(moved));
  double square = 0;
  for (size_t j = 0; j < 5; ++j) {
    CHECK(a.cell.value()(0, j) == Approx(b.cell.value()(0, j)).epsilon(1e-12));
    square += a.cell.value()(0, j) * a.cell.value()(0, j);
  }
  CHECK(square == Approx(1).epsilon(1e-12));
  moved(0, 3) = 9;
  const auto c = model.embed(genes, other, Variable<double, 2>(moved));
  CHECK(std::abs(c.cell.value()(0, 0) - a.cell.value()(0, 0)) > 1e-4);
}

TEST_CASE("StateEmbedding: a vector's length counts for task genes alone", "[models]") {
  const StateEmbedding<double> model(small_embedding_config(), 2);
  auto vectors = vcell_test::random_tensor<double, 2>({2, 7}, 1);
  for (size_t j = 0; j < 7; ++j) vectors(1, j) = 3 * vectors(0, j);
  const auto genes = model.encode(vectors);
  CHECK(genes.tokens.shape() == Shape<2>{4, 12});
  CHECK(genes.tokens.value()(0, 1) == Approx(genes.tokens.value()(1, 1)).epsilon(1e-12));
  CHECK(std::abs(genes.task_genes.value()(0, 1) - genes.task_genes.value()(1, 1)) > 1e-3);
  CHECK_FALSE(model.encode(vectors, false).task_genes);
  for (double& v : vectors[0]) v = 0;
  const auto without = model.encode(vectors);
  for (const double v : without.tokens.value()) CHECK(std::isfinite(v));
}

TEST_CASE("StateEmbedding: without a dataset token", "[models]") {
  auto config = small_embedding_config();
  config.datasets = 0;
  const StateEmbedding<float> model(config);
  CHECK(model.embedding_width() == 5);
  CHECK(model.parameters().find("dataset_token") == nullptr);
  const auto run = run_state_embedding(model, batch_of(2, 6, 4, 2));
  CHECK_FALSE(run.cells.dataset);
  check_error<ConfigError>([&] { model.dataset_logits(run.cells); }, {"no dataset token"});
}

TEST_CASE("StateEmbedding: errors name what does not fit", "[models]") {
  auto config = small_embedding_config();
  config.width = 0;
  check_error<ConfigError>([&] { StateEmbedding<float> m(config); },
                           {"StateEmbedding", "config.width is 0"});
  config = small_embedding_config();
  config.heads = 5;
  check_error<ConfigError>([&] { StateEmbedding<float> m(config); }, {"5 heads", "width 12"});
  config = small_embedding_config();
  config.floor_squared = -1;
  check_error<ConfigError>([&] { StateEmbedding<float> m(config); }, {"floor_squared is -1"});
  const StateEmbedding<float> model(small_embedding_config());
  check_error<ShapeError>(
      [&] {
        model.encode(Tensor<float, 2>({4, 6}));
      },
      {"width of the genes' vectors (6)", "config.gene_width (7)"});
  auto batch = batch_of(2, 6, 4, 2);
  batch.sentence(1, 3) = 9;
  check_error<ShapeError>([&] { run_state_embedding(model, batch); },
                          {"row of a token is 9", "< 9"});
  batch = batch_of(2, 6, 4, 2);
  batch.task_genes(0, 0) = -1;
  check_error<ShapeError>([&] { run_state_embedding(model, batch); }, {"index is -1"});
  batch = batch_of(2, 0, 4, 2);
  check_error<ShapeError>([&] { run_state_embedding(model, batch); }, {"no tokens"});
  batch = batch_of(2, 6, 4, 2);
  batch.dataset = Tensor<int32_t, 1>({1});
  check_error<ShapeError>([&] { state_embedding_step(model, batch); }, {"labels"});
}

TEST_CASE("state_embedding_loss: by hand, of sets of cells and of copies", "[models]") {
  const auto x = vcell_test::random_tensor<double, 2>({4, 3}, 1),
             y = vcell_test::random_tensor<double, 2>({4, 3}, 2);
  StateEmbeddingConfig c{.set_size = 2};
  const auto loss = [&](EmbeddingLoss kind, size_t shared = 2) {
    c.loss = kind;
    return *state_embedding_loss(c, Variable<double, 2>(x), Variable<double, 2>(y), shared)
                .value()
                .data;
  };
  using Points = std::vector<std::vector<double>>;
  const auto distance = [](const Points& a, const Points& b) {
    double sum = 0;
    for (const auto& p : a)
      for (const auto& q : b) {
        double square = 0;
        for (size_t i = 0; i < p.size(); ++i) square += (p[i] - q[i]) * (p[i] - q[i]);
        sum += std::sqrt(square);
      }
    return sum / double(a.size() * b.size());
  };
  const auto energy = [&](const Points& a, const Points& b) {
    return distance(a, b) - distance(a, a) / 2 - distance(b, b) / 2;
  };
  const auto cells = [](const Tensor<double, 2>& v, size_t set) {
    Points p;
    for (size_t i = 2 * set; i < 2 * set + 2; ++i) p.push_back({v(i, 0), v(i, 1), v(i, 2)});
    return p;
  };
  const double of_cells = (energy(cells(x, 0), cells(y, 0)) + energy(cells(x, 1), cells(y, 1))) / 2;
  CHECK(loss(EmbeddingLoss::energy_distance) == Approx(of_cells).epsilon(1e-12));
  double copies = 0, sets = 0;  // of the shared genes, the last two
  for (size_t g = 1; g < 3; ++g) {
    const auto points = [&](const Tensor<double, 2>& v) {
      return Points{{v(0, g), v(2, g)}, {v(1, g), v(3, g)}};
    };
    copies += energy(points(x), points(y)) / 2;
  }
  for (size_t set = 0; set < 2; ++set) {
    const auto points = [&](const Tensor<double, 2>& v) {
      return Points{{v(2 * set, 1), v(2 * set + 1, 1)}, {v(2 * set, 2), v(2 * set + 1, 2)}};
    };
    sets += energy(points(x), points(y)) / 2;
  }
  CHECK(loss(EmbeddingLoss::tabular) == Approx(of_cells + copies).epsilon(1e-12));
  CHECK(loss(EmbeddingLoss::tabular_sets) == Approx(of_cells + sets).epsilon(1e-12));
  check_error<ConfigError>([&] { loss(EmbeddingLoss::tabular, 0); }, {"0 shared genes of 3"});
  check_error<ConfigError>([&] { loss(EmbeddingLoss::tabular, 4); }, {"4 shared genes of 3"});
  c.set_size = 3;
  check_error<ShapeError>([&] { loss(EmbeddingLoss::tabular); }, {"4 rows are no sets of 3"});
}
