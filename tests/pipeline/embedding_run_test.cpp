// Runs in an embedding: cells are embedded, State Transition is trained on that, genes are decoded.
#include <set>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/small_experiment.hpp"
#include "support/temporary_folder.hpp"
#include "support/threads.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/pipeline/dry_run.hpp"
#include "vcell/pipeline/embed_file.hpp"
#include "vcell/pipeline/embedding_in.hpp"
#include "vcell/pipeline/run_in_folder.hpp"

using namespace vcell;
using namespace vcell_test;
namespace fs = std::filesystem;

namespace {

AnnData embedding_screen() {
  auto options = small_simulation();
  options.cells_per_perturbation = 8;
  options.control_cells = 16;
  return simulate_screen(options).screen;
}

Experiment embedding_experiment() {
  Experiment e = small_experiment();
  e.model.output_space = OutputSpace::embedding;
  e.model.decoder = GeneDecoderKind::plain;
  e.model.decoder_widths = {16};
  e.hvgs = 20;
  e.ensemble = 2;
  e.training.validate_every = 2;
  e.methods = {"state_transition", "perturbation_mean"};
  return e;
}

/// A model of 30 genes that was never trained, to embed by.
std::shared_ptr<const TrainedEmbedding> untrained(size_t genes = 30) {
  StateEmbeddingConfig c;
  c.gene_width = 4;
  c.width = c.output_width = 8;
  c.layers = 1;
  c.heads = 2;
  c.mlp_width = 8;
  c.sentence_length = 12;
  std::vector<std::string> names;
  const AnnData there = embedding_screen();
  for (size_t g = 0; g < genes; ++g) names.push_back(there.var.index[g]);
  return std::make_shared<const TrainedEmbedding>(TrainedEmbedding{
      StateEmbedding<float>(c, 5), GeneTable::random(std::move(names), 4, 5), {}, Scale::counts});
}

std::vector<float> embedding_weights(const TrainedEmbedding& m) {
  const auto v = m.model.parameters().values();
  return {v.begin(), v.end()};
}

/// The small State Embedding cut down, for tests of what it learns from.
/// @param steps  that it is stopped after, if it has not ended by then
TrainedEmbedding trained_small(const AnnData& adata, const Experiment& e,
                               const TrainingHooks& hooks = {}, size_t steps = 100) {
  std::optional<TrainedEmbedding> out;
  PrepareInputs inputs;
  inputs.embed = [&](const AnnData& cells, const AnyRows& X, Prepared& p) {
    Experiment small = small_embedding(e, cells.genes());
    small.embedding.width = small.embedding.output_width = small.embedding.mlp_width = 8;
    small.embedding.heads = 2;
    small.embedding.layers = 1;
    small.training.max_steps = 5;
    small.training.validate_every = 2;
    small.training.warmup = 0;
    const auto chosen = cells_to_embed_by(e, p);
    CHECK(chosen.size() < cells.cells());
    PreparedEmbedding prepared = small_embedding_on(small, cells, X, chosen, {});
    train_embedding(small, prepared,
                    {[&](const ProgressUpdate& update) { return update.done < steps; }}, hooks);
    out.emplace(std::move(prepared.model));
  };
  prepare(adata, e, inputs);
  return std::move(*out);
}

}  // namespace

TEST_CASE("run in an embedding: genes are predicted beside baselines in gene space", "[pipeline]") {
  const auto e = embedding_experiment();
  RunOptions options;
  options.inputs.embedder = untrained();
  check_same_on_any_threads([&] {
    const auto result = run(embedding_screen(), e, options);
    const Prepared& p = result.prepared;
    REQUIRE(p.embedding.rows == p.screen.cells());
    REQUIRE(p.embedding.columns == 8);
    REQUIRE(embedding_weights(*p.embedder) == embedding_weights(*options.inputs.embedder));
    REQUIRE(p.embedder->centre.size() == 8);
    REQUIRE(p.screen.genes.size() == 20);
    REQUIRE(result.models.size() == 2);
    for (const TrainedModel& m : result.models) {
      REQUIRE(m.genes.size() == 8);
      REQUIRE(m.decoded_genes == p.screen.genes);
      REQUIRE(m.anchors->shifts.genes() == 8);
    }
    REQUIRE(result.predicted.cells.columns == 20);
    size_t cells = 0;
    for (const auto& request : result.requests) cells += request.control_cells.size();
    REQUIRE(result.predicted.cells.rows == cells);
    REQUIRE(result.missing.empty());
    std::vector<float> bytes = result.predicted.cells.values;
    for (const auto& method : methods_of(result.report))
      for (const auto& column : method.contexts[0].scores.columns)
        for (const Score& score : column.values) bytes.push_back(float(score.value_or(-1)));
    return bytes;
  });

  // A baseline is scored as in a run in gene space.
  auto genes = e;
  genes.model = {};
  genes.methods = {"perturbation_mean"};
  const auto result = run(embedding_screen(), e, options);
  const auto plain = run(embedding_screen(), genes);
  CHECK(result.requests == plain.requests);
  CHECK(result.report.others[0].contexts[0].scores.column("mae") ==
        plain.report.evaluation.contexts[0].scores.column("mae"));

  // Genes that are not decoded are those of the control cell.
  auto all = e;
  all.all_genes = true;
  all.methods = {"state_transition"};
  const auto whole = run(embedding_screen(), all, options);
  const auto& s = whole.prepared.screen;
  REQUIRE(whole.predicted.cells.columns == 30);
  CHECK(whole.models[0].decoded_genes == whole.prepared.model_genes);
  const std::set<std::string> decoded(whole.prepared.model_genes.begin(),
                                      whole.prepared.model_genes.end());
  size_t row = 0;
  for (const auto& request : whole.requests)
    for (const size_t cell : request.control_cells) {
      std::vector<float> made(30), control(30);
      for (size_t k = 0; k < whole.predicted.cells.row_size(row); ++k)
        made[size_t(whole.predicted.cells.row_indices(row)[k])] =
            whole.predicted.cells.row_values(row)[k];
      for (size_t k = 0; k < s.expression.row_size(cell); ++k)
        control[size_t(s.expression.row_indices(cell)[k])] = s.expression.row_values(cell)[k];
      for (size_t g = 0; g < 30; ++g)
        if (!decoded.contains(s.genes[g])) REQUIRE(made[g] == control[g]);
      ++row;
    }
}

TEST_CASE("run in an embedding: the small State Embedding learns from nothing that is held out",
          "[pipeline]") {
  const auto e = embedding_experiment();
  const auto labels = prepare(embedding_screen(), e);
  const auto chosen = cells_to_embed_by(e, labels);
  const std::set<size_t> learns(chosen.begin(), chosen.end());
  size_t both = 0;
  for (size_t i = 0; i < labels.parts.size(); ++i) {
    const bool control = labels.screen.is_control(i);
    CHECK((!learns.contains(i) || control || labels.parts[i] == Part::train));
    if (control) CHECK(learns.contains(i));
    both += !control && labels.parts[i] == Part::train && !learns.contains(i);
  }
  CHECK(both > 0);  // what the second member is validated by

  const auto before = embedding_weights(trained_small(embedding_screen(), e));
  const auto with = [&](bool held_out) {
    AnnData changed = embedding_screen();
    auto counts = changed.X->take_csr<float>();
    for (size_t i = 0; i < counts.rows; ++i)
      if (learns.contains(i) != held_out)
        for (float& x : counts.row_values(i)) x = x * 3 + float(i % 5);
    changed.X = std::move(counts);
    return embedding_weights(trained_small(changed, e));
  };
  CHECK(with(true) == before);
  CHECK(with(false) != before);
}

TEST_CASE("embed_cells: what embed_file writes", "[pipeline]") {
  const TemporaryFolder folder;
  const AnnData adata = embedding_screen();
  write_h5ad(folder.path() / "a.h5ad", adata);
  embed_file(*untrained(), folder.path() / "a.h5ad", folder.path() / "b.h5ad", {.seed = 3});
  const auto file = read_h5ad(folder.path() / "b.h5ad");
  const auto here = embed_cells(*untrained(), adata, {.seed = 3});
  CHECK(here == embedding_in(file, "X_emb"));
  CHECK_FALSE(here == embed_cells(*untrained(), adata, {.seed = 4}));
}

TEST_CASE("run in an embedding: what is embedded is standardised by the cells that train",
          "[pipeline]") {
  const auto e = embedding_experiment();
  Prepared p = prepare(embedding_screen(), e);
  const AnnData cells = embedding_screen();
  const AnyRows X = AnyRows::borrowed(*cells.X);
  embed_screen(e, cells, X, p, untrained(), {});
  const auto chosen = cells_to_embed_by(e, p);
  const auto raw = embed_cells(*untrained(), embedding_screen());
  for (size_t k = 0; k < 8; ++k) {
    double mean = 0, square = 0, raw_mean = 0;
    for (const size_t cell : chosen) {
      mean += p.embedding.row(cell)[k] / double(chosen.size());
      square += std::pow(p.embedding.row(cell)[k], 2) / double(chosen.size());
      raw_mean += raw.row(cell)[k] / double(chosen.size());
    }
    CHECK(mean == Approx(0).margin(1e-4));
    CHECK(square == Approx(1).epsilon(1e-3));
    CHECK(p.embedder->centre[k] == Approx(raw_mean).epsilon(1e-5));
  }
  const TemporaryFolder folder;
  const auto place = folder.path() / "m";
  save_embedding(place, *p.embedder);
  const auto back = std::make_shared<const TrainedEmbedding>(load_embedding(place));
  CHECK(embed_cells(*back, embedding_screen()) == p.embedding);
  Prepared again = prepare(embedding_screen(), e);
  embed_screen(e, cells, X, again, back, {});  // stays as it is
  CHECK(again.embedding == p.embedding);
  CHECK(again.embedder == back);

  const std::vector<size_t> one{0};
  auto values = raw;
  check_error<ConfigError>([&] { standardise_embedding(*back, values, one); }, {"already"});
  const auto still = standardise_embedding(*untrained(), values, one);  // one cell varies nowhere
  CHECK(still.spread == std::vector<float>(8, 1.f));
  check_error<ConfigError>([&] { standardise_embedding(*untrained(), values, {}); }, {"cells"});
  for (const float spread : {0.f, NAN}) {
    Safetensors file;
    file.tensors["centre"] = Array::of<float>({8}, std::vector<float>(8));
    file.tensors["spread"] = Array::of<float>({8}, std::vector<float>(8, spread));
    write_safetensors(place / "standard.safetensors", file);
    check_error<FormatError>([&] { load_embedding(place); }, {"standard.safetensors", "spread"});
  }
}

TEST_CASE("run in an embedding: a key of obsm, and what is wrong with it", "[pipeline]") {
  auto e = embedding_experiment();
  e.ensemble = 1;
  e.methods = {"state_transition"};
  e.cell_embedding = "obsm:X_mine";
  AnnData adata = embedding_screen();
  RunOptions options;
  options.inputs.embedder = untrained();
  auto given = e;
  given.cell_embedding = "";
  const auto by_model = run(embedding_screen(), given, options);
  auto values = by_model.prepared.embedding;
  adata.obsm.insert_or_assign("X_mine", Matrix(values));
  const auto by_key = run(adata, e);
  CHECK(by_key.predicted.cells == by_model.predicted.cells);
  CHECK(by_key.models[0].embedding_key == "X_mine");
  CHECK_FALSE(by_key.prepared.embedder);

  values.values[17] = NAN;
  adata.obsm.insert_or_assign("X_mine", Matrix(values));
  check_error<ConfigError>([&] { run(adata, e); },
                           {"'X_mine'", quoted(adata.obs.index[2]), "column 1", "finite"});
  adata.obsm.insert_or_assign("X_mine", Matrix(DenseMatrix<float>{adata.cells(), 0, {}}));
  check_error<ConfigError>([&] { run(adata, e); }, {"'X_mine'", "no columns"});
  adata.obsm.insert_or_assign("X_mine", Matrix(DenseMatrix<float>{2, 1, {1, 2}}));
  check_error<ShapeError>([&] { embedding_in(adata, "X_mine"); }, {"'X_mine'", "2"});
  adata.obsm.clear();
  check_error<ConfigError>([&] { run(adata, e); }, {"obsm", "'X_mine'"});

  given.cell_embedding = "";
  options.inputs.embedder = untrained(10);
  check_error<ConfigError>([&] { run(embedding_screen(), given, options); }, {"10 of 30 genes"});
  e.model.output_space = OutputSpace::hvg;
  e.model.decoder = GeneDecoderKind::none;
  check_error<ConfigError>([&] { run(embedding_screen(), e); },
                           {"[data] embedding", "'obsm:X_mine'", "[model] output_space"});
  given.model.decoder = GeneDecoderKind::none;
  check_error<ConfigError>([&] { run(embedding_screen(), given); },
                           {"[model] decoder is none", "plain"});
  e = embedding_experiment();
  e.cell_embedding = "obsm:";
  check_error<ConfigError>([&] { run(embedding_screen(), e); }, {"[data] embedding is 'obsm:'"});
}

TEST_CASE("run_in_folder in an embedding: goes on where it stopped, and keeps the embedding",
          "[pipeline]") {
  const TemporaryFolder folder;
  write_h5ad(folder.path() / "screen.h5ad", embedding_screen());
  save_embedding(folder.path() / "se", *untrained());
  auto e = embedding_experiment();
  e.data = folder / "screen.h5ad";
  e.cell_embedding = folder / "se";
  e.methods = {"state_transition"};
  RunInFolderOptions options;
  options.gnuplot.program = "vcell-no-such-program";
  const auto whole = run_in_folder(e, folder.path() / "whole", options);
  const auto memory = [&] {
    RunOptions in_memory;
    in_memory.inputs.embedder = untrained();
    return run(embedding_screen(), e, in_memory);
  }();
  CHECK(whole.predicted.cells == memory.predicted.cells);
  const fs::path model = folder.path() / "whole/model";
  CHECK(embedding_weights(load_embedding(model / "embedding")) == embedding_weights(*untrained()));
  const auto card = read_text(model / "README.md");
  CHECK(card.find(sha256_of(model / "embedding/weights.safetensors")) != card.npos);
  CHECK(card.find("State Embedding " + e.cell_embedding) != card.npos);
  const auto loaded = load_model(model);
  CHECK(members_of(loaded).size() == 2);

  size_t steps = 0;
  options.callbacks.progress = [&](const ProgressUpdate& update) {
    return update.stage != "train" || ++steps < 6;
  };
  CHECK_THROWS_AS(run_in_folder(e, folder.path() / "part", options), Stopped);
  options.callbacks.progress = {};
  options.old = OldRun::resume;
  fs::remove_all(folder.path() / "se");  // the run has its own
  CHECK(run_in_folder(e, folder.path() / "part", options).predicted.cells == whole.predicted.cells);

  // Another run replaces all of it, and a model alone is trained the same.
  e.cell_embedding = "";
  e.model = StateTransitionSettings();
  e.methods = {"control_copy"};
  options.old = OldRun::overwrite;
  run_in_folder(e, folder.path() / "part", options);
  CHECK_FALSE(fs::exists(folder.path() / "part/embedding"));
}

TEST_CASE("run folder: the small State Embedding goes on from its checkpoint", "[pipeline]") {
  const auto e = embedding_experiment();
  const auto whole = embedding_weights(trained_small(embedding_screen(), e));
  const TemporaryFolder folder;
  const RunFolder kept(folder.path() / "run");
  const auto fresh = kept.embedding_hooks(OldRun::keep);
  CHECK_FALSE(kept.can_resume());
  CHECK_THROWS_AS(trained_small(embedding_screen(), e, fresh, 3), Stopped);
  CHECK(kept.can_resume());
  const auto resumed = kept.embedding_hooks(OldRun::resume);
  for (const size_t steps : {4, 100}) {  // once more in between, and to its end
    size_t first = 0;
    auto hooks = resumed;
    hooks.metrics = [&](const MetricsRow& row) { first = first ? first : row.step; };
    if (steps == 4) {
      CHECK_THROWS_AS(trained_small(embedding_screen(), e, hooks, steps), Stopped);
    } else {
      CHECK(embedding_weights(trained_small(embedding_screen(), e, hooks, steps)) == whole);
    }
    CHECK(first == (steps == 4 ? 4 : 5));
  }
  // It had ended: nothing is left to do but to use it.
  CHECK(embedding_weights(trained_small(embedding_screen(), e, resumed, 1)) == whole);
  kept.keep_embedding(*untrained());
  CHECK_FALSE(kept.can_resume());
  CHECK(embedding_weights(load_embedding(kept / "embedding")) == embedding_weights(*untrained()));
  kept.keep_embedding(trained_small(embedding_screen(), e));  // what is there stays
  CHECK(embedding_weights(load_embedding(kept / "embedding")) == embedding_weights(*untrained()));
}

TEST_CASE("run_in_folder in an embedding: stopped while the small State Embedding is trained",
          "[pipeline]") {
  const TemporaryFolder folder;
  write_h5ad(folder.path() / "screen.h5ad", embedding_screen());
  auto e = embedding_experiment();
  e.data = folder / "screen.h5ad";
  e.methods = {"state_transition"};
  const fs::path place = folder.path() / "run";
  // An old run, of genes, that could be gone on with.
  auto old = e;
  old.model = StateTransitionSettings();
  old.model.decoder_widths = {};
  old.model.hidden = 8;
  old.model.layers = old.model.heads = 1;
  old.model.head_dim = old.model.mlp_width = 8;
  RunInFolderOptions options;
  options.gnuplot.program = "vcell-no-such-program";
  std::string stage;
  size_t first = 0, last = 0, begun = 0;
  options.begun = [&] { ++begun; };
  options.callbacks.progress = [&](const ProgressUpdate& update) {
    if (update.stage != stage) return true;
    if (!first) first = update.done;
    return update.done < last;
  };
  stage = "train", last = 3;
  CHECK_THROWS_AS(train_in_folder(old, place, options), Stopped);
  CHECK(RunFolder(place).can_resume());
  CHECK(begun == 1);

  options.old = OldRun::overwrite;
  // Before anything was found to fit, and where the model in the embedding does not: it is kept.
  auto wrong = e;
  wrong.model.hidden = 0;
  CHECK_THROWS_AS(run_in_folder(wrong, place, options), ConfigError);
  CHECK(read_experiment(place / "experiment.toml").model.output_space == OutputSpace::hvg);
  CHECK(begun == 1);
  stage = "train embedding", first = 0, last = 2;
  CHECK_THROWS_AS(run_in_folder(e, place, options), Stopped);
  CHECK(begun == 2);
  CHECK(first == 1);
  CHECK(read_experiment(place / "experiment.toml").model.output_space == OutputSpace::embedding);
  CHECK_FALSE(fs::exists(place / "checkpoints" / "last"));  // of the old one
  CHECK(fs::exists(place / "checkpoints" / "embedding" / "last"));
  CHECK_FALSE(fs::exists(place / "embedding"));
  REQUIRE(RunFolder(place).can_resume());
  // Gone on with where it was.
  options.old = OldRun::resume;
  first = 0, last = 4;
  CHECK_THROWS_AS(run_in_folder(read_experiment(place / "experiment.toml"), place, options),
                  Stopped);
  CHECK(first == 3);
  CHECK(begun == 3);
  first = 0, last = 5;
  CHECK_THROWS_AS(train_in_folder(e, place, options), Stopped);
  CHECK(first == 5);
}

TEST_CASE("fine-tuning in an embedding: in that of the model that training starts from",
          "[pipeline]") {
  const TemporaryFolder folder;
  write_h5ad(folder.path() / "screen.h5ad", embedding_screen());
  write_h5ad(folder.path() / "next.h5ad", simulate_screen({.seed = 4,
                                                           .genes = 30,
                                                           .contexts = 2,
                                                           .perturbations = 7,
                                                           .cells_per_perturbation = 8,
                                                           .control_cells = 16})
                                              .screen);
  save_embedding(folder.path() / "se", *untrained());
  auto e = embedding_experiment();
  e.data = folder / "screen.h5ad";
  e.cell_embedding = folder / "se";
  e.methods = {"state_transition"};
  RunInFolderOptions options;
  options.gnuplot.program = "vcell-no-such-program";
  const fs::path base = folder.path() / "base";
  const auto old = train_in_folder(e, base, options);

  // On other cells, standardised as before: by no cells of theirs.
  e.data = folder / "next.h5ad";
  e.cell_embedding = "";
  e.init_from = base / "model";
  e.training.seed = 7;
  std::vector<std::string> notes;
  options.callbacks.note = [&](const std::string& line) { notes.push_back(line); };
  const auto result = run_in_folder(e, folder.path() / "next", options);
  options.callbacks.note = {};
  const auto embedder = load_embedding(base / "embedding");
  CHECK(result.prepared.embedder->centre == embedder.centre);
  CHECK(result.prepared.embedder->spread == embedder.spread);
  CHECK(embedding_weights(*result.prepared.embedder) == embedding_weights(embedder));
  CHECK(result.prepared.embedding == embed_cells(embedder, read_h5ad(e.data)));
  CHECK(std::ranges::count(notes, "starts from a model, genes: 8 as there, 0 new, 0 left out") ==
        2);
  CHECK(std::ranges::none_of(
      notes, [](const auto& line) { return line.starts_with("a small State Embedding"); }));
  const auto recorded = read_experiment(folder.path() / "next/experiment.toml");
  CHECK(recorded.cell_embedding == (base / "model/embedding").string());
  CHECK(recorded.init_sha256 == folder_sha256(base / "model"));
  CHECK(folder_sha256(folder.path() / "next/model/embedding") ==
        folder_sha256(base / "model/embedding"));
  // Its first step is from these weights, of what both have names for.
  auto asked = e;
  RunOptions in_memory;
  in_memory.state_transition.start = start_of(asked);
  in_memory.inputs.embedder =
      std::make_shared<const TrainedEmbedding>(load_embedding(base / "embedding"));
  size_t members = 0;
  in_memory.state_transition.hooks.begin = [&](const TrainedModel& m) {
    const auto& from = old[members++].model.parameters();
    for (const char* name : {"gene_decoder.decoder.0.weight", "project_out.0.weight"}) {
      const auto* then = from.find(name);
      const auto* now = m.model.parameters().find(name);
      REQUIRE(then);
      REQUIRE(now);
      CHECK(std::ranges::equal(then->value(), now->value()));
    }
  };
  CHECK(run(read_h5ad(e.data), asked, in_memory).predicted.cells == result.predicted.cells);
  CHECK(members == 2);
  DryRunOptions dry{.steps = 2};  // of one member, where the folder has two
  dry.inputs.embedder = in_memory.inputs.embedder;
  dry.start = in_memory.state_transition.start;
  CHECK(dry_run(read_h5ad(e.data), asked, dry).embedding_steps == 0);

  // Stopped and gone on with, when the folder that it started from is gone.
  size_t steps = 0;
  options.callbacks.progress = [&](const ProgressUpdate& update) {
    return update.stage != "train" || ++steps < 6;
  };
  CHECK_THROWS_AS(run_in_folder(e, folder.path() / "part", options), Stopped);
  options.callbacks.progress = {};
  options.old = OldRun::resume;
  fs::rename(base, folder.path() / "elsewhere");
  CHECK(run_in_folder(e, folder.path() / "part", options).predicted.cells ==
        result.predicted.cells);
  fs::rename(folder.path() / "elsewhere", base);

  // The same embedding may be named, and no other.
  const auto with = [&](const std::string& embedding) {
    auto named = e;
    named.cell_embedding = embedding;
    start_of(named);
    return named.cell_embedding;
  };
  CHECK(with((base / "embedding").string()) == (base / "embedding").string());
  for (const std::string& another : {folder / "se", std::string("obsm:X_mine")})
    check_error<ConfigError>([&] { with(another); },
                             {"[data] embedding is " + quoted(another), "[training] init_from",
                              "its own 'embedding'", "leave [data] embedding out"});
  fs::remove_all(base / "model/embedding");
  check_error<ConfigError>([&] { with(""); }, {"model/embedding", "copy the model's folder whole"});
  auto genes = e;
  genes.model = StateTransitionSettings();
  genes.model.hidden = 16;
  genes.init_from = "";
  genes.ensemble = 1;
  options.old = OldRun::keep;
  train_in_folder(genes, folder.path() / "genes", options);
  e.init_from = folder / "genes/model";
  check_error<ConfigError>([&] { with(""); }, {"is a model of genes", "set it to hvg"});
}

TEST_CASE("fine-tuning in an embedding: of a key of obsm", "[pipeline]") {
  const TemporaryFolder folder;
  AnnData adata = embedding_screen();
  adata.obsm.insert_or_assign("X_mine", Matrix(embed_cells(*untrained(), adata)));
  write_h5ad(folder.path() / "screen.h5ad", adata);
  auto e = embedding_experiment();
  e.data = folder / "screen.h5ad";
  e.cell_embedding = "obsm:X_mine";
  e.methods = {"state_transition"};
  train_in_folder(e, folder.path() / "base");
  e.init_from = folder / "base/model";
  e.cell_embedding = "";
  train_in_folder(e, folder.path() / "next");
  CHECK(read_experiment(folder.path() / "next/experiment.toml").cell_embedding == "obsm:X_mine");
  e.cell_embedding = "obsm:X_other";  // another name, as another file has it
  start_of(e);
  CHECK(e.cell_embedding == "obsm:X_other");
  e.cell_embedding = folder / "base/model";
  check_error<ConfigError>([&] { start_of(e); }, {"reads cells as obsm 'X_mine'", "give obsm:KEY"});
}

TEST_CASE("dry_run in an embedding: says what it would take", "[pipeline]") {
  auto e = embedding_experiment();
  const auto d = dry_run(embedding_screen(), e, {.steps = 2});
  CHECK(d.embedding_steps == small_embedding(e, 30).training.max_steps);
  CHECK(d.embedding_parameters > 0);
  CHECK(d.embedding_seconds > 0);
  CHECK(d.parameters > 0);
  CHECK(d.model_genes == 20);
  DryRunOptions given;
  given.inputs.embedder = untrained();
  const auto of_model = dry_run(embedding_screen(), e, given);
  CHECK(of_model.embedding_steps == 0);
  CHECK(of_model.embedding_seconds > 0);
  e.methods = {"control_copy"};
  CHECK(dry_run(embedding_screen(), e).embedding_seconds == 0);
}
