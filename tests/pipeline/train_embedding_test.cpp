#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/pipeline/dry_run_embedding.hpp"
#include "vcell/pipeline/embed_file.hpp"
#include "vcell/pipeline/run_in_folder.hpp"
#include "vcell/pipeline/train_embedding_in_folder.hpp"

using namespace vcell;
using vcell_test::check_error, vcell_test::TemporaryFolder;

namespace {

/// Counts of two kinds of cells out of two datasets.
AnnData training_screen() {
  AnnData adata;
  std::vector<std::string> obs, var, symbols, dataset;
  DenseMatrix<float> X{60, 25, std::vector<float>(60 * 25)};
  Rng rng(4);
  for (size_t i = 0; i < 60; ++i) {
    obs.push_back(message("cell", i));
    dataset.push_back(i % 3 ? "b" : "a");
    for (size_t g = 0; g < 25; ++g) X.row(i)[g] = float(rng.below((g < 12) == (i % 2) ? 9 : 2));
  }
  for (size_t g = 0; g < 25; ++g) {
    var.push_back(message("id", g));
    symbols.push_back(g == 9 ? "" : message("SYMBOL", g));
  }
  adata.X = Matrix(std::move(X));
  adata.obs = DataFrame(obs);
  adata.obs.set("dataset", dataset);
  adata.var = DataFrame(var);
  adata.var.set("symbol", symbols);
  return adata;
}

Experiment training_experiment(const std::filesystem::path& data) {
  Experiment e;
  e.kind = ModelKind::state_embedding;
  e.data = data.string();
  e.scale = Scale::counts;
  e.validation = 0.2;
  e.training.max_steps = 12;
  e.training.learning_rate = 3e-3;
  e.training.validate_every = 4;
  e.training.accumulate = 2;
  e.training.schedule = ScheduleShape::chained;
  auto& s = e.embedding;
  s.width = 8;
  s.layers = 1;
  s.heads = 2;
  s.mlp_width = 8;
  s.output_width = 6;
  s.sentence_length = 10;
  s.gene_table_width = 12;
  s.dataset_key = "dataset";
  s.tasks = {.expressed = 4, .unexpressed = 4, .shared = 3};
  s.batch_size = 4;
  s.copies = 2;
  s.least_fraction = 0.3;
  return e;
}

std::vector<float> trained_weights(const TrainedEmbedding& m) {
  const auto v = m.model.parameters().values();
  return {v.begin(), v.end()};
}

}  // namespace

TEST_CASE("train_embedding_in_folder: trains, writes a model, and goes on where it stopped",
          "[pipeline]") {
  const TemporaryFolder folder;
  const auto data = folder.path() / "a.h5ad";
  write_h5ad(data, training_screen());
  const auto e = training_experiment(data);
  std::vector<std::string> notes;
  TrainEmbeddingOptions options;
  options.callbacks.note = [&](const std::string& line) { notes.push_back(line); };
  const auto whole = train_embedding_in_folder(e, folder.path() / "run", options);
  CHECK(whole.datasets == std::vector<std::string>{"a", "b"});
  CHECK(whole.model.config().set_size == 2);
  CHECK(whole.scale == Scale::counts);
  CHECK(read_metrics(folder.path() / "run" / "metrics.csv").size() == 12);
  CHECK(read_text(folder.path() / "run" / "metrics.csv").starts_with("step,"));
  CHECK(trained_weights(load_embedding(folder.path() / "run" / "model")) == trained_weights(whole));
  CHECK(notes.back().find("is kept: validation loss") != std::string::npos);

  options.callbacks.progress = [](const ProgressUpdate& u) { return u.done < 5; };
  check_error<Stopped>([&] { train_embedding_in_folder(e, folder.path() / "other", options); },
                       {"stopped after step 5 of 12"});
  CHECK(RunFolder(folder.path() / "other").can_resume());
  options.callbacks.progress = {};
  options.old = OldRun::resume;
  const auto resumed = train_embedding_in_folder(e, folder.path() / "other", options);
  CHECK(trained_weights(resumed) == trained_weights(whole));
  const auto card = read_text(folder.path() / "run" / "model" / "README.md");
  CHECK(card == read_text(folder.path() / "other" / "model" / "README.md"));
  CHECK(card.find(sha256_of(folder.path() / "run" / "model" / "weights.safetensors")) != card.npos);
  CHECK(read_text(folder.path() / "other" / "metrics.csv").size() > 0);
  CHECK(embed_file(resumed, data, folder.path() / "b.h5ad") == 16);
}

TEST_CASE("train_embedding_in_folder: a table from a file, genes by symbol", "[pipeline]") {
  const TemporaryFolder folder;
  const auto data = folder.path() / "a.h5ad";
  write_h5ad(data, training_screen());
  std::vector<std::string> names;
  for (size_t g = 5; g < 40; ++g) names.push_back(message("SYMBOL", g));
  const auto table = GeneTable::random(names, 7, 1);
  write_gene_table(folder.path() / "t.safetensors", table);
  auto e = training_experiment(data);
  e.embedding.gene_table = (folder.path() / "t.safetensors").string();
  const auto model = train_embedding_in_folder(e, folder.path() / "run");
  CHECK(model.genes.kind() == GeneTableKind::given);
  CHECK(model.genes.source() == "t.safetensors");
  CHECK(model.genes.width() == 7);
  CHECK(load_embedding(folder.path() / "run" / "model").genes == model.genes);
  CHECK(read_text(folder.path() / "run" / "data.csv").find("gene_table") != std::string::npos);

  e.embedding.gene_table = "identity";
  e.embedding.gene_column = "symbol";
  const auto identity = train_embedding_in_folder(e, folder.path() / "identity");
  CHECK(identity.genes.names().size() == 24);
  e.embedding.gene_share = 1;
  check_error<ConfigError>([&] { train_embedding_in_folder(e, folder.path() / "no"); },
                           {"24 of 25 genes"});
}

TEST_CASE("train_embedding_in_folder: a table of isoforms, X by columns, epochs, and an early end",
          "[pipeline]") {
  const TemporaryFolder folder;
  const auto data = folder.path() / "a.h5ad";
  auto adata = training_screen();
  adata.X = adata.X->take_csr<float>();
  write_h5ad(data, adata);
  std::string vectors = "isoform,a,b\n", genes = "gene,isoform\nSYMBOL9,gone\n";
  for (size_t g = 0; g < 25; ++g)
    for (size_t k = 0; k < 2; ++k) {
      vectors += message("iso", g, '.', k, ',', g, ',', k, '\n');
      genes += message("SYMBOL", g, ",iso", g, '.', k, '\n');
    }
  write_text(folder.path() / "isoforms.csv", vectors);
  write_text(folder.path() / "genes.csv", genes);
  auto e = training_experiment(data);
  e.embedding.gene_table = (folder.path() / "isoforms.csv").string();
  e.embedding.isoforms = (folder.path() / "genes.csv").string();
  e.embedding.gene_table_source = "esm2_t48";
  e.embedding.epochs = 1.5;  // 12 batches of 4 of 48 cells
  std::vector<std::string> notes;
  TrainEmbeddingOptions options;
  options.callbacks.note = [&](const std::string& line) { notes.push_back(line); };
  const auto by_rows = train_embedding_in_folder(e, folder.path() / "rows", options);
  CHECK(std::ranges::find_if(notes, [](const std::string& n) {
          return n.find("1 of 51 isoforms") != n.npos && n.find("'gone'") != n.npos;
        }) != notes.end());
  CHECK(by_rows.genes.source() == "esm2_t48");
  std::vector<float> mean(2);
  by_rows.genes.copy<float>(3, mean);
  CHECK(mean == std::vector<float>{3, 0.5});
  CHECK(read_metrics(folder.path() / "rows" / "metrics.csv").size() == 9);
  CHECK(read_text(folder.path() / "rows" / "data.csv").find("[genes] isoforms") !=
        std::string::npos);
  CHECK(read_experiment(folder.path() / "rows" / "experiment.toml").embedding == e.embedding);

  adata.X->layout.by_columns = true;
  write_h5ad(data, adata);
  CHECK(trained_weights(train_embedding_in_folder(e, folder.path() / "columns")) ==
        trained_weights(by_rows));

  e.training.learning_rate = 1e-30;  // nothing gets better
  e.training.patience = 1;
  train_embedding_in_folder(e, folder.path() / "early");
  CHECK(read_metrics(folder.path() / "early" / "metrics.csv").size() == 8);
  e.training.choose_by = ChooseBy::pearson_delta;
  check_error<ConfigError>([&] { train_embedding_in_folder(e, folder.path() / "no"); },
                           {"[training] choose_by is pearson_delta", "expected loss"});
}

TEST_CASE("train_embedding_in_folder: several files, genes by name, each a dataset", "[pipeline]") {
  const TemporaryFolder folder;
  // The cells of one screen in two files, the second with its genes the other way round and one
  // more.
  const AnnData whole = training_screen();
  const auto x = to_dense<float>(*whole.X);
  const auto part = [&](size_t first, size_t last, bool reversed) {
    AnnData out;
    std::vector<std::string> obs, var;
    DenseMatrix<float> values{last - first, 25 + size_t(reversed), {}};
    for (size_t i = first; i < last; ++i) {
      obs.push_back(whole.obs.index[i]);
      for (size_t g = 0; g < 25; ++g) values.values.push_back(x.row(i)[reversed ? 24 - g : g]);
      if (reversed) values.values.push_back(7);
    }
    for (size_t g = 0; g < 25; ++g) var.push_back(whole.var.index[reversed ? 24 - g : g]);
    if (reversed) var.push_back("another");
    out.X = Matrix(std::move(values));
    out.obs = DataFrame(obs);
    out.obs.set("dataset", std::vector<std::string>(obs.size(), reversed ? "b" : "a"));
    out.var = DataFrame(var);
    return out;
  };
  const auto path = [&](const char* name) { return (folder.path() / name).string(); };
  AnnData joined = whole;
  std::vector<std::string> datasets(60, "a");
  std::fill(datasets.begin() + 20, datasets.end(), "b");
  joined.obs.set("dataset", datasets);
  write_h5ad(path("whole.h5ad"), joined);
  write_h5ad(path("a.h5ad"), part(0, 20, false));
  write_h5ad(path("b.h5ad"), part(20, 60, true));
  auto e = training_experiment(path("whole.h5ad"));
  e.embedding.gene_table = path("table.safetensors");
  write_gene_table(e.embedding.gene_table, GeneTable::random(
                                               [&] {
                                                 auto names = whole.var.index;
                                                 names.push_back("another");
                                                 return names;
                                               }(),
                                               7, 1));
  const auto of_one = train_embedding_in_folder(e, folder.path() / "one");
  e.data = path("a.h5ad");
  e.more_files = {path("b.h5ad")};
  std::vector<std::string> notes;
  TrainEmbeddingOptions options;
  options.callbacks.note = [&](const std::string& line) { notes.push_back(line); };
  const auto of_two = train_embedding_in_folder(e, folder.path() / "two", options);
  CHECK(trained_weights(of_two) == trained_weights(of_one));
  CHECK(of_two.datasets == std::vector<std::string>{"a", "b"});
  CHECK(std::ranges::any_of(notes, [](const auto& line) {
    return line.ends_with("0 in those alone and 1 here alone, which are left out");
  }));
  CHECK(read_experiment(folder.path() / "two/experiment.toml").more_files == e.more_files);
  const auto card = read_text(folder.path() / "two/model/README.md");
  CHECK(card.find("25 genes have a vector in every file") != card.npos);
  CHECK(read_text(folder.path() / "two/data.csv").find("[data] more_files 1") != card.npos);
  // Every file a dataset, as its column said.
  e.embedding.dataset_key.clear();
  e.embedding.file_datasets = true;
  const auto by_file = train_embedding_in_folder(e, folder.path() / "by_file");
  CHECK(by_file.datasets == std::vector<std::string>{"a", "b"});
  CHECK(trained_weights(by_file) == trained_weights(of_one));

  const auto fails = [&](const Experiment& wrong, const std::vector<std::string>& texts) {
    check_error<ConfigError>([&] { prepare_embedding(wrong); }, texts);
  };
  e.more_files.push_back(e.data);
  fails(e, {"[data] more_files", "a.h5ad", "twice"});
  std::filesystem::create_directory(folder.path() / "x");
  e.more_files.back() = path("x/../a.h5ad");  // however it is spelt
  fails(e, {"[data] more_files", "x/../a.h5ad", "twice"});
  AnnData other = part(0, 20, false);
  other.var = DataFrame([&] {
    std::vector<std::string> names(25, "");
    for (size_t g = 0; g < 25; ++g) names[g] = g ? message("none", g) : "another";
    return names;
  }());
  write_h5ad(path("other.h5ad"), other);
  e.more_files = {path("other.h5ad")};
  e.embedding.gene_share = 0;
  fails(e, {"other.h5ad", "no gene with a vector"});
  AnnData fractions = part(0, 20, false);
  auto halves = to_dense<float>(*fractions.X);
  for (float& value : halves.values) value /= 2;
  fractions.X = Matrix(std::move(halves));
  declare_scale(fractions, Scale::log1p, std::nullopt);
  write_h5ad(path("log.h5ad"), fractions);
  e.more_files = {path("log.h5ad")};
  e.scale.reset();
  fails(e, {"log.h5ad", "log1p", "counts", "one scale"});
  e.embedding.dataset_key = "dataset";
  check_error<ConfigError>([&] { check_experiment(e); }, {"dataset_key", "file_datasets"});
  e.embedding.dataset_key.clear();
  e.data.clear();
  check_error<ConfigError>([&] { check_experiment(e); }, {"[data] more_files", "[data] path"});
}

TEST_CASE("dry_run_embedding: what a training would be", "[pipeline]") {
  const TemporaryFolder folder;
  const auto data = folder.path() / "a.h5ad";
  write_h5ad(data, training_screen());
  auto e = training_experiment(data);
  const auto d = dry_run_embedding(e);
  CHECK(d.training_cells == 48);
  CHECK(d.validation_cells == 12);
  CHECK(d.genes == 25);
  CHECK(d.matched_genes == 25);
  CHECK(d.distinct_genes > 10);
  CHECK(d.distinct_genes <= 25);
  CHECK(d.steps == 12);
  CHECK(d.validations == 3);
  CHECK(d.step_seconds > 0);
  CHECK(d.memory > 0);
  const auto model = train_embedding_in_folder(e, folder.path() / "run");
  CHECK(d.parameters == model.model.parameters().count());
  e.validation = 0;
  e.embedding.epochs = 2;
  const auto unvalidated = dry_run_embedding(e);
  CHECK(unvalidated.validations == 0);
  CHECK(unvalidated.steps == 15);  // 30 batches, two a step
  const Callbacks stops{.progress = [](const ProgressUpdate&) { return false; }, .note = {}};
  check_error<Stopped>([&] { dry_run_embedding(e, stops); }, {"stopped"});
  e.kind = ModelKind::state_transition;
  check_error<ConfigError>([&] { dry_run_embedding(e); },
                           {"dry_run_embedding", "expected state_embedding"});
}

TEST_CASE("train_embedding_in_folder: what does not fit is named before anything is written",
          "[pipeline]") {
  const TemporaryFolder folder;
  const auto data = folder.path() / "a.h5ad";
  auto adata = training_screen();
  write_h5ad(data, adata);
  const auto fails = [&](Experiment e, const std::vector<std::string>& texts) {
    check_error<ConfigError>([&] { train_embedding_in_folder(e, folder.path() / "no"); }, texts);
    CHECK_FALSE(std::filesystem::exists(folder.path() / "no"));
  };
  auto e = training_experiment(data);
  e.kind = ModelKind::state_transition;
  fails(e, {"state_transition", "expected state_embedding"});
  e = training_experiment(data);
  e.embedding.least_fraction = 2;
  fails(e, {"[sets] least_fraction is 2"});
  e = training_experiment(data);
  e.embedding.dataset_key = "batch";
  fails(e, {"'batch'", "dataset"});
  e = training_experiment(data);
  e.embedding.gene_table = "";
  fails(e, {"[genes] gene_table"});
  e = training_experiment(data);
  e.embedding.epochs = -1;
  fails(e, {"[training] epochs is -1"});
  e = training_experiment(data);
  e.embedding.isoforms = "genes.csv";
  fails(e, {"[genes] isoforms is 'genes.csv'", "gene_table is random"});
  e = training_experiment(data);
  check_error<ConfigError>([&] { run_in_folder(e, folder.path() / "no"); },
                           {"[model] kind is state_embedding", "train_embedding_in_folder"});
}

TEST_CASE("StateEmbeddingSettings: files hold them, and those of the other kind are refused",
          "[train]") {
  auto e = training_experiment("/data/a.h5ad");
  e.embedding.tasks.rule = TaskRule::masked;
  e.embedding.loss = EmbeddingLoss::tabular_sets;
  e.embedding.set_size = 4;
  const auto text = format_experiment(e);
  CHECK(text.find("task_rule = \"masked\"") != text.npos);
  CHECK(text.find("[sets]\nset_size = 4") != text.npos);
  const TemporaryFolder folder;
  write_text(folder.path() / "e.toml", text);
  const auto back = read_experiment(folder.path() / "e.toml");
  CHECK(back.embedding == e.embedding);
  CHECK(back.kind == e.kind);
  write_text(folder.path() / "e.toml", "[tasks]\nmasked = 5\n");
  check_error<FormatError>([&] { read_experiment(folder.path() / "e.toml"); },
                           {"'tasks' belongs to [model] kind 'state_embedding'"});
}

TEST_CASE("train_embedding_in_folder: starts from a model, genes and datasets by name",
          "[pipeline]") {
  const TemporaryFolder folder;
  const auto data = folder.path() / "a.h5ad", other = folder.path() / "b.h5ad";
  write_h5ad(data, training_screen());
  // The same genes in another order, one of them new, and datasets of which one is new.
  AnnData next = training_screen();
  std::vector<size_t> order;
  for (size_t g = 25; g-- > 0;) order.push_back(g);
  next.X = Matrix(select_columns(to_csr<float>(*next.X), order));
  next.var = next.var.select_rows(order);
  auto symbols = next.var.column("symbol").text();
  symbols[3] = "NEW";
  next.var.set("symbol", symbols);
  auto datasets = next.obs.column("dataset").text();
  for (auto& name : datasets)
    if (name == "a") name = "c";
  next.obs.set("dataset", datasets);
  write_h5ad(other, next);
  for (const char* table : {"random", "identity"}) {
    INFO(table);
    Experiment e = training_experiment(data);
    e.training.max_steps = 2;
    e.embedding.gene_table = table;
    e.embedding.gene_column = "symbol";
    const auto run = folder.path() / table;
    const auto old = train_embedding_in_folder(e, run);
    Experiment fine = e;
    fine.data = other;
    fine.init_from = (run / "model").string();
    std::vector<std::string> notes;
    TrainEmbeddingOptions options;
    options.callbacks.note = [&](const std::string& line) { notes.push_back(line); };
    options.callbacks.progress = [](const ProgressUpdate& u) {
      return u.stage != "train" || u.done < 1;
    };
    const auto out = folder.path() / (std::string(table) + "_next");
    CHECK_THROWS_AS(train_embedding_in_folder(fine, out, options), Stopped);
    CHECK(std::ranges::count(notes,
                             "starts from a model, genes: 23 as there, 1 new ('NEW'), 1 left out ("
                             "'SYMBOL21')") == 1);
    CHECK(std::ranges::count(notes,
                             "starts from a model, datasets: 1 as there, 1 new ('c'), 1 left out "
                             "('a')") == 1);
    CHECK(read_experiment(out / "experiment.toml").init_sha256 == folder_sha256(run / "model"));
    // It goes on without the folder, to the same bytes.
    const auto whole =
        train_embedding_in_folder(fine, folder.path() / "whole", {.old = OldRun::overwrite});
    std::filesystem::rename(run, folder.path() / "moved");
    TrainEmbeddingOptions resume;
    resume.old = OldRun::resume;
    CHECK(trained_weights(train_embedding_in_folder(fine, out, resume)) == trained_weights(whole));
    check_error<IoError>([&] { train_embedding_in_folder(fine, folder.path() / "x"); },
                         {"no model folder"});
    std::filesystem::rename(folder.path() / "moved", run);

    // In memory: what goes by names embeds the same cells alike, before any step.
    auto config = old.model.config();
    TrainedEmbedding same{StateEmbedding<float>(config, 9), old.genes, old.datasets, old.scale};
    REQUIRE(trained_weights(same) != trained_weights(old));
    CHECK(start_from(same, old).fresh.empty());
    CHECK(trained_weights(same) == trained_weights(old));
    if (old.genes.kind() == GeneTableKind::identity) {
      auto names = old.genes.names();
      std::ranges::reverse(names);
      TrainedEmbedding turned{StateEmbedding<float>(config, 9),
                              GeneTable::identity(names),
                              {old.datasets[1], old.datasets[0]},
                              old.scale};
      start_from(turned, old);
      std::vector<int32_t> rows(names.size()), back(names.size());
      for (size_t i = 0; i < names.size(); ++i) {
        rows[i] = int32_t(i);
        back[i] = int32_t(names.size() - 1 - i);
      }
      const auto a = encode_table(old.model, old.genes, rows),
                 b = encode_table(turned.model, turned.genes, back);
      const size_t n = names.size() * config.width;
      for (size_t i = 0; i < n; ++i)
        CHECK(a.tokens.value().data[i] == Approx(b.tokens.value().data[i]).margin(1e-6));
    }
    // What cannot agree.
    fine.embedding.width = 16;
    fine.training.seed = 8;
    check_error<ConfigError>([&] { train_embedding_in_folder(fine, folder.path() / "x"); },
                             {"[model] width (8 there, 16 here)"});
    check_error<ConfigError>([&] { dry_run_embedding(fine); }, {"[model] width (8 there"});
    fine.embedding.width = 8;
    if (old.genes.kind() == GeneTableKind::random)
      check_error<ConfigError>([&] { train_embedding_in_folder(fine, folder.path() / "x"); },
                               {"drawn with the seed 42, and here with 8"});
    fine.embedding.gene_table = table == std::string("random") ? "identity" : "random";
    check_error<ConfigError>([&] { train_embedding_in_folder(fine, folder.path() / "x"); },
                             {"[genes] gene_table"});
    CHECK_FALSE(std::filesystem::exists(folder.path() / "x"));
  }
}
