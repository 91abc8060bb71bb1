// What every variant of State Transition keeps: sets of any length, recomputation, who sees whom.
#include "support/catch.hpp"
#include "support/decoded_genes.hpp"
#include "support/errors.hpp"
#include "support/largest_error.hpp"
#include "support/random_tensor.hpp"
#include "vcell/autograd/backward.hpp"
#include "vcell/models/state_transition_terms.hpp"

using namespace vcell;
using vcell_test::check_error;
using vcell_test::decode_genes;
using vcell_test::random_tensor;

namespace {

constexpr size_t sets = 3, longest = 7, inputs = 16, genes = 9, width = 4;
constexpr int32_t lengths[sets] = {7, 1, 4};

using Config = StateTransitionConfig;

Config plain() {
  return {.input_width = inputs,
          .output_width = inputs,
          .perturbation_width = width,
          .hidden = 8,
          .layers = 2,
          .heads = 2,
          .head_dim = 3,
          .mlp_width = 10,
          .encoder_layers = 2,
          .decoder_layers = 2};
}

struct Variant {
  const char* name;
  void (*change)(Config&);
};

const Variant variants[] = {
    {"plain", [](Config&) {}},
    {"gpt2", [](Config& c) { c.backbone = BackboneKind::gpt2; }},
    {"causal",
     [](Config& c) {
       c.backbone = BackboneKind::gpt2;
       c.attention = AttentionPattern::causal;
     }},
    {"itself", [](Config& c) { c.attention = AttentionPattern::itself; }},
    {"gpt2 itself",
     [](Config& c) {
       c.backbone = BackboneKind::gpt2;
       c.attention = AttentionPattern::itself;
     }},
    {"batches", [](Config& c) { c.batches = c.token_batches = 3; }},
    {"confidence", [](Config& c) { c.confidence_token = true; }},
    {"both tokens, causal",
     [](Config& c) {
       c.token_batches = 3;
       c.confidence_token = true;
       c.attention = AttentionPattern::causal;
     }},
    {"both tokens, itself",
     [](Config& c) {
       c.token_batches = 3;
       c.confidence_token = true;
       c.attention = AttentionPattern::itself;
     }},
    {"all genes", [](Config& c) { c.output_space = OutputSpace::all_genes; }},
    {"embedding", [](Config& c) { c.output_space = OutputSpace::embedding; }},
    {"decoder", [](Config& c) { decode_genes(c, GeneDecoderKind::plain, genes); }},
    {"residual decoder, bottleneck",
     [](Config& c) {
       decode_genes(c, GeneDecoderKind::residual, genes);
       c.embedding_bottleneck = true;
     }},
    {"negative binomial",
     [](Config& c) { decode_genes(c, GeneDecoderKind::negative_binomial, genes); }},
    {"linear residual head", [](Config& c) { c.head = OutputHead::linear_residual; }},
    {"anchored embedding",
     [](Config& c) {
       c.anchor = Anchor::perturbation_mean;
       c.output_space = OutputSpace::embedding;
     }},
};

struct Batch {
  Tensor<double, 3> control, cells, genes_seen;
  Tensor<double, 2> perturbation, anchor;
  Tensor<int32_t, 2> batch;

  /// @param padding  what stands after the end of a set
  explicit Batch(double padding = 0)
      : control(random_tensor<double, 3>({sets, longest, inputs}, 1)),
        cells(random_tensor<double, 3>({sets, longest, inputs}, 2)),
        genes_seen(random_tensor<double, 3>({sets, longest, genes}, 6)),
        perturbation(random_tensor<double, 2>({sets, width}, 3)),
        anchor(random_tensor<double, 2>({sets, inputs}, 4)),
        batch({sets, longest}) {
    for (double& v : genes_seen.values()) v = std::abs(v);
    for (size_t b = 0; b < sets; ++b)
      for (size_t s = 0; s < longest; ++s) {
        batch(b, s) = int32_t((b + s) % 3);
        if (s < size_t(lengths[b])) continue;
        batch(b, s) = 0;
        for (double& v : control[b][s]) v = padding;
        for (double& v : cells[b][s]) v = padding;
        for (double& v : genes_seen[b][s]) v = std::abs(padding);
      }
  }
  /// One set at its own length.
  Batch only(size_t b) const {
    Batch one;
    const auto rows = size_t(lengths[b]);
    const auto cut = [&](const auto& all) {
      return to_tensor(all.slice(b, b + 1)[0].slice(0, rows))
          .template reshape<3>({1, rows, all.shape(2)});
    };
    one.control = cut(control);
    one.cells = cut(cells);
    one.genes_seen = cut(genes_seen);
    one.perturbation = to_tensor(perturbation.slice(b, b + 1));
    one.anchor = to_tensor(anchor.slice(b, b + 1));
    one.batch = to_tensor(batch.slice(b, b + 1)[0].slice(0, rows)).reshape<2>({1, rows});
    return one;
  }
};

StateTransitionOutput<double> run(const StateTransition<double>& model, const Batch& b,
                                  const Variable<int32_t, 1>& n = {}) {
  return model.predict(Variable<double, 3>(b.control), Variable<double, 2>(b.perturbation),
                       model.config().batches ? b.batch : Tensor<int32_t, 2>(), {}, n,
                       model.is_anchored() ? Variable<double, 2>(b.anchor) : Variable<double, 2>());
}

StateTransitionTerms<double> terms_of(const StateTransition<double>& model, const Batch& b,
                                      const Tensor<int32_t, 1>& n = {}) {
  const auto& c = model.config();
  const auto on_device = n.count() ? Variable<int32_t, 1>(n) : Variable<int32_t, 1>();
  StateTransitionTargets<double> targets{Variable<double, 3>(b.cells)};
  if (c.gene_width) targets.genes = Variable<double, 3>(b.genes_seen);
  if (c.token_batches) targets.batches = batch_of_sets(b.batch, n);
  return state_transition_terms(c, run(model, b, on_device), targets,
                                Variable<double, 3>(b.control), on_device);
}

/// Value and gradients of all parameters.
std::vector<double> learn(const StateTransition<double>& model, const Variable<double, 0>& loss) {
  model.parameters().clear_gradients();
  backward(loss);
  std::vector<double> all{loss.value()()};
  for (const auto& p : model.parameters().all())
    all.insert(all.end(), p.gradient().begin(), p.gradient().end());
  return all;
}

/// A model none of whose parameters is at 0, so that all take part.
StateTransition<double> moved_model(const Config& config) {
  StateTransition<double> model(config, 5);
  for (const auto& p : model.parameters().all())
    for (size_t i = 0; i < p.count; ++i)
      p.mutable_value()[i] += 0.3 * std::sin(double(i + p.name.size()));
  return model;
}

}  // namespace

TEST_CASE("variants: every term of padded sets is that of the sets one by one", "[models]") {
  const Tensor<int32_t, 1> n({sets}, lengths);
  for (const Variant& variant : variants) {
    INFO(variant.name);
    auto config = plain();
    variant.change(config);
    config.l1_weight = 0.3;
    const auto model = moved_model(config);
    std::vector<std::vector<double>> padded;
    for (const double padding : {0.0, 7.0})
      padded.push_back(learn(model, terms_of(model, Batch(padding), n).total()));
    CHECK(padded[0] == padded[1]);  // what stands in the padding has no part

    const Batch batch;
    double cells = 0;
    for (const int32_t length : lengths) cells += length;
    const auto all = terms_of(model, batch, n);
    std::vector<std::vector<double>> expected(all.terms().size());
    for (size_t b = 0; b < sets; ++b)
      for (size_t t = 0; t < all.terms().size(); ++t) {
        const auto one = terms_of(model, batch.only(b));
        REQUIRE(one.terms().size() == all.terms().size());
        const auto& term = one.terms()[t];
        // The mean over sets, or over all cells.
        const bool by_cell =
            term.name == "l1" ||
            (term.name == "genes" && config.decoder == GeneDecoderKind::negative_binomial);
        const double share = by_cell ? lengths[b] / cells : 1.0 / double(sets);
        const auto found = learn(model, term.value);
        expected[t].resize(found.size());
        for (size_t i = 0; i < found.size(); ++i) expected[t][i] += share * found[i];
      }
    std::vector<double> total(padded[0].size());
    for (size_t t = 0; t < expected.size(); ++t) {
      INFO(all.terms()[t].name);
      CHECK(all.terms()[t].value.value()() == Approx(expected[t][0]).epsilon(1e-12));
      for (size_t i = 0; i < total.size(); ++i) total[i] += all.terms()[t].weight * expected[t][i];
    }
    CHECK(vcell_test::relative_error(padded[0], total) < 1e-12);
  }
}

TEST_CASE("variants: recomputed blocks give the same bytes", "[models]") {
  const Tensor<int32_t, 1> n({sets}, lengths);
  for (const Variant& variant : variants) {
    INFO(variant.name);
    auto config = plain();
    variant.change(config);
    const auto kept = moved_model(config);
    config.recompute = true;
    const auto recomputed = moved_model(config);
    for (const auto& some : {Tensor<int32_t, 1>(), n})
      CHECK(learn(kept, terms_of(kept, Batch(), some).total()) ==
            learn(recomputed, terms_of(recomputed, Batch(), some).total()));
  }
}

TEST_CASE("variants: gradients flow to every parameter", "[models]") {
  for (const Variant& variant : variants) {
    INFO(variant.name);
    auto config = plain();
    variant.change(config);
    const auto model = moved_model(config);
    learn(model, terms_of(model, Batch()).total());
    for (const auto& p : model.parameters().all()) {
      // Attention to one key alone does not depend on queries and keys, but for rounding.
      const bool none = config.attention == AttentionPattern::itself &&
                        (p.name.find(".q_proj") != std::string::npos ||
                         p.name.find(".k_proj") != std::string::npos);
      INFO(p.name);
      CHECK((vcell_test::largest_magnitude(p.gradient()) > 1e-13) != none);
    }
  }
}

TEST_CASE("variants: who sees whom", "[models]") {
  for (const auto pattern :
       {AttentionPattern::everybody, AttentionPattern::causal, AttentionPattern::itself}) {
    auto config = plain();
    config.output_space = OutputSpace::embedding;  // nothing is clipped, so that changes show
    config.attention = pattern;
    config.token_batches = 2;
    config.confidence_token = true;
    for (const auto backbone : {BackboneKind::llama, BackboneKind::gpt2}) {
      config.backbone = backbone;
      const auto model = moved_model(config);
      for (const auto& p : model.parameters().all())  // nor is the confidence
        if (p.name.ends_with("confidence_projection.8.bias")) p.mutable_value()[0] = 5;
      const Batch before;
      const auto first = run(model, before);
      for (const size_t changed : {size_t(0), size_t(3), longest - 1}) {
        Batch after;
        for (double& v : after.control[0][changed]) v += 1;
        const auto second = run(model, after);
        for (size_t s = 0; s < longest; ++s) {
          const bool sees = pattern == AttentionPattern::everybody || s == changed ||
                            (pattern == AttentionPattern::causal && s > changed);
          INFO("cell " << s << " of changed " << changed << ", pattern " << int(pattern));
          CHECK((vcell_test::largest_difference(first.cells.value()[0][s],
                                                second.cells.value()[0][s]) > 0) == sees);
        }
        const auto logits = [](const auto& out) { return out.batch_logits.value()[0]; };
        CHECK((vcell_test::largest_difference(first.confidence.value()[0],
                                              second.confidence.value()[0]) > 0) ==
              (pattern != AttentionPattern::itself));
        // The batch token stands first, the confidence token last.
        CHECK((vcell_test::largest_difference(logits(first), logits(second)) > 0) ==
              (pattern == AttentionPattern::everybody));
      }
    }
  }
  // Last of all, so that cells are what they are without it.
  auto config = plain();
  config.attention = AttentionPattern::causal;
  const StateTransition<double> without(config, 5);
  config.confidence_token = true;
  const StateTransition<double> with(config, 5);  // what both have is drawn alike
  const auto a = run(with, Batch()).cells, b = run(without, Batch()).cells;
  CHECK(vcell_test::relative_error(a.value(), b.value()) < 1e-13);
}

TEST_CASE("variants: settings that exclude each other are errors by name", "[models]") {
  struct Case {
    void (*change)(Config&);
    std::vector<std::string> said;
  };
  const Case cases[] = {
      {[](Config& c) { c.clip_embedding = true; }, {"clip_embedding", "output_space embedding"}},
      {[](Config& c) { c.embedding_bottleneck = true; }, {"embedding_bottleneck", "all_genes"}},
      {[](Config& c) {
         decode_genes(c, GeneDecoderKind::plain, genes);
         c.output_space = OutputSpace::hvg;
       },
       {"decoder", "output_space embedding"}},
      {[](Config& c) {
         decode_genes(c, GeneDecoderKind::plain, genes);
         c.gene_width = 0;
       },
       {"gene_width is 0", "decoder"}},
      {[](Config& c) { c.gene_width = 3; }, {"gene_width is 3", "decoder"}},
      {[](Config& c) { c.decoder_widths = {3}; }, {"decoder_widths"}},
      {[](Config& c) {
         decode_genes(c, GeneDecoderKind::residual, genes);
         c.decoder_widths = {6, 5};
       },
       {"GeneDecoder", "block 1", "5", "6"}},
      {[](Config& c) {
         decode_genes(c, GeneDecoderKind::plain, genes);
         c.decoder_widths = {6, 0};
       },
       {"GeneDecoder", "width of a block is 0"}},
      {[](Config& c) {
         c.confidence_token = true;
         c.hidden = 3;
       },
       {"confidence_token", "hidden", "3"}},
      {[](Config& c) {
         c.batches = 2;
         c.token_batches = 3;
       },
       {"batches is 2", "token_batches 3"}},
      {[](Config& c) { c.l1_weight = -1; }, {"l1_weight is -1"}},
      {[](Config& c) {
         c.l1_weight = 0.1;
         c.output_width = 5;
       },
       {"input_width is 16", "output_width 5", "l1_weight"}},
      {[](Config& c) { c.decoder_weight = NAN; }, {"decoder_weight is nan"}},
      {[](Config& c) {
         c.output_space = OutputSpace::all_genes;
         c.anchor = Anchor::perturbation_mean;
       },
       {"anchor", "bottleneck"}},
  };
  for (const Case& one : cases) {
    auto config = plain();
    one.change(config);
    check_error<ConfigError>([&] { const StateTransition<float> model(config); }, one.said);
  }
}

TEST_CASE("variants: the default widths of a gene decoder follow from the genes", "[models]") {
  auto config = plain();
  decode_genes(config, GeneDecoderKind::plain, genes);
  config.decoder_widths = {};
  config.gene_width = 10000;
  CHECK(decoder_widths(config) == std::vector<size_t>{1024, 1024, 512});
  config.gene_width = 10001;
  CHECK(decoder_widths(config) == std::vector<size_t>{1024, 512, 256});
}

TEST_CASE("variants: an embedding is not clipped, unless it is to be", "[models]") {
  auto config = plain();
  config.output_space = OutputSpace::embedding;
  const auto free = run(moved_model(config), Batch()).cells;
  config.clip_embedding = true;
  const auto clipped = run(moved_model(config), Batch()).cells;
  size_t below = 0;
  for (size_t i = 0; i < free.count(); ++i) {
    const double value = free.value().data[i];
    below += value < 0;
    CHECK(clipped.value().data[i] == std::max(value, 0.0));
  }
  CHECK(below > 0);
}

TEST_CASE("variants: the paper's head is one linear layer of H + backbone(H)", "[models]") {
  auto config = plain();
  config.head = OutputHead::linear_residual;
  config.output_space = OutputSpace::embedding;
  config.layers = 0;  // the backbone is its final norm alone
  config.encoder_layers = 1;
  const StateTransition<double> model(config, 5);
  const auto at = [&](const char* name, size_t i) {
    const auto* p = model.parameters().find(name);
    REQUIRE(p != nullptr);
    return p->value()[i];
  };
  const Batch batch;
  const auto out = run(model, batch).cells;
  std::vector<double> h(8);
  double square = 0;
  for (size_t j = 0; j < 8; ++j) {
    h[j] = at("basal_encoder.bias", j) + at("pert_encoder.0.bias", j);
    for (size_t i = 0; i < inputs; ++i)
      h[j] += at("basal_encoder.weight", j * inputs + i) * batch.control(1, 0, i);
    for (size_t i = 0; i < width; ++i)
      h[j] += at("pert_encoder.0.weight", j * width + i) * batch.perturbation(1, i);
    square += h[j] * h[j] / 8;
  }
  for (double& v : h) v += v / std::sqrt(square + 1e-6);
  for (size_t g = 0; g < inputs; ++g) {
    double expected = at("project_out.0.bias", g);
    for (size_t j = 0; j < 8; ++j) expected += at("project_out.0.weight", g * 8 + j) * h[j];
    CHECK(out.value()(1, 0, g) == Approx(expected).epsilon(1e-10));
  }
}

TEST_CASE("batch_of_sets: what most cells are of, of several the first", "[models]") {
  const int32_t codes[] = {2, 1, 1, 0, 2, 2, 0, 0, 5, 4, 4, 4};
  const Tensor<int32_t, 2> batch({3, 4}, codes);
  const auto all = batch_of_sets(batch);
  CHECK(std::vector<int32_t>(all.values().begin(), all.values().end()) ==
        std::vector<int32_t>{1, 0, 4});
  const int32_t some[] = {1, 2, 2};
  const auto first = batch_of_sets(batch, Tensor<int32_t, 1>({3}, some));
  CHECK(std::vector<int32_t>(first.values().begin(), first.values().end()) ==
        std::vector<int32_t>{2, 2, 4});
}
