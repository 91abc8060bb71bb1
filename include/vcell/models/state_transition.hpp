#pragma once

#include <memory>
#include <optional>

#include "vcell/core/instantiate.hpp"
#include "vcell/models/state_transition_config.hpp"
#include "vcell/nn/backbone.hpp"
#include "vcell/nn/embedding.hpp"
#include "vcell/nn/mlp.hpp"
#include "vcell/ops/add.hpp"
#include "vcell/ops/add_to_sets.hpp"
#include "vcell/ops/relu.hpp"
#include "vcell/ops/scale.hpp"

VCELL_BEGIN_NAMESPACE

/// State Transition: how a perturbation moves a set of cells (Adduri et al. 2025, "Predicting
/// cellular responses to perturbation across diverse contexts with State", Methods 4.3).
///
///   H   = f_cell(control) + f_pert(perturbation) [+ f_batch(batch)]
///   O   = backbone(H)                                     every cell sees its whole set
///   out = relu(f_out(O + f_cell(control)))                residual (default); else relu(f_out(O))
///
/// With all genes as output and the residual, instead
///
///   out = relu(up(gelu(down(f_out(O) + control))))        down: G -> G / 8, up: G / 8 -> G
///
/// Anchored (config.anchor), what simple predictions know already is given, and only the rest is
/// learnt: with a the anchor of a set, in the space of its genes (TrainingAnchors, Anchors),
///
///   H   = f_cell(control) + f_pert(perturbation) + f_anchor(a) [+ f_batch(batch)]
///   out = relu(control + a + alpha f_out(O))
///
/// whose f_out starts at zero by its last layer, so that the first step of training is the anchor.
///
/// Parameters carry the names of the reference's checkpoints.
///
///   StateTransition<float> model({.input_width = 2000, .output_width = 2000,
///                                 .perturbation_width = 150});
///   auto out = model(control, perturbation);              // (B, S, 2000)
template <class T = float, class Device = Cpu>
class StateTransition {
 public:
  /// A model with parameters of its own.
  /// @param seed  of the initial weights
  /// @throws ConfigError if a width is 0, widths differ that the layout adds to each other, or the
  ///         dropout is not in [0, 1)
  explicit StateTransition(const StateTransitionConfig& config, uint64_t seed = 0)
      : StateTransition(config, "", std::make_unique<Parameters<T, Device>>(seed), nullptr) {}
  /// A model as a layer among others, whose parameters are declared in a common arena.
  /// @param parameters  must outlive the model
  /// @param name        what the names of its parameters begin with: `name.pert_encoder...`; empty:
  ///                    nothing
  StateTransition(Parameters<T, Device>& parameters, const std::string& name,
                  const StateTransitionConfig& config)
      : StateTransition(config, name, nullptr, &parameters) {}

  /// Predicts the cells of B sets.
  ///
  /// @param control       (B, S, E) control cells, log1p expression
  /// @param perturbation  (B, P) one-hot or features, one row a set
  /// @param batch         (B, S) index of each cell's batch; given exactly when the model has a
  ///                      batch encoder (config().batches above 0)
  /// @param pass          dropout is active when it says training
  /// @param lengths       (B) cells of each set, where sets are padded to one length: what comes
  ///                      after them has no part in the result. Empty: S for all
  /// @param anchor        (B, G), given exactly when the model is anchored
  /// @param alpha         how much of what is learnt is added to the anchor; 1 in training
  /// @return              (B, S, G), at least 0
  /// @throws ShapeError, ConfigError
  Variable<T, 3, Device> operator()(const Variable<T, 3, Device>& control,
                                    const Variable<T, 2, Device>& perturbation,
                                    const Tensor<int32_t, 2>& batch = {},
                                    const Pass<Device>& pass = {},
                                    const Variable<int32_t, 1, Device>& lengths = {},
                                    const Variable<T, 2, Device>& anchor = {},
                                    double alpha = 1) const {
    const auto learnt = decode(control, perturbation, batch, pass, lengths, anchor);
    return is_anchored() ? moved(control, anchor, learnt, alpha) : relu(learnt);
  }

  /// What is learnt of the result: f_out(O) of an anchored model, of others all before the relu.
  Variable<T, 3, Device> decode(const Variable<T, 3, Device>& control,
                                const Variable<T, 2, Device>& perturbation,
                                const Tensor<int32_t, 2>& batch = {}, const Pass<Device>& pass = {},
                                const Variable<int32_t, 1, Device>& lengths = {},
                                const Variable<T, 2, Device>& anchor = {}) const;

  /// relu(control + anchor + alpha learnt): an anchored model's result, of several alphas at the
  /// cost of one.
  static Variable<T, 3, Device> moved(const Variable<T, 3, Device>& control,
                                      const Variable<T, 2, Device>& anchor,
                                      const Variable<T, 3, Device>& learnt, double alpha) {
    return relu(add_to_sets(add(control, alpha == 1 ? learnt : scale(learnt, alpha)), anchor));
  }

  bool is_anchored() const { return config_.anchor != Anchor::none; }

  const StateTransitionConfig& config() const { return config_; }
  /// Its parameters; of a model within a common arena all that are there.
  const Parameters<T, Device>& parameters() const { return *parameters_; }

  /// Names that files of the reference hold and that play no part: the backbone's unused token
  /// table, and the last layers of a model for all genes without the residual.
  static bool is_ignored(std::string_view name, const StateTransitionConfig& config) {
    return name == "transformer_backbone.embed_tokens.weight" ||
           (!config.predict_residual && name.starts_with("final_down_then_up."));
  }

 private:
  bool mixes_genes() const {
    return config_.output_space == OutputSpace::all_genes && config_.predict_residual;
  }

  StateTransition(const StateTransitionConfig& config, const std::string& name,
                  std::unique_ptr<Parameters<T, Device>> own, Parameters<T, Device>* common);

  static std::string within(const std::string& name, const char* part) {
    return name.empty() ? part : message(name, '.', part);
  }

  MlpOptions coder(size_t in, size_t out, size_t layers, bool last_is_zero = false) const {
    return {.in = in,
            .hidden = config_.hidden,
            .out = out,
            .layers = layers,
            .dropout = config_.dropout,
            .last_is_zero = last_is_zero};
  }

  static const StateTransitionConfig& checked(const StateTransitionConfig& c) {
    const auto positive = [](const char* name, size_t value) {
      check_positive("StateTransition", name, value);
    };
    positive("config.input_width", c.input_width);
    positive("config.output_width", c.output_width);
    positive("config.perturbation_width", c.perturbation_width);
    positive("config.hidden", c.hidden);
    positive("config.heads", c.heads);
    positive("config.head_dim", c.head_dim);
    positive("config.mlp_width", c.mlp_width);
    positive("config.encoder_layers", c.encoder_layers);
    positive("config.decoder_layers", c.decoder_layers);
    if (c.output_space == OutputSpace::all_genes && c.predict_residual) {
      if (c.input_width != c.output_width)
        throw ConfigError(message("StateTransition: config.input_width is ", c.input_width,
                                  " and config.output_width ", c.output_width,
                                  "; a residual over all genes needs them equal"));
      positive("config.output_width / 8", c.output_width / 8);
      if (c.anchor != Anchor::none)
        throw ConfigError(
            "StateTransition: config.anchor goes with config.output_space hvg: a last bottleneck "
            "layer over all genes has no anchor");
    }
    if (c.anchor != Anchor::none && c.input_width != c.output_width)
      throw ConfigError(message("StateTransition: config.input_width is ", c.input_width,
                                " and config.output_width ", c.output_width,
                                "; an anchored model adds to its input and needs them equal"));
    return c;
  }

  StateTransitionConfig config_;
  std::unique_ptr<Parameters<T, Device>> own_;  // stays in place when the model moves
  Parameters<T, Device>* parameters_;
  Mlp<T, Device> pert_encoder_;
  std::optional<Linear<T, Device>> anchor_encoder_;
  std::optional<Mlp<T, Device>> basal_mlp_;
  std::optional<Linear<T, Device>> basal_linear_;
  std::optional<Embedding<T, Device>> batch_encoder_;
  Mlp<T, Device> f_out_;
  Backbone<T, Device> backbone_;
  std::optional<Linear<T, Device>> down_, up_;
};

template <class T, class Device>
Variable<T, 3, Device> StateTransition<T, Device>::decode(
    const Variable<T, 3, Device>& control, const Variable<T, 2, Device>& perturbation,
    const Tensor<int32_t, 2>& batch, const Pass<Device>& pass,
    const Variable<int32_t, 1, Device>& lengths, const Variable<T, 2, Device>& anchor) const {
  check_size_match("StateTransition", "last size of control", control.shape(2),
                   "config.input_width", config_.input_width);
  check_size_match("StateTransition", "sets of control", control.shape(0), "rows of perturbation",
                   perturbation.shape(0));
  check_size_match("StateTransition", "columns of perturbation", perturbation.shape(1),
                   "config.perturbation_width", config_.perturbation_width);
  if (is_anchored() ? anchor.shape() != Shape<2>{control.shape(0), config_.output_width}
                    : anchor.count() != 0)
    throw ShapeError(
        message("StateTransition: anchor ", anchor.shape(), ", expected ",
                is_anchored() ? Shape<2>{control.shape(0), config_.output_width} : Shape<2>{0, 0},
                ": given exactly when config.anchor is not none"));
  const auto cells =
      basal_mlp_ ? (*basal_mlp_)(control, pass) : (*basal_linear_)(control);  // (B, S, h)
  auto condition = pert_encoder_(perturbation, pass);
  if (anchor_encoder_) condition = anchor_encoder_->add_to(condition, anchor);
  auto h = add_to_sets(cells, condition);
  if (batch_encoder_) {
    if (batch.shape(0) != control.shape(0) || batch.shape(1) != control.shape(1))
      throw ShapeError(message("StateTransition: batch ", batch.shape(), " for control ",
                               control.shape(), "; this model needs the batch of every cell"));
    h = add(h, (*batch_encoder_)(batch));
  } else if (batch.count()) {
    throw ConfigError(
        "StateTransition: batch indices were given to a model without a batch encoder "
        "(config.batches is 0)");
  }
  const auto o = backbone_(h, {.lengths = lengths}, pass);
  if (mixes_genes()) return (*up_)(down_->gelu(add(f_out_(o, pass), control)));
  return f_out_(config_.predict_residual && !is_anchored() ? add(o, cells) : o, pass);
}

template <class T, class Device>
StateTransition<T, Device>::StateTransition(const StateTransitionConfig& config,
                                            const std::string& name,
                                            std::unique_ptr<Parameters<T, Device>> own,
                                            Parameters<T, Device>* common)
    : config_(checked(config)),
      own_(std::move(own)),
      parameters_(own_ ? own_.get() : common),
      pert_encoder_(*parameters_, within(name, "pert_encoder"),
                    coder(config.perturbation_width, config.hidden, config.encoder_layers)),
      f_out_(*parameters_, within(name, "project_out"),
             coder(config.hidden, config.output_width, config.decoder_layers, is_anchored())),
      backbone_(*parameters_, within(name, "transformer_backbone"),
                {.kind = config.backbone,
                 .width = config.hidden,
                 .layers = config.layers,
                 .heads = config.heads,
                 .head_dim = config.head_dim,
                 .mlp_width = config.mlp_width}) {
  if (is_anchored())
    anchor_encoder_.emplace(*parameters_, within(name, "anchor_encoder"), config.output_width,
                            config.hidden);
  if (config.basal_mlp)
    basal_mlp_.emplace(*parameters_, within(name, "basal_encoder"),
                       coder(config.input_width, config.hidden, config.encoder_layers));
  else
    basal_linear_.emplace(*parameters_, within(name, "basal_encoder"), config.input_width,
                          config.hidden);
  if (config.batches)
    batch_encoder_.emplace(*parameters_, within(name, "batch_encoder"), config.batches,
                           config.hidden);
  if (mixes_genes()) {
    const size_t genes = config.output_width;
    down_.emplace(*parameters_, within(name, "final_down_then_up.0"), genes, genes / 8);
    up_.emplace(*parameters_, within(name, "final_down_then_up.2"), genes / 8, genes);
  }
}

VCELL_INSTANTIATE(models, class StateTransition<float>);

VCELL_END_NAMESPACE
