#include "vcell/train/start_from.hpp"

#include <numeric>

#include "support/catch.hpp"
#include "support/decoded_genes.hpp"
#include "support/errors.hpp"
#include "support/random_tensor.hpp"

using namespace vcell;
using vcell_test::check_error;
using vcell_test::decode_genes;
using vcell_test::random_tensor;

namespace {

using Names = std::vector<std::string>;
using Config = StateTransitionConfig;

constexpr size_t sets = 3, cells = 4;

Names numbered(const char* what, size_t n) {
  Names out;
  for (size_t i = 0; i < n; ++i) out.push_back(message(what, i));
  return out;
}

Names shuffled(Names names, uint64_t seed) {
  Rng rng(seed);
  Names out;
  for (const size_t i : permutation(names.size(), rng)) out.push_back(names[i]);
  return out;
}

/// What a model goes by.
struct Lists {
  Names genes = numbered("G", 16), perturbations = {"ctrl", "P1", "P2", "P3"},
        batches = numbered("B", 3), decoded = numbered("D", 9);
  std::string control = "ctrl";

  Lists in_other_order() const {
    return {shuffled(genes, 1), shuffled(perturbations, 2), shuffled(batches, 3),
            shuffled(decoded, 4), control};
  }
};

/// A model of these lists whose weights are all drawn.
TrainedModel make(const Lists& lists, void (*change)(Config&) = nullptr, uint64_t seed = 1) {
  Config c{.hidden = 8,
           .layers = 2,
           .heads = 2,
           .head_dim = 3,
           .mlp_width = 10,
           .encoder_layers = 2,
           .decoder_layers = 2};
  if (change) change(c);
  c.input_width = c.output_width = lists.genes.size();
  c.perturbation_width = lists.perturbations.size();
  if (c.batches) c.batches = lists.batches.size();
  if (c.token_batches) c.token_batches = lists.batches.size();
  if (c.gene_width) c.gene_width = lists.decoded.size();
  TrainedModel m{.model = StateTransition<float>(c, seed),
                 .genes = lists.genes,
                 .perturbations = PerturbationFeatures::one_hot(lists.perturbations),
                 .contexts = {"A"},
                 .batches = c.batches || c.token_batches ? lists.batches : Names(),
                 .labels = {},
                 .decoded_genes = c.gene_width ? lists.decoded : Names()};
  m.labels.control = lists.control;
  const auto& parameters = m.model.parameters();
  for (size_t i = 0; i < parameters.all().size(); ++i) {
    const auto drawn = random_tensor<float, 1>({parameters.all()[i].count}, 100 * seed + i);
    auto to = parameters.all()[i].mutable_value();
    for (size_t k = 0; k < drawn.count(); ++k) to(k) = 0.4f * drawn(k);
  }
  return m;
}

/// Where each name of `to` is in `from`; -1: nowhere.
std::vector<int> places(const Names& from, const Names& to) {
  std::vector<int> out;
  for (const auto& name : to) {
    const auto found = std::find(from.begin(), from.end(), name);
    out.push_back(found == from.end() ? -1 : int(found - from.begin()));
  }
  return out;
}

/// The last axis by the names of other lists; zeros where a name is not there.
template <int rank>
Tensor<float, rank> by_names(const Tensor<float, rank>& x, const Names& from, const Names& to) {
  auto shape = x.shape();
  const size_t rows = x.count() / from.size();
  shape[rank - 1] = to.size();
  Tensor<float, rank> out(shape);
  const auto place = places(from, to);
  for (size_t i = 0; i < rows; ++i)
    for (size_t k = 0; k < to.size(); ++k)
      if (place[k] >= 0)
        out.data()[i * to.size() + k] = x.data()[i * from.size() + size_t(place[k])];
  return out;
}

/// What a model says of the same cells, perturbations and batches, by their names in `lists`.
StateTransitionOutput<float> say(const TrainedModel& m, const Lists& lists,
                                 const Names& perturbations = {"P1", "ctrl", "P3"}) {
  const NoGrad no_grad;
  const auto control = random_tensor<float, 3>({sets, cells, lists.genes.size()}, 7);
  const auto anchor = random_tensor<float, 2>({sets, lists.genes.size()}, 8);
  Tensor<float, 2> perturbation({sets, m.perturbations.width()});
  for (size_t b = 0; b < sets; ++b) {
    const auto v = m.perturbations.vector(perturbations[b]);
    std::copy(v.begin(), v.end(), perturbation[b].begin());
  }
  Tensor<int32_t, 2> batch;
  if (m.model.config().batches) {
    batch = Tensor<int32_t, 2>({sets, cells});
    const auto place = places(m.batches, lists.batches);
    for (size_t i = 0; i < batch.count(); ++i) batch.data()[i] = int32_t(place[i % 2]);
  }
  return m.model.predict(Variable<float, 3>(by_names(control, lists.genes, m.genes)),
                         Variable<float, 2>(perturbation), batch, {}, {},
                         m.model.is_anchored()
                             ? Variable<float, 2>(by_names(anchor, lists.genes, m.genes))
                             : Variable<float, 2>());
}

template <int rank>
void check_same(const Variable<float, rank>& found, const Names& found_names,
                const Variable<float, rank>& expected, const Names& names) {
  REQUIRE(bool(found) == bool(expected));
  if (!found) return;
  const auto a = by_names(to_tensor(found.value()), found_names, names);
  const auto b = to_tensor(expected.value());
  REQUIRE(a.shape() == b.shape());
  double largest = 0;
  for (size_t i = 0; i < a.count(); ++i) {
    REQUIRE(std::abs(double(a.data()[i]) - double(b.data()[i])) < 1e-4);
    largest = std::max(largest, std::abs(double(b.data()[i])));
  }
  REQUIRE(largest > 1e-2);  // else nothing was compared
}

struct Variant {
  const char* name;
  void (*change)(Config&);
};
const Variant variants[] = {
    {"plain", [](Config&) {}},
    {"gpt2, linear head, MLP for cells",
     [](Config& c) {
       c.backbone = BackboneKind::gpt2;
       c.head = OutputHead::linear_residual;
       c.basal_mlp = true;
     }},
    {"anchored", [](Config& c) { c.anchor = Anchor::perturbation_mean; }},
    {"batches", [](Config& c) { c.batches = c.token_batches = 1; }},
    {"confidence", [](Config& c) { c.confidence_token = true; }},
    {"all genes", [](Config& c) { c.output_space = OutputSpace::all_genes; }},
    {"decoder", [](Config& c) { decode_genes(c, GeneDecoderKind::plain, 1); }},
    {"residual decoder", [](Config& c) { decode_genes(c, GeneDecoderKind::residual, 1); }},
    {"negative binomial",
     [](Config& c) { decode_genes(c, GeneDecoderKind::negative_binomial, 1); }},
};

std::vector<float> weights_of(const TrainedModel& m) {
  const auto values = m.model.parameters().values();
  return {values.begin(), values.end()};
}

}  // namespace

TEST_CASE("start_from: the same lists give the same weights, in another order the same predictions",
          "[train]") {
  const Lists lists, other = lists.in_other_order();
  for (const auto& variant : variants) {
    INFO(variant.name);
    const TrainedModel old = make(lists, variant.change, 1);
    TrainedModel same = make(lists, variant.change, 2);
    REQUIRE(weights_of(same) != weights_of(old));
    start_from(same, old);
    CHECK(weights_of(same) == weights_of(old));

    TrainedModel m = make(other, variant.change, 2);
    const StartedFrom started = start_from(m, old);
    CHECK(started.fresh.empty());
    CHECK(started.left.empty());
    for (const auto& names : started.names) {
      CHECK(names.fresh.empty());
      CHECK(names.left.empty());
    }
    REQUIRE(started.names[0].what == "genes");
    CHECK(started.names[0].kept == other.genes);
    CHECK(started.names[1].kept == other.perturbations);
    const auto found = say(m, lists), expected = say(old, lists);
    check_same(found.cells, m.genes, expected.cells, old.genes);
    check_same(found.genes.mean, m.decoded_genes, expected.genes.mean, old.decoded_genes);
    check_same(found.genes.dispersion, m.decoded_genes, expected.genes.dispersion,
               old.decoded_genes);
    check_same(found.batch_logits, m.batches, expected.batch_logits, old.batches);
    check_same(found.confidence, {"1"}, expected.confidence, {"1"});
  }
}

TEST_CASE("start_from: new genes, perturbations and batches start afresh, others are left out",
          "[train]") {
  const Lists lists;
  Lists other;
  other.genes = {"G7", "new gene", "G2", "G15"};
  other.perturbations = {"P3", "new one", "ctrl", "P1"};
  other.batches = {"B9", "B2", "B0", "B7"};
  const auto batches = [](Config& c) { c.batches = c.token_batches = 1; };
  const TrainedModel old = make(lists, batches, 1), fresh = make(other, batches, 2);
  TrainedModel m = make(other, batches, 2);
  const StartedFrom started = start_from(m, old);
  REQUIRE(started.names.size() == 3);
  CHECK(started.names[0].kept == Names{"G7", "G2", "G15"});
  CHECK(started.names[0].fresh == Names{"new gene"});
  CHECK(started.names[0].left.size() == 13);
  CHECK(started.names[1].kept == Names{"P3", "ctrl", "P1"});
  CHECK(started.names[1].fresh == Names{"new one"});
  CHECK(started.names[1].left == Names{"P2"});
  CHECK(started.names[2].what == "batches");
  CHECK(started.names[2].left == Names{"B1"});
  CHECK(started.names[2].fresh == Names{"B9", "B7"});

  // Rows and columns, one by one.
  const auto value = [](const TrainedModel& of, const char* name, size_t row, size_t column) {
    const auto* p = of.model.parameters().find(name);
    REQUIRE(p);
    return p->value()(row * (p->shape.size() > 1 ? p->shape[1] : 1) + column);
  };
  for (const size_t unit : {0, 7}) {
    const char* cells_in = "basal_encoder.weight";
    CHECK(value(m, cells_in, unit, 0) == value(old, cells_in, unit, 7));
    CHECK(value(m, cells_in, unit, 1) == value(fresh, cells_in, unit, 1));
    CHECK(value(m, cells_in, unit, 3) == value(old, cells_in, unit, 15));
    const auto& first = *std::find_if(
        m.model.parameters().all().begin(), m.model.parameters().all().end(), [](const auto& p) {
          return p.name.starts_with("pert_encoder") && p.name.ends_with("weight");
        });
    REQUIRE(first.shape == std::vector<size_t>{8, 4});
    CHECK(value(m, first.name.c_str(), unit, 0) == value(old, first.name.c_str(), unit, 3));
    CHECK(value(m, first.name.c_str(), unit, 1) == value(fresh, first.name.c_str(), unit, 1));
    CHECK(value(m, "batch_encoder.weight", 1, unit) == value(old, "batch_encoder.weight", 2, unit));
    CHECK(value(m, "batch_encoder.weight", 0, unit) ==
          value(fresh, "batch_encoder.weight", 0, unit));
  }
  CHECK(value(m, "batch_classifier.0.bias", 2, 0) == value(old, "batch_classifier.0.bias", 0, 0));

  // Of cells that express nothing but what both know, the same is said of these genes.
  Lists shared = other;
  shared.genes = {"G7", "G2", "G15"};
  shared.batches = {"B2", "B0"};
  const auto found = say(m, shared), expected = say(old, shared);
  const auto a = by_names(to_tensor(found.cells.value()), m.genes, shared.genes),
             b = by_names(to_tensor(expected.cells.value()), old.genes, shared.genes);
  for (size_t i = 0; i < a.count(); ++i)
    CHECK(std::abs(double(a.data()[i]) - double(b.data()[i])) < 1e-5);
  // What is new has an effect of its own.
  const auto of_new = say(m, shared, {"new one", "ctrl", "P3"});
  CHECK(to_tensor(of_new.cells.value()).values()[0] != a.values()[0]);

  std::vector<std::string> lines;
  note_start(started, {{}, [&](const std::string& line) { lines.push_back(line); }});
  REQUIRE(lines.size() == 3);
  CHECK(lines[0] ==
        "starts from a model, genes: 3 as there, 1 new ('new gene'), 13 left out ('G0', "
        "'G1', 'G3', 'G4', 'G5', 'G6', 'G8', 'G9', ... (13 in all))");
}

TEST_CASE("start_from: the control is the control under any label", "[train]") {
  Lists other;
  other.perturbations = {"P2", "non-targeting", "P1", "P3"};
  other.control = "non-targeting";
  const TrainedModel old = make({}, nullptr, 1);
  TrainedModel m = make(other, nullptr, 2);
  const auto started = start_from(m, old);
  CHECK(started.names[1].fresh.empty());
  const auto found = say(m, {}, {"P1", "non-targeting", "P3"});
  check_same(found.cells, m.genes, say(old, {}).cells, old.genes);
  // Unless the label is of something else there.
  other.perturbations = {"P2", "P1", "ctrl", "P3"};
  other.control = "P1";
  TrainedModel swapped = make(other, nullptr, 2);
  CHECK(start_from(swapped, old).names[1].kept == Names{"P2", "P1", "ctrl", "P3"});
}

TEST_CASE("start_from: parts that one of the two does not have", "[train]") {
  const Lists lists;
  const TrainedModel old = make(lists, [](Config& c) { c.batches = 1; });
  TrainedModel m = make(
      lists, [](Config& c) { c.confidence_token = true; }, 2);
  const TrainedModel fresh = make(
      lists, [](Config& c) { c.confidence_token = true; }, 2);
  const auto started = start_from(m, old);
  CHECK(started.left == Names{"batch_encoder.weight"});
  REQUIRE_FALSE(started.fresh.empty());
  for (const auto& name : started.fresh) CHECK(name.starts_with("confidence_token."));
  const auto *is = m.model.parameters().find(started.fresh[0]),
             *was = fresh.model.parameters().find(started.fresh[0]);
  CHECK(is->value()(0) == was->value()(0));
  std::vector<std::string> lines;
  note_start(started, {{}, [&](const std::string& line) { lines.push_back(line); }});
  REQUIRE(lines.size() == 4);
  CHECK(lines[3] == "parameters of it that are left out: 'batch_encoder.weight'");
}

TEST_CASE("start_from: features go by place, and what changed is said", "[train]") {
  const auto described = [](size_t width, Anchor anchor, float of_p1, uint64_t seed) {
    Lists lists;
    lists.perturbations.resize(width + (anchor == Anchor::features), "column");
    PerturbationFeatures features(width);
    for (const char* name : {"ctrl", "P1", "P2"})
      features.add(name, std::vector<float>(width, name[1] == '1' ? of_p1 : 1.f));
    Config config{.input_width = 16,
                  .output_width = 16,
                  .perturbation_width = lists.perturbations.size(),
                  .hidden = 8,
                  .heads = 2,
                  .head_dim = 3,
                  .mlp_width = 10,
                  .encoder_layers = 2,
                  .decoder_layers = 2};
    config.anchor = anchor;
    TrainedModel m{.model = StateTransition<float>(config, seed),
                   .genes = lists.genes,
                   .perturbations = features,
                   .contexts = {"A"},
                   .batches = {},
                   .labels = {}};
    m.labels.control = "ctrl";
    return m;
  };
  const auto old = described(5, Anchor::perturbation_mean, 2, 1);
  auto same = described(5, Anchor::perturbation_mean, 2, 2);
  CHECK(start_from(same, old).changed.empty());
  CHECK(weights_of(same) == weights_of(old));
  auto changed = described(5, Anchor::perturbation_mean, 3, 2);
  const auto started = start_from(changed, old);
  CHECK(started.changed == Names{"P1"});
  CHECK(started.names[1].kept == Names{"ctrl", "P1", "P2"});
  // Whether features tell the anchor is one thing more to learn.
  auto anchored = described(5, Anchor::features, 2, 2);
  CHECK(start_from(anchored, old).fresh.empty());
  auto wider = described(6, Anchor::perturbation_mean, 2, 2);
  check_error<ConfigError>([&] { start_from(wider, old); },
                           {"a perturbation has 5 features", "and 6 here"});
  TrainedModel one_hot = make({}, [](Config& c) { c.anchor = Anchor::perturbation_mean; });
  const auto plain = make({}, [](Config& c) { c.anchor = Anchor::perturbation_mean; });
  check_error<ConfigError>([&] { start_from(same, plain); },
                           {"one-hot to the model", "leave out [data] perturbation_features"});
  auto shape = described(5, Anchor::perturbation_mean, 2, 2);
  check_error<ConfigError>(
      [&] { start_from(one_hot, shape); },
      {"perturbations are features to the model", "give its [data] perturbation_features"});
}

TEST_CASE("start_from: what cannot agree is named, with both values, and nothing changes",
          "[train]") {
  const Lists lists;
  const TrainedModel old = make(lists);
  struct Case {
    void (*change)(Config&);
    std::vector<std::string> said;
  };
  for (const auto& [change, said] : {
           Case{[](Config& c) { c.hidden = 16, c.layers = 3; },
                {"[model] hidden (8 there, 16 here)", "[model] layers (2 there, 3 here)",
                 "give those of that model"}},
           Case{[](Config& c) { c.backbone = BackboneKind::gpt2; },
                {"[model] backbone (llama there, gpt2 here)"}},
           Case{[](Config& c) { c.anchor = Anchor::perturbation_mean; },
                {"[model] anchor (none there, perturbation_mean here)"}},
           Case{[](Config& c) { c.output_space = OutputSpace::embedding; },
                {"[model] output_space (hvg there, embedding here)"}},
           Case{[](Config& c) { c.predict_residual = false; },
                {"[model] predict_residual (true there, false here)"}},
       }) {
    TrainedModel m = make(lists, change, 2);
    const auto before = weights_of(m);
    check_error<ConfigError>([&] { start_from(m, old); }, said);
    CHECK(weights_of(m) == before);
  }
  TrainedModel m = make(lists, nullptr, 2);
  TrainedModel nameless = make(lists);
  nameless.unnamed = {"genes", "perturbations"};
  check_error<ConfigError>([&] { start_from(m, nameless); },
                           {"no names for its", "--genes FILE and --perturbation-names FILE"});
  // The bottleneck's width follows from the genes.
  const auto all = [](Config& c) { c.output_space = OutputSpace::all_genes; };
  Lists more;
  more.genes = numbered("G", 24);
  TrainedModel bottle = make(more, all);
  check_error<ConfigError>([&] { start_from(bottle, make(lists, all)); },
                           {"final_down_then_up", "[model] output_space all_genes"});
  const auto embedding = [](Config& c) { c.output_space = OutputSpace::embedding; };
  TrainedModel wide = make(more, embedding);
  check_error<ConfigError>([&] { start_from(wide, make(lists, embedding)); },
                           {"an embedding of 16 values, and this one of 24"});
}
