#pragma once

#include <cstddef>
#include <vector>

#include "vcell/nn/attention_pattern.hpp"
#include "vcell/nn/backbone_kind.hpp"
#include "vcell/nn/gene_decoder_kind.hpp"
#include "vcell/ops/mmd_estimator.hpp"

VCELL_BEGIN_NAMESPACE

/// What a State Transition model predicts.
enum class OutputSpace {
  hvg,        ///< the highly variable genes it also reads
  all_genes,  ///< all genes, through a last bottleneck layer that can mix them
  embedding   ///< an embedding of cells, whose values may be negative
};

/// What a State Transition model is trained to make small.
enum class SetLoss {
  energy_distance,     ///< between the sets of predicted and observed cells
  mean_squared_error,  ///< cell by cell
  rbf_mmd,             ///< the squared maximum mean discrepancy of the sets, with Gaussian kernels
  sinkhorn,            ///< the debiased Sinkhorn divergence of the sets
  energy_sinkhorn      ///< the energy distance, and a little of the Sinkhorn divergence
};

/// What a State Transition model starts from.
enum class Anchor {
  none,               ///< nothing: it learns what a perturbed cell looks like
  perturbation_mean,  ///< the control cell plus the perturbation's shrunk mean shift in other
                      ///< contexts: it learns what is to be added
  features  ///< the same, or the shift that a regression from features says, for perturbations that
            ///< no context trains on; the last entry of the perturbation's vector says which
};

/// How the backbone's output becomes a cell.
enum class OutputHead {
  mlp,             ///< an MLP of decoder_layers, as in the package
  linear_residual  ///< one linear layer of the backbone's input plus its output, as in the paper
};

/// The shape of a State Transition model. The defaults are a small model for a laptop.
struct StateTransitionConfig {
  size_t input_width = 0;         ///< E: values of a control cell
  size_t output_width = 0;        ///< G: values of a predicted cell
  size_t perturbation_width = 0;  ///< P: perturbations when one-hot, else the features' width; one
                                  ///< more where the anchor is features
  size_t hidden = 128;            ///< h: width of a cell inside the model
  BackboneKind backbone = BackboneKind::llama;  ///< what lets the cells of a set see each other
  /// Which cells of a set that are.
  AttentionPattern attention = AttentionPattern::everybody;
  size_t layers = 2;                  ///< blocks of the backbone
  size_t heads = 4;                   ///< attention heads of a block
  size_t head_dim = 32;               ///< width of a head
  size_t mlp_width = 512;             ///< inner width of a block's MLP
  bool recompute = false;             ///< blocks again in backward: less memory, one more forward
  Anchor anchor = Anchor::none;       ///< what predictions start from
  size_t encoder_layers = 4;          ///< linear layers of the encoders
  size_t decoder_layers = 4;          ///< linear layers of the decoder, where it is an MLP
  OutputHead head = OutputHead::mlp;  ///< how the backbone's output becomes a cell
  /// Encode control cells by an MLP of encoder_layers; otherwise by a single linear layer.
  bool basal_mlp = false;
  /// Decode the backbone's output plus the encoded control cell, so that the model learns the
  /// change.
  bool predict_residual = true;
  /// Batches with a learned vector each, added to every cell; 0 for none.
  size_t batches = 0;
  /// Batches that a learned token, which every set gets, is trained to tell apart; 0: no token.
  size_t token_batches = 0;
  double batch_token_weight = 0.1;  ///< of its cross entropy in the loss
  /// Another token that is trained to tell the loss of its set, confidence_scale times.
  bool confidence_token = false;
  double confidence_scale = 10;
  double confidence_weight = 0.01;  ///< of its squared error in the loss
  OutputSpace output_space = OutputSpace::hvg;
  /// In an embedding too: the last bottleneck layer of all_genes, and predictions clipped at 0.
  /// Both are of the reference; they are there to load its models.
  bool embedding_bottleneck = false, clip_embedding = false;
  /// Genes out of the predicted embedding, trained with it.
  GeneDecoderKind decoder = GeneDecoderKind::none;
  size_t gene_width = 0;  ///< genes that are decoded; 0 without a decoder
  /// Inner widths of the gene decoder; empty: [1024, 1024, 512] up to 10,000 genes, else
  /// [1024, 512, 256].
  std::vector<size_t> decoder_widths = {};
  double decoder_weight = 1;  ///< of the decoded genes in the loss (package 1, paper 0.1)
  double dropout = 0;         ///< in encoders, decoders and the confidence head, while training
  SetLoss loss = SetLoss::energy_distance;
  /// Least squared distance within the energy distance: 0 is exact, 1e-8 what the reference does.
  double floor_squared = 0;
  std::vector<double> sigmas = {1};  ///< widths of the kernels of rbf_mmd
  bool median_heuristic = false;     ///< these times the median distance within the batch
  MmdEstimator estimator = MmdEstimator::biased;  ///< of rbf_mmd
  double blur = 0.05;             ///< of the Sinkhorn divergence: cells nearer are not told apart
  double sinkhorn_weight = 0.01;  ///< of it within energy_sinkhorn
  /// Chunks of genes, all of one width but the last: the loss is the mean of theirs. At most G.
  size_t loss_chunks = 1;
  double l1_weight = 0;  ///< of the mean |prediction - control| in the loss

  bool operator==(const StateTransitionConfig&) const = default;
};

VCELL_END_NAMESPACE
