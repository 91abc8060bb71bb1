#include "vcell/train/emb_settings.hpp"

#include <set>

#include "support/catch.hpp"
#include "support/errors.hpp"

using namespace vcell;
using vcell_test::check_error;

namespace {

const FlatSettings file = {
    {"embeddings.current", "esm2"},   {"embeddings.esm2.all_embeddings", "esm2.pt"},
    {"embeddings.esm2.size", "5120"}, {"embeddings.other.size", "7"},
    {"dataset.current", "mine"},      {"dataset.mine.train", "train.csv"},
    {"dataset.mine.val", "val.csv"},  {"experiment.num_epochs", "3"}};

EmbSettings translated_emb(const std::vector<std::string>& words, const FlatSettings& from = file) {
  return emb_settings(from, words);
}

bool has_setting(const EmbSettings& s, const std::string& setting) {
  return std::find(s.settings.begin(), s.settings.end(), setting) != s.settings.end();
}

}  // namespace

TEST_CASE("emb_settings: State's own values, and those that are said", "[train]") {
  const auto s = translated_emb({"model.emsize=64", "++model.nhead=2", "model.nhead=4",
                                 "loss.name='mmd'", "experiment.checkpoint.path=runs",
                                 "experiment.name=first", "wandb.enable=false"});
  for (const char* setting : {"model.kind=state_embedding",
                              "genes.gene_table=esm2.pt",
                              "model.width=64",
                              "model.heads=4",
                              "model.layers=8",
                              "model.mlp_width=1024",
                              "model.output_width=512",
                              "model.cls_value=gene",
                              "model.sentence_length=2048",
                              "model.loss=energy_distance",
                              "model.dropout=0.1",
                              "tasks.expressed=512",
                              "tasks.shared=512",
                              "sets.batch_size=128",
                              "training.accumulate=8",
                              "training.learning_rate=1e-5",
                              "training.clip=0.8",
                              "training.schedule=chained",
                              "training.validate_every=1000",
                              "seed=42"})
    CHECK(has_setting(s, setting));
  CHECK(s.out == "runs/first");
  CHECK(s.cells == "train.csv");
  CHECK(has_setting(s, "genes.file_datasets=true"));
  CHECK(s.epochs == 3);
  CHECK(s.without_meaning ==
        std::vector<std::string>{"dataset.mine.val", "embeddings.other.size", "wandb.enable"});
  // 3 epochs of 10,000 cells in steps of 8 x 128.
  CHECK(s.of_cells(10'000) ==
        std::vector<std::string>{"training.max_steps=30", "training.schedule_steps=9",
                                 "training.schedule_total=60", "training.warmup=1"});
  CHECK(s.of_cells(1)[0] == "training.max_steps=1");
  CHECK(has_setting(translated_emb({"model.ema=true"}), "training.ema=0.999"));
  CHECK(
      has_setting(translated_emb({"model.dataset_correction=False"}), "genes.file_datasets=false"));
}

TEST_CASE("emb_settings: every row of the table is a setting of vcell's", "[train]") {
  std::set<std::string> settings;
  Experiment e;
  e.kind = ModelKind::state_embedding;
  visit_experiment(e, [&](std::string_view table, std::string_view key, const auto&, auto) {
    settings.insert(table.empty() ? std::string(key) : message(table, '.', key));
  });
  for (const ReferenceSetting& row : vcell::detail::embedding_table)
    if (row.meaning == ReferenceMeaning::setting) {
      INFO(row.name);
      CHECK(settings.contains(std::string(row.ours)));
    }
  for (const std::string& setting : translated_emb({}).settings)
    CHECK(settings.contains(setting.substr(0, setting.find('='))));
  for (const std::string& setting : translated_emb({}).of_cells(5))
    CHECK(settings.contains(setting.substr(0, setting.find('='))));
}

TEST_CASE("emb_settings: errors name the setting and what it may be", "[train]") {
  const auto fails = [](const std::vector<std::string>& words,
                        const std::vector<std::string>& texts) {
    check_error<ConfigError>([&] { translated_emb(words); }, texts);
  };
  fails({"model.emsiz=3"}, {"'model.emsiz'", "model.emsize"});
  fails({"dataset.pad_lenght=3"}, {"'dataset.pad_lenght'", "dataset.pad_length"});
  fails({"experiment.epochs=3"}, {"'experiment.epochs'"});
  fails({"model.emsize"}, {"'model.emsize'", "expected a setting"});
  fails({"loss.name=kl"}, {"loss.name", "'kl'", "tabular"});
  fails({"model.counts=false"}, {"model.counts", "no counterpart"});
  fails({"dataset.mine.ds_type=npz"}, {"dataset.mine.ds_type", "h5ad"});
  fails({"dataset.current=yours"}, {"'dataset.yours.train' is missing", "column path"});
  fails({"embeddings.current=other"}, {"'embeddings.other.all_embeddings' is missing"});
  fails({"experiment.num_epochs=0"}, {"experiment.num_epochs", "above 0"});
  fails({"model.batch_size=many"}, {"model.batch_size", "'many'"});
  check_error<ConfigError>([] { translated_emb({}, {}); }, {"embeddings.NAME.all_embeddings"});
}
