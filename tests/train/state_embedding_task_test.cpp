#include "vcell/train/state_embedding_task.hpp"

#include <set>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/threads.hpp"
#include "train/se_cells.hpp"
#include "vcell/train/trainer.hpp"

using namespace vcell;
using vcell_test::cells_of;
using vcell_test::check_error;
using vcell_test::config_of;
using vcell_test::options_of;
using vcell_test::range;
using vcell_test::table_of;

namespace {

std::vector<float> bytes_of(const SentenceBatch& b) {
  std::vector<float> all(b.values.values().begin(), b.values.values().end());
  const auto add = [&](const auto& numbers) {
    all.insert(all.end(), numbers.begin(), numbers.end());
  };
  add(b.targets.values());
  add(b.sentence.values());
  add(b.task_genes.values());
  add(b.table_rows);
  return all;
}

}  // namespace

TEST_CASE("SentenceSource: batches are functions of their number, epochs go through all cells",
          "[sets]") {
  const auto cells = cells_of(20);
  SentenceSourceOptions options = options_of().sentences;
  options.sentence.length = 12;
  options.batch_size = 5;
  const SentenceSource source(cells, range(0, 20), options);
  SentenceBatch a, b;
  source.read(3, a);
  source.read(1, b);
  source.read(3, b);
  CHECK(bytes_of(a) == bytes_of(b));
  std::multiset<std::vector<float>> seen;
  for (const uint64_t first : {0, 4}) {
    std::vector<std::vector<float>> epoch;
    for (uint64_t n = first; n < first + 4; ++n) {
      source.read(n, b);
      for (size_t r = 0; r < 5; ++r) {  // the same cell has the same values under its tokens
        epoch.emplace_back(b.values[r].begin() + 1, b.values[r].end());
        std::ranges::sort(epoch.back());
      }
    }
    seen.insert(epoch.begin(), epoch.end());
  }
  for (const auto& values : seen) CHECK(seen.count(values) % 2 == 0);
  CHECK(source.batches() == 4);
  source.read_pass(0, a);
  source.read_pass(0, b);
  CHECK(bytes_of(a) == bytes_of(b));
}

TEST_CASE("SentenceSource: genes are rows of the batch's own list", "[sets]") {
  const auto cells = cells_of(6);
  SentenceSourceOptions options = options_of().sentences;
  options.sentence.length = 12;
  options.batch_size = 6;
  const SentenceSource source(cells, range(0, 6), options);
  SentenceBatch b;
  source.read_pass(0, b);
  CHECK(std::set<int32_t>(b.table_rows.begin(), b.table_rows.end()).size() == b.table_rows.size());
  CHECK(std::ranges::find(b.table_rows, 22) == b.table_rows.end());  // gene 7 has none
  for (size_t r = 0; r < 6; ++r)
    for (size_t k = 0; k < b.task_genes.shape(1); ++k) {
      const int32_t row = b.table_rows[size_t(b.task_genes(r, k))];
      const auto g = size_t(std::ranges::find(cells.table_rows, row) - cells.table_rows.begin());
      float count = 0;
      for (size_t n = 0; n < cells.x.row_size(r); ++n)
        if (size_t(cells.x.row_indices(r)[n]) == g) count = cells.x.row_values(r)[n];
      CHECK(b.targets(r, k) == std::log1p(count));
      if (k >= 12) CHECK(b.task_genes(r, k) == b.task_genes(0, k));
    }
}

TEST_CASE("SentenceSource: genes are rows of all the cells' genes where that is asked for",
          "[sets]") {
  const auto cells = cells_of(20);
  SentenceSourceOptions options = options_of().sentences;
  options.batch_size = 2;
  options.sentence.length = 6;
  SentenceBatch own, all;
  SentenceSource(cells, range(0, 20), options).read(3, own);
  options.all_genes = true;
  SentenceSource(cells, range(0, 20), options).read(3, all);
  CHECK(all.table_rows == cells.table_rows);
  CHECK(own.table_rows.size() < all.table_rows.size());
  const auto on_table = [](const SentenceBatch& b, Tensor<int32_t, 2> genes) {
    for (int32_t& g : genes.values()) g = b.table_rows[size_t(g)];
    return std::vector<int32_t>(genes.data(), genes.data() + genes.count());
  };
  CHECK(on_table(all, all.sentence) == on_table(own, own.sentence));
  CHECK(on_table(all, all.task_genes) == on_table(own, own.task_genes));
  CHECK(std::ranges::equal(all.values.values(), own.values.values()));
  CHECK(std::ranges::equal(all.targets.values(), own.targets.values()));
}

TEST_CASE("SentenceSource: copies have draws of their own, of fewer counts", "[sets]") {
  const auto cells = cells_of(4);
  SentenceSourceOptions options = options_of().sentences;
  options.sentence.length = 12;
  options.batch_size = 2;
  options.copies = 3;
  options.least_fraction = 0.3;
  const SentenceSource source(cells, range(0, 4), options);
  SentenceBatch b, pass;
  source.read(0, b);
  CHECK(b.sentence.shape() == Shape<2>{6, 12});
  CHECK(b.dataset.count() == 6);
  const auto row = [&](const SentenceBatch& of, size_t r) {
    return std::vector<float>(of.values[r].begin(), of.values[r].end());
  };
  CHECK(row(b, 0) != row(b, 1));
  CHECK(row(b, 1) != row(b, 2));
  source.read_pass(0, pass);
  CHECK(row(pass, 0) == row(pass, 1));  // as they were counted
  const auto logs = cells_of(4, false);
  check_error<ConfigError>([&] { SentenceSource(logs, range(0, 4), options); },
                           {"least_fraction is 0.3", "only counts"});
  options.least_fraction = 0;
  check_error<ConfigError>([&] { SentenceSource(cells, range(0, 4), options); },
                           {"least_fraction is 0"});
  check_error<ShapeError>([&] { SentenceSource(cells, range(0, 5), options_of().sentences); },
                          {"cell is 4"});
}

TEST_CASE("state_embedding_task: training lowers the validation loss, of every loss", "[train]") {
  const auto cells = cells_of(60);
  const auto table = table_of();
  for (const auto loss : {EmbeddingLoss::tabular, EmbeddingLoss::tabular_sets,
                          EmbeddingLoss::mean_squared_error, EmbeddingLoss::binary_cross_entropy}) {
    auto config = config_of(loss);
    if (loss == EmbeddingLoss::tabular_sets) config.set_size = 4;
    StateEmbedding<float> model(config, 1);
    auto options = options_of();
    if (loss == EmbeddingLoss::mean_squared_error) options.sentences.tasks.rule = TaskRule::masked;
    Trainer trainer(model.parameters(), {.max_steps = 60,
                                         .learning_rate = 3e-3,
                                         .accumulate = 2,
                                         .clip = 0.8,
                                         .validate_every = 20});
    StateEmbeddingTask task(model, table, cells, range(0, 40), range(40, 60), options);
    const double before = task.validation_loss()->loss;
    CHECK(task.validation_loss()->loss == before);
    trainer.run(task);
    INFO(int(loss) << ": " << before << " to " << trainer.state().best_validation_loss);
    // What names the dataset has nothing to go by.
    const double share = loss == EmbeddingLoss::binary_cross_entropy ? 0.93 : 0.8;
    CHECK(trainer.state().best_validation_loss < share * before);
  }
}

TEST_CASE("state_embedding_task: the same for any number of threads, and where it goes on",
          "[train]") {
  const auto cells = cells_of(30);
  const auto table = table_of();
  const auto losses = [&](uint64_t first, PrefetchOptions prefetch = {}) {
    StateEmbedding<float> model(config_of(), 1);
    auto options = options_of();
    options.prefetch = prefetch;
    StateEmbeddingTask task(model, table, cells, range(0, 30), {}, options, first);
    CHECK_FALSE(task.validation_loss());
    std::vector<float> all;
    for (uint64_t n = first; n < 4; ++n) all.push_back(*task.loss(n).value().data);
    check_error<Error>([&] { task.loss(9); }, {"batch 9", "batch 4"});
    return all;
  };
  const auto all = losses(0);
  CHECK(losses(0, {.threads = 0}) == all);
  CHECK(losses(0, {.threads = 3, .ahead = 3}) == all);
  CHECK(losses(2) == std::vector<float>(all.begin() + 2, all.end()));
  vcell_test::check_same_on_any_threads([&] { return losses(0); });
}

TEST_CASE("state_embedding_task: errors name what does not fit", "[train]") {
  const auto cells = cells_of(30);
  const auto table = table_of();
  const auto make = [&](const StateEmbeddingConfig& config, StateEmbeddingTaskOptions options) {
    const StateEmbedding<float> model(config, 1);
    StateEmbeddingTask<float> task(model, table, cells, range(0, 30), {}, options);
  };
  auto config = config_of();
  config.gene_width = 15;
  check_error<ShapeError>([&] { make(config, options_of()); }, {"gene table (16)", "(15)"});
  config = config_of();
  config.datasets = 1;
  check_error<ShapeError>([&] { make(config, options_of()); }, {"dataset of a cell is 1"});
  config = config_of();
  config.set_size = 2;
  check_error<ConfigError>([&] { make(config, options_of()); }, {"set_size is 2", "1 copies"});
  config.set_size = 3;
  check_error<ConfigError>([&] { make(config, options_of()); }, {"no sets of 3"});
  const StateEmbedding<float> model(config_of());
  check_error<ConfigError>(
      [&] { StateEmbeddingTask<float>(model, table, cells, {}, {}, options_of()); },
      {"cells to train on"});
}
