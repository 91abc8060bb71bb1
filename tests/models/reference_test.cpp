// Arrays of the reference, and ours.
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "vcell/models/reference_arrays.hpp"
#include "vcell/models/state_transition.hpp"
#include "vcell/nn/load_parameters.hpp"

using namespace vcell;
using vcell_test::check_error;

TEST_CASE("reference arrays: there and back, gpt2's weights turned, tables as wished", "[models]") {
  for (const auto kind : {BackboneKind::llama, BackboneKind::gpt2}) {
    const StateTransitionConfig config{.input_width = 20,
                                       .output_width = 20,
                                       .perturbation_width = 5,
                                       .hidden = 12,
                                       .backbone = kind,
                                       .layers = 2,
                                       .heads = 3,
                                       .head_dim = 4,
                                       .mlp_width = 16,
                                       .basal_mlp = true,
                                       .predict_residual = kind == BackboneKind::llama};
    const StateTransition<float> model(config, 3);
    const auto ours = parameter_arrays(model.parameters());
    const auto theirs = to_reference(config, ours, {.tokens = 3, .positions = 7});
    const std::string bone = "transformer_backbone.";
    if (kind == BackboneKind::gpt2) {
      CHECK(theirs.at(bone + "h.0.attn.c_attn.weight").shape == std::vector<size_t>{12, 36});
      CHECK(theirs.at(bone + "h.1.mlp.c_fc.weight").shape == std::vector<size_t>{12, 16});
      CHECK(theirs.at(bone + "h.1.mlp.c_proj.weight").shape == std::vector<size_t>{16, 12});
      const auto here = ours.at(bone + "h.1.mlp.c_fc.weight").as<float>(),
                 there = theirs.at(bone + "h.1.mlp.c_fc.weight").as<float>();
      for (size_t out = 0; out < 16; ++out)
        for (size_t in = 0; in < 12; ++in) CHECK(there[in * 16 + out] == here[out * 12 + in]);
      CHECK(theirs.at(bone + "wte.weight").shape == std::vector<size_t>{3, 12});
      CHECK(theirs.at(bone + "wpe.weight").shape == std::vector<size_t>{7, 12});
      CHECK(theirs.size() == ours.size() + 2);
    } else {
      CHECK(theirs.at(bone + "embed_tokens.weight").shape == std::vector<size_t>{3, 12});
      CHECK(theirs.size() == ours.size() + 1);
    }
    CHECK(to_reference(config, ours, {}).size() == ours.size());
    CHECK(from_reference(config, theirs) == ours);

    auto more = theirs;  // what the package saves and never uses
    const float number = 1;
    for (const char* name : {"gene_decoder.decoder.0.weight", "final_down_then_up.0.bias"})
      more[name] = Array::of<float>({1}, {&number, 1});
    more["stranger"] = more["gene_decoder.decoder.0.weight"];
    const auto back = from_reference(config, more);
    CHECK_FALSE(back.contains("gene_decoder.decoder.0.weight"));
    CHECK(back.contains("final_down_then_up.0.bias") == config.predict_residual);
    CHECK(back.contains("stranger"));  // for load_parameters to name
  }
  StateTransitionConfig config;
  config.backbone = BackboneKind::gpt2;
  std::map<std::string, Array> odd;
  odd["transformer_backbone.h.0.attn.c_attn.weight"] =
      Array::of<float>({2}, std::vector<float>{1, 2});
  check_error<ShapeError>([&] { from_reference(config, odd); }, {"c_attn.weight", "matrix"});
}

TEST_CASE("Gpt2: initial values are the reference's", "[models]") {
  const StateTransition<float> model({.input_width = 4,
                                      .output_width = 4,
                                      .perturbation_width = 3,
                                      .hidden = 64,
                                      .backbone = BackboneKind::gpt2,
                                      .layers = 8,
                                      .heads = 4,
                                      .head_dim = 16,
                                      .mlp_width = 256},
                                     1);
  for (const auto& p : model.parameters().all()) {
    if (!p.name.starts_with("transformer_backbone.")) continue;
    INFO(p.name);
    double squares = 0;
    for (const float v : p.value()) squares += double(v) * double(v) / double(p.count);
    const bool norm = p.name.find("ln_") != std::string::npos;
    const double std = p.name.ends_with(".bias")           ? 0
                       : norm                              ? 1
                       : p.name.ends_with("c_proj.weight") ? 0.02 / 4  // sqrt(2 x 8)
                                                           : 0.02;
    CHECK(std::sqrt(squares) == Approx(std).epsilon(0.05));
  }
}
