#pragma once

#include <memory>
#include <optional>

#include "vcell/core/instantiate.hpp"
#include "vcell/models/check_state_transition.hpp"
#include "vcell/nn/backbone.hpp"
#include "vcell/nn/confidence_head.hpp"
#include "vcell/nn/embedding.hpp"
#include "vcell/nn/gene_decoder.hpp"
#include "vcell/nn/learned_token.hpp"
#include "vcell/nn/mlp.hpp"
#include "vcell/nn/pattern_mask.hpp"
#include "vcell/ops/add.hpp"
#include "vcell/ops/add_to_sets.hpp"
#include "vcell/ops/plus.hpp"
#include "vcell/ops/relu.hpp"
#include "vcell/ops/scale.hpp"

VCELL_BEGIN_NAMESPACE

/// What a State Transition model says of B sets.
template <class T, class Device = Cpu>
struct StateTransitionOutput {
  Variable<T, 3, Device> cells;         ///< (B, S, G)
  DecodedGenes<T, Device> genes;        ///< (B, S, genes); empty without a gene decoder
  Variable<T, 2, Device> confidence;    ///< (B, 1), at least 0; empty without its token
  Variable<T, 2, Device> batch_logits;  ///< (B, token_batches); empty without the batch token
};

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
/// With the head linear_residual (the paper's own)
///
///   O   = H + backbone(H),   out = relu(O W + b)
///
/// An embedding is not clipped: there is no relu, unless config.clip_embedding asks for it. A gene
/// decoder makes genes of it. A batch token and a confidence token are learned vectors that take
/// part in the backbone as cells of every set do, and are read off after it.
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
  /// @return              (B, S, G), at least 0 but in an embedding
  /// @throws ShapeError, ConfigError
  Variable<T, 3, Device> operator()(const Variable<T, 3, Device>& control,
                                    const Variable<T, 2, Device>& perturbation,
                                    const Indices<2, Device>& batch = {},
                                    const Pass<Device>& pass = {},
                                    const Variable<int32_t, 1, Device>& lengths = {},
                                    const Variable<T, 2, Device>& anchor = {},
                                    double alpha = 1) const {
    const auto learnt = learn(control, perturbation, batch, pass, lengths, anchor);
    return cells_of(control, anchor, learnt.cells, alpha);
  }

  /// The same with all else that the model says: decoded genes, confidence, batches.
  StateTransitionOutput<T, Device> predict(const Variable<T, 3, Device>& control,
                                           const Variable<T, 2, Device>& perturbation,
                                           const Indices<2, Device>& batch = {},
                                           const Pass<Device>& pass = {},
                                           const Variable<int32_t, 1, Device>& lengths = {},
                                           const Variable<T, 2, Device>& anchor = {},
                                           double alpha = 1) const {
    return finish(control, anchor, learn(control, perturbation, batch, pass, lengths, anchor), pass,
                  alpha);
  }

  /// What is learnt: `cells` are f_out(O) of an anchored model, of others all before the relu.
  /// There are no genes yet.
  StateTransitionOutput<T, Device> learn(const Variable<T, 3, Device>& control,
                                         const Variable<T, 2, Device>& perturbation,
                                         const Indices<2, Device>& batch = {},
                                         const Pass<Device>& pass = {},
                                         const Variable<int32_t, 1, Device>& lengths = {},
                                         const Variable<T, 2, Device>& anchor = {}) const;

  /// The model's result of what is learnt; of an anchored model control + anchor + alpha learnt,
  /// clipped, so that several alphas cost one pass.
  StateTransitionOutput<T, Device> finish(const Variable<T, 3, Device>& control,
                                          const Variable<T, 2, Device>& anchor,
                                          StateTransitionOutput<T, Device> learnt,
                                          const Pass<Device>& pass, double alpha = 1) const {
    learnt.cells = cells_of(control, anchor, learnt.cells, alpha);
    if (gene_decoder_) learnt.genes = (*gene_decoder_)(learnt.cells, pass);
    return learnt;
  }

  /// The cells alone of that.
  Variable<T, 3, Device> cells_of(const Variable<T, 3, Device>& control,
                                  const Variable<T, 2, Device>& anchor,
                                  const Variable<T, 3, Device>& learnt, double alpha) const {
    const auto cells =
        is_anchored()
            ? add_to_sets(add(control, alpha == 1 ? learnt : scale(learnt, alpha)), anchor)
            : learnt;
    return clips() ? relu(cells) : cells;
  }

  bool is_anchored() const { return config_.anchor != Anchor::none; }
  /// Whether predicted values below 0 become 0.
  bool clips() const {
    return config_.output_space != OutputSpace::embedding || config_.clip_embedding;
  }

  const StateTransitionConfig& config() const { return config_; }
  /// Its parameters; of a model within a common arena all that are there.
  const Parameters<T, Device>& parameters() const { return *parameters_; }

 private:
  /// The backbone's output (B, tokens() + S, h) for H (B, S, h): first of the confidence token,
  /// then of the batch token, then of the cells.
  Variable<T, 3, Device> with_tokens(Variable<T, 3, Device> h,
                                     const Variable<int32_t, 1, Device>& lengths,
                                     const Pass<Device>& pass) const;

  StateTransition(const StateTransitionConfig& config, const std::string& name,
                  std::unique_ptr<Parameters<T, Device>> own, Parameters<T, Device>* common);

  size_t tokens() const { return size_t(batch_token_.has_value()) + confidence_token_.has_value(); }

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
  std::optional<LearnedToken<T, Device>> batch_token_, confidence_token_;
  std::optional<Linear<T, Device>> batch_classifier_;
  std::optional<ConfidenceHead<T, Device>> confidence_head_;
  std::optional<GeneDecoder<T, Device>> gene_decoder_;
};

template <class T, class Device>
StateTransitionOutput<T, Device> StateTransition<T, Device>::learn(
    const Variable<T, 3, Device>& control, const Variable<T, 2, Device>& perturbation,
    const Indices<2, Device>& batch, const Pass<Device>& pass,
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
  const auto all = with_tokens(h, lengths, pass);
  auto o = tokens() ? slice(all, 1, tokens(), all.shape(1)) : all;
  const auto token = [&](size_t place) {
    return slice(all, 1, place, place + 1).template reshape<2>({all.shape(0), config_.hidden});
  };
  StateTransitionOutput<T, Device> out;
  if (confidence_token_) out.confidence = (*confidence_head_)(token(0), pass);
  if (batch_token_) out.batch_logits = (*batch_classifier_)(token(tokens() - 1));
  if (config_.head == OutputHead::linear_residual)
    o = add(h, o);
  else if (config_.predict_residual && !is_anchored() && !mixes_outputs(config_))
    o = add(o, cells);
  out.cells = f_out_(o, pass);
  if (down_) out.cells = (*up_)(down_->gelu(add(out.cells, control)));
  return out;
}

template <class T, class Device>
Variable<T, 3, Device> StateTransition<T, Device>::with_tokens(
    Variable<T, 3, Device> h, const Variable<int32_t, 1, Device>& lengths,
    const Pass<Device>& pass) const {
  if (batch_token_) h = batch_token_->before(h);
  // Of the reference the last of its set. It stands first, where short sets have it too; who
  // attends to it is the mask's business.
  if (confidence_token_) h = confidence_token_->before(h);
  auto mask = pattern_mask<Device>(config_.attention, h.shape(1), confidence_token_.has_value());
  mask.lengths = lengths && tokens() ? plus(lengths, int32_t(tokens())) : lengths;
  return backbone_(h, mask, pass);
}

template <class T, class Device>
StateTransition<T, Device>::StateTransition(const StateTransitionConfig& config,
                                            const std::string& name,
                                            std::unique_ptr<Parameters<T, Device>> own,
                                            Parameters<T, Device>* common)
    : config_(check_state_transition(config)),
      own_(std::move(own)),
      parameters_(own_ ? own_.get() : common),
      pert_encoder_(*parameters_, within(name, "pert_encoder"),
                    coder(config.perturbation_width, config.hidden, config.encoder_layers)),
      f_out_(*parameters_, within(name, "project_out"),
             coder(config.hidden, config.output_width,
                   config.head == OutputHead::mlp ? config.decoder_layers : 1, is_anchored())),
      backbone_(*parameters_, within(name, "transformer_backbone"),
                {.kind = config.backbone,
                 .width = config.hidden,
                 .layers = config.layers,
                 .heads = config.heads,
                 .head_dim = config.head_dim,
                 .mlp_width = config.mlp_width,
                 .recompute = config.recompute}) {
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
  if (mixes_outputs(config)) {
    const size_t genes = config.output_width;
    down_.emplace(*parameters_, within(name, "final_down_then_up.0"), genes, genes / 8);
    up_.emplace(*parameters_, within(name, "final_down_then_up.2"), genes / 8, genes);
  }
  if (config.token_batches) {
    batch_token_.emplace(*parameters_, within(name, "batch_token"), config.hidden);
    batch_classifier_.emplace(*parameters_, within(name, "batch_classifier.0"), config.hidden,
                              config.token_batches);
  }
  if (config.confidence_token) {
    confidence_token_.emplace(*parameters_, within(name, "confidence_token.confidence_token"),
                              config.hidden);
    confidence_head_.emplace(*parameters_, within(name, "confidence_token.confidence_projection"),
                             config.hidden, config.dropout);
  }
  if (config.decoder != GeneDecoderKind::none)
    gene_decoder_.emplace(*parameters_, within(name, "gene_decoder"),
                          GeneDecoderOptions{.kind = config.decoder,
                                             .in = config.output_width,
                                             .widths = decoder_widths(config),
                                             .genes = config.gene_width,
                                             .dropout = config.dropout});
}

VCELL_INSTANTIATE(models, class StateTransition<float>);

VCELL_END_NAMESPACE
