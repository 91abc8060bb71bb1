// Models and baselines in an embedding of cells, and genes that are decoded of it.
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"
#include "train/st_screen.hpp"
#include "vcell/models/baselines.hpp"
#include "vcell/models/predict_cells.hpp"
#include "vcell/sets/embedding_screen.hpp"
#include "vcell/train/model_folder.hpp"
#include "vcell/train/trainer.hpp"

using namespace vcell;
using vcell_test::check_error;
using vcell_test::StScreen;
using vcell_test::TemporaryFolder;

namespace {

constexpr size_t width = 6;

/// Expression turned and moved, so that many values are below 0.
DenseMatrix<float> embedding_of(const Screen& screen) {
  DenseMatrix<float> out{screen.cells(), width, {}};
  for (size_t row = 0; row < screen.cells(); ++row) {
    const auto x = screen.expression.row_values(row);
    for (size_t i = 0; i < width; ++i) out.values.push_back(2 * (x[i] - x[(i + 1) % 6]) - 0.25f);
  }
  return out;
}

ScreenOptions labels() {
  ScreenOptions out;
  out.control = "ctrl";
  return out;
}

struct Setting : StScreen {
  Screen space = embedding_screen(screen, embedding_of(screen));

  StateTransitionConfig decoded(GeneDecoderKind kind) const {
    auto c = config();
    c.output_space = OutputSpace::embedding;
    c.decoder = kind;
    c.gene_width = genes;
    c.decoder_widths = {16, 16};
    c.dropout = 0;
    return c;
  }
  TrainedModel trained(GeneDecoderKind kind, Anchor anchor, uint64_t steps) {
    auto config = decoded(kind);
    config.anchor = anchor;
    TrainedModel m{.model = StateTransition<float>(config, 1),
                   .genes = space.genes,
                   .perturbations = one_hot(),
                   .contexts = space.context.names,
                   .batches = {},
                   .labels = labels(),
                   .set_size = 4,
                   .decoded_genes = screen.genes};
    std::optional<TrainingAnchors> anchors;
    if (anchor != Anchor::none) {
      anchors.emplace(space, parts, 1);
      m.anchors = make_anchors(
          space, [&](size_t) { return true; }, m.perturbations, anchors->shrinkage(), 1);
    }
    auto o = options();
    o.sets.genes = &screen.expression;
    o.anchors = anchors ? &*anchors : nullptr;
    Trainer trainer(m.model.parameters(),
                    {.max_steps = steps, .learning_rate = 1e-2, .validate_every = steps});
    StateTransitionTask task(m.model, m.perturbations, space, parts, o);
    const double before = task.validation_loss()->loss;
    trainer.run(task);
    CHECK(task.validation_loss()->loss < before);
    return m;
  }
  std::vector<PredictionRequest> requests() const {
    std::vector<PredictionRequest> all;
    for (const char* name : {"ctrl", "P1", "P3"}) {
      PredictionRequest r{space.context.code("x"), space.perturbation.code(name), {}};
      for (size_t i = 0; i < 16; ++i) r.control_cells.push_back(i);
      all.push_back(r);
    }
    return all;
  }
};

/// Mean of a gene over the cells of a request.
double mean_of(const PredictedCells& made, size_t request, int32_t gene) {
  double sum = 0, cells = 0;
  for (size_t row = 0; row < made.cells.rows; ++row) {
    if (made.requests[row] != request) continue;
    ++cells;
    for (size_t k = 0; k < made.cells.row_size(row); ++k)
      if (made.cells.row_indices(row)[k] == gene) sum += double(made.cells.row_values(row)[k]);
  }
  return sum / cells;
}

}  // namespace

TEST_CASE("embedding_screen: values and labels; what does not fit", "[sets]") {
  const StScreen s;
  auto embedding = embedding_of(s.screen);
  embedding.values[3] = 0;
  const Screen space = embedding_screen(s.screen, embedding);
  CHECK(space.is_embedding);
  CHECK(space.genes == std::vector<std::string>{"embedding_0", "embedding_1", "embedding_2",
                                                "embedding_3", "embedding_4", "embedding_5"});
  CHECK(space.expression.rows == s.screen.cells());
  CHECK(space.expression.values == embedding.values);
  CHECK(space.context.codes == s.screen.context.codes);
  CHECK(space.batch.names == s.screen.batch.names);
  CHECK_NOTHROW(check_screen(space));
  CHECK(select_genes(space, {"embedding_4", "embedding_0"}).is_embedding);

  embedding.values[13] = NAN;
  check_error<ConfigError>([&] { embedding_screen(s.screen, embedding); },
                           {"value 1 of cell 2", "nan"});
  check_error<ShapeError>(
      [&] {
        embedding_screen(s.screen, DenseMatrix<float>{1, 2, {1, 2}});
      },
      {"rows of the embedding", "160"});
  check_error<ShapeError>(
      [&] {
        embedding_screen(s.screen, DenseMatrix<float>{s.screen.cells(), 0, {}});
      },
      {"no columns"});
}

TEST_CASE("baselines: nothing is clipped in an embedding", "[models]") {
  const Setting s;
  PerturbationMean<> mean;
  mean.fit(s.space, s.parts, {});
  const auto requests = s.requests();
  const auto made = mean.predict(s.space, std::span(requests).subspan(1, 1), {});
  const auto shift = mean.shift(requests[1].context, requests[1].perturbation);
  REQUIRE(shift);
  size_t below = 0;
  for (size_t i = 0; i < made.cells.rows; ++i)
    for (size_t k = 0; k < width; ++k) {
      const double expected =
          s.space.expression.row_values(requests[1].control_cells[i])[k] + (*shift)[k];
      REQUIRE(made.cells.row_size(i) == width);
      CHECK(made.cells.row_values(i)[k] == float(expected));
      below += expected < 0;
    }
  CHECK(below > 0);
}

TEST_CASE(
    "embedding space: genes are decoded of what is predicted, by every decoder, anchored or "
    "not",
    "[train]") {
  for (const auto kind :
       {GeneDecoderKind::plain, GeneDecoderKind::residual, GeneDecoderKind::negative_binomial})
    for (const auto anchor : {Anchor::none, Anchor::perturbation_mean}) {
      INFO("decoder " << int(kind) << ", anchor " << int(anchor));
      Setting s;
      const TrainedModel m = s.trained(kind, anchor, 250);
      const auto requests = s.requests();
      const auto cells = predict_cells(m, s.space, requests);
      CHECK(cells.cells.columns == width);
      CHECK(std::ranges::any_of(cells.cells.values, [](float v) { return v < 0; }));
      const auto genes = predict_cells(m, s.space, requests, {.genes = &s.screen});
      CHECK(genes.cells.columns == StScreen::genes);
      CHECK(std::ranges::all_of(genes.cells.values, [](float v) { return v > 0; }));
      for (size_t i = 0; i < requests[0].control_cells.size(); ++i)  // what nothing is done to
        CHECK(std::ranges::equal(genes.cells.row_values(i),
                                 s.screen.expression.row_values(requests[0].control_cells[i])));
      // P1 adds 1 to gene 0, P3 to gene 2.
      CHECK(mean_of(genes, 1, 0) - mean_of(genes, 0, 0) == Approx(1).margin(0.35));
      CHECK(mean_of(genes, 2, 2) - mean_of(genes, 0, 2) == Approx(1).margin(0.35));
      CHECK(mean_of(genes, 1, 4) - mean_of(genes, 0, 4) == Approx(0).margin(0.35));

      const TemporaryFolder folder;
      save_model(folder.path() / "model", m);
      const auto back = std::get<TrainedModel>(load_model(folder.path() / "model"));
      CHECK(back.decoded_genes == m.decoded_genes);
      CHECK(back.model.config() == m.model.config());
      CHECK(predict_cells(back, s.space, requests, {.genes = &s.screen}).cells == genes.cells);
      std::filesystem::remove(folder.path() / "model" / "decoded_genes.txt");
      check_error<IoError>([&] { load_model(folder.path() / "model"); }, {"decoded_genes.txt"});
    }
}

TEST_CASE("embedding space: batches that are gathered on the device are those that are sent",
          "[train]") {
  Setting s;
  const auto features = s.one_hot();
  const auto inputs =
      DenseMatrix<float>{s.space.cells(), width, std::vector<float>(s.space.cells() * width, 0.5f)};
  for (const auto kind : {GeneDecoderKind::plain, GeneDecoderKind::negative_binomial})
    for (const auto* input : {static_cast<const DenseMatrix<float>*>(nullptr), &inputs}) {
      const StateTransition<float> model(s.decoded(kind), 1);
      auto o = s.options();
      o.sets.sets.fill = false;
      o.sets.input = input;
      o.sets.genes = &s.screen.expression;
      const auto losses = [&](size_t bytes) {
        o.resident_bytes = bytes;
        StateTransitionTask task(model, features, s.space, s.parts, o);
        CHECK(task.is_resident() == (bytes > 0));
        std::vector<float> all;
        for (uint64_t step = 0; step < 4; ++step) all.push_back(task.loss(step).value()());
        return all;
      };
      const auto sent = losses(0);
      CHECK(losses(1 << 20) == sent);
      CHECK(sent[0] != sent[1]);
    }
}

TEST_CASE("embedding space: what does not belong together is an error", "[train]") {
  Setting s;
  const auto features = s.one_hot();
  const auto task = [&](const StateTransitionConfig& config, const Screen& screen, bool genes) {
    const StateTransition<float> model(config, 1);
    auto o = s.options();
    if (genes) o.sets.genes = &s.screen.expression;
    StateTransitionTask(model, features, screen, s.parts, o);
  };
  const auto decoded = s.decoded(GeneDecoderKind::plain);
  CHECK_NOTHROW(task(decoded, s.space, true));
  check_error<ConfigError>([&] { task(decoded, s.screen, true); }, {"embedding", "expression"});
  check_error<ConfigError>([&] { task(s.config(), s.space, false); }, {"embedding_screen"});
  check_error<ShapeError>([&] { task(decoded, s.space, false); }, {"options.sets.genes", "6"});
  auto o = s.options();
  const CsrMatrix<float> few{1, 6, {0, 0}, {}, {}};
  o.sets.genes = &few;
  check_error<ShapeError>([&] { SetSource(s.space, s.parts, o.sets); }, {"rows of genes", "160"});

  const TrainedModel m = s.trained(GeneDecoderKind::plain, Anchor::none, 2);
  check_error<ConfigError>([&] { predict_cells(m, s.screen, s.requests()); },
                           {"predict", "embedding", "expression"});
  auto config = s.config();
  const TrainedModel plain{.model = StateTransition<float>(config, 1),
                           .genes = s.screen.genes,
                           .perturbations = features,
                           .contexts = s.screen.context.names,
                           .batches = {},
                           .labels = labels()};
  check_error<ConfigError>(
      [&] { predict_cells(plain, s.screen, s.requests(), {.genes = &s.screen}); },
      {"predict", "without a gene decoder"});
}
