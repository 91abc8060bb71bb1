#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "vcell/autograd/recompute.hpp"
#include "vcell/core/cmath.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/models/embedded_cells.hpp"
#include "vcell/models/embedding_inputs.hpp"
#include "vcell/models/state_embedding_config.hpp"
#include "vcell/nn/encoder_layer.hpp"
#include "vcell/nn/skip_block.hpp"
#include "vcell/nn/soft_binning.hpp"
#include "vcell/ops/add_to_sets.hpp"
#include "vcell/ops/concatenate.hpp"
#include "vcell/ops/embedding.hpp"
#include "vcell/ops/l2_normalize.hpp"
#include "vcell/ops/multiply.hpp"
#include "vcell/ops/scale.hpp"
#include "vcell/ops/silu.hpp"
#include "vcell/ops/slice.hpp"

VCELL_BEGIN_NAMESPACE

/// State Embedding: one cell as a vector (Adduri et al. 2025, "Predicting cellular responses to
/// perturbation across diverse contexts with State", Methods 4.4). With e_k the vector of gene k
/// from a table that is data, and c_k 100 x its share of the cell's log expression,
///
///   g(e)  = silu(layer_norm(W e + b))
///   x_k   = sqrt(d) g(e_k / |e_k|) + soft_binning(c_k)
///   H     = encoder(x_CLS, x_1, ..., x_{L-1} [, x_dataset])
///   cell  = D(H_CLS) / |D(H_CLS)|                            D = Linear(skip_block(.))
///   y_k   = Linear(skip_block(skip_block([g(e_k), cell, depth [, dataset]])))
///
/// CLS and the dataset's token have learned vectors, which are not divided by their length, and the
/// latter no value. The encoder g is applied once to the distinct genes of a batch. What the layers
/// of the transformer, the binning and the decoder make on their way is computed again in backward
/// (autograd/recompute.hpp), so that a cell costs little more than the input of each layer.
/// Parameters carry the names of the reference's checkpoints.
template <class T = float, class Device = Cpu>
class StateEmbedding {
 public:
  /// Values that a dataset's token becomes.
  static constexpr size_t dataset_width = 10;

  /// A model with parameters of its own.
  /// @throws ConfigError if a width is 0, the heads do not divide it, or a dropout not in [0, 1)
  explicit StateEmbedding(const StateEmbeddingConfig& config, uint64_t seed = 0)
      : StateEmbedding(config, "", std::make_unique<Parameters<T, Device>>(seed), nullptr) {}
  /// A model as a layer among others, whose parameters are declared in a common arena.
  /// @param parameters  must outlive the model
  /// @param name        what the names of its parameters begin with: `name.encoder...`; empty:
  ///                    nothing
  StateEmbedding(Parameters<T, Device>& parameters, const std::string& name,
                 const StateEmbeddingConfig& config)
      : StateEmbedding(config, name, nullptr, &parameters) {}

  /// Applies the gene encoder.
  /// @param vectors    (K, E) of the genes that a batch needs, or of all; on the host
  /// @param with_task  whether task_genes are wanted too
  /// @throws ShapeError if E is not config().gene_width
  EncodedGenes<T, Device> encode(Tensor<T, 2> vectors, bool with_task = true) const {
    return encode(GeneVectors<T, Device>(std::move(vectors), config_.width), with_task);
  }
  EncodedGenes<T, Device> encode(const GeneVectors<T, Device>& vectors,
                                 bool with_task = true) const;

  /// Embeds B cells.
  /// @param genes     of encode()
  /// @param sentence  (B, L) rows of the vectors given to encode(); column 0 stands for CLS and is
  ///                  not read. L may be any but 0
  /// @param values    (B, L) 100 x the share of each token
  /// @param pass      dropout is active when it says training
  /// @throws ShapeError if shapes differ or a row is not there
  EmbeddedCells<T, Device> embed(const EncodedGenes<T, Device>& genes,
                                 const Tensor<int32_t, 2>& sentence,
                                 const Variable<T, 2, Device>& values,
                                 const Pass<Device>& pass = {}) const {
    SentenceRows<Device> rows;
    rows.send(sentence, genes.tokens.shape(0) - special_tokens(), bool(dataset_));
    return embed(genes, rows, values, pass);
  }
  EmbeddedCells<T, Device> embed(const EncodedGenes<T, Device>& genes,
                                 const SentenceRows<Device>& sentence,
                                 const Variable<T, 2, Device>& values,
                                 const Pass<Device>& pass = {}) const;

  /// What predictions are made from: (B, N, decoder_width()), the gene, the cell, the depth and the
  /// dataset side by side.
  /// @param task_genes  (B, N) rows of the vectors given to encode()
  /// @param depth       (B) mean of the cell's task genes that are not 0
  Variable<T, 3, Device> decoder_input(const EncodedGenes<T, Device>& genes,
                                       const EmbeddedCells<T, Device>& cells,
                                       const Tensor<int32_t, 2>& task_genes,
                                       const Variable<T, 1, Device>& depth) const {
    return join(genes.task_genes, about_cells(cells, depth), task_genes);
  }
  /// Predictions from it, (B, N): log expression, or with EmbeddingLoss::binary_cross_entropy
  /// logits.
  Variable<T, 2, Device> decode(const Variable<T, 3, Device>& input) const;
  /// decode(decoder_input(...)), some genes at a time.
  Variable<T, 2, Device> predict(const EncodedGenes<T, Device>& genes,
                                 const EmbeddedCells<T, Device>& cells,
                                 const Tensor<int32_t, 2>& task_genes,
                                 const Variable<T, 1, Device>& depth) const {
    TaskGeneRows<Device> rows;
    rows.send(task_genes);
    return predict(genes, cells, rows, depth);
  }
  Variable<T, 2, Device> predict(const EncodedGenes<T, Device>& genes,
                                 const EmbeddedCells<T, Device>& cells,
                                 const TaskGeneRows<Device>& task_genes,
                                 const Variable<T, 1, Device>& depth) const;

  /// Logits (B, config().datasets). @throws ConfigError if the model has no dataset token
  Variable<T, 2, Device> dataset_logits(const EmbeddedCells<T, Device>& cells,
                                        const Pass<Device>& pass = {}) const;

  /// Values of X_emb: the cell's, then the dataset's.
  size_t embedding_width() const {
    return config_.output_width + (config_.datasets ? dataset_width : 0);
  }
  size_t decoder_width() const { return config_.width + 1 + embedding_width(); }

  /// Whether backward computes layers again (the default); for measurements.
  void recompute_layers(bool on) { recomputes_ = on; }

  const StateEmbeddingConfig& config() const { return config_; }
  /// Its parameters; within a common arena all that are there.
  const Parameters<T, Device>& parameters() const { return *parameters_; }

  /// Names that files of the reference hold and that are no parameters: the gene encoder's second
  /// name, and the table of genes.
  static bool is_ignored(std::string_view name) {
    return name.starts_with("gene_embedding_layer.") || name == "pe_embedding.weight";
  }

 private:
  using Tokens = Variable<T, 3, Device>;

  StateEmbedding(const StateEmbeddingConfig& config, const std::string& name,
                 std::unique_ptr<Parameters<T, Device>> own, Parameters<T, Device>* common);

  static std::string within(const std::string& name, const std::string& part) {
    return name.empty() ? part : message(name, '.', part);
  }
  static const StateEmbeddingConfig& checked(const StateEmbeddingConfig& c);

  /// CLS, and that of a dataset.
  size_t special_tokens() const { return dataset_ ? 2 : 1; }

  template <class F, class... Inputs>
  auto once_more(F f, const Inputs&... inputs) const {
    return recomputes_ ? recompute(std::move(f), inputs...) : f(inputs...);
  }
  /// silu(layer_norm(x + b)) of x = W e.
  Variable<T, 2, Device> finish_encoding(const Variable<T, 2, Device>& x) const {
    const auto moved = add_to_sets(x.template reshape<3>({1, x.shape(0), x.shape(1)}),
                                   encoder_bias_.template reshape<2>({1, x.shape(1)}));
    return silu(encoder_norm_(moved.template reshape<2>(x.shape())));
  }

  /// The layers' output, (cells, tokens, d).
  /// @param rows  (cells, tokens) of genes, CLS and the dataset's token
  Variable<T, 3, Device> transform(const Variable<T, 2, Device>& genes,
                                   const Indices<2, Device>& rows,
                                   const Variable<T, 2, Device>& values,
                                   const Pass<Device>& pass) const;
  /// (B, d_out + 1 or 11): what is the same for all task genes of a cell.
  Variable<T, 2, Device> about_cells(const EmbeddedCells<T, Device>& cells,
                                     const Variable<T, 1, Device>& depth) const;
  Variable<T, 3, Device> join(const Variable<T, 2, Device>& genes,
                              const Variable<T, 2, Device>& cells,
                              const Indices<2, Device>& rows) const;

  StateEmbeddingConfig config_;
  std::unique_ptr<Parameters<T, Device>> own_;  // stays in place when the model moves
  Parameters<T, Device>* parameters_;
  bool recomputes_ = true;
  Variable<T, 2, Device> cls_token_, dataset_token_;
  Variable<T, 2, Device> encoder_weight_;
  Variable<T, 1, Device> encoder_bias_;
  LayerNorm<T, Device> encoder_norm_;
  SoftBinning<T, Device> binning_;
  std::vector<EncoderLayer<T, Device>> layers_;
  SkipBlock<T, Device> output_block_;
  Linear<T, Device> output_;
  SkipBlock<T, Device> decoder_block_, second_block_;
  Linear<T, Device> decoder_;
  struct DatasetHead {
    Linear<T, Device> values, first;
    LayerNorm<T, Device> norm;
    Dropout dropout;
    Linear<T, Device> logits;
  };
  std::optional<DatasetHead> dataset_;
};

template <class T, class Device>
const StateEmbeddingConfig& StateEmbedding<T, Device>::checked(const StateEmbeddingConfig& c) {
  for (const auto& [name, value] : {std::pair("config.gene_width", c.gene_width),
                                    {"config.width", c.width},
                                    {"config.heads", c.heads},
                                    {"config.mlp_width", c.mlp_width},
                                    {"config.output_width", c.output_width},
                                    {"config.sentence_length", c.sentence_length},
                                    {"config.set_size", c.set_size}})
    check_positive("StateEmbedding", name, value);
  if (!(c.floor_squared >= 0))
    throw ConfigError(message("StateEmbedding: config.floor_squared is ", c.floor_squared,
                              ", expected 0 or more"));
  return c;
}

template <class T, class Device>
StateEmbedding<T, Device>::StateEmbedding(const StateEmbeddingConfig& config,
                                          const std::string& name,
                                          std::unique_ptr<Parameters<T, Device>> own,
                                          Parameters<T, Device>* common)
    : config_(checked(config)),
      own_(std::move(own)),
      parameters_(own_ ? own_.get() : common),
      cls_token_(parameters_->template add<2>(within(name, "cls_token"), {1, config.gene_width},
                                              Initial::normal(1))),
      encoder_weight_(parameters_->template add<2>(
          within(name, "encoder.0.weight"), {config.width, config.gene_width},
          Initial::uniform(1 / std::sqrt(double(config.gene_width))))),
      encoder_bias_(
          parameters_->template add<1>(within(name, "encoder.0.bias"), {config.width},
                                       Initial::uniform(1 / std::sqrt(double(config.gene_width))))),
      encoder_norm_(*parameters_, within(name, "encoder.1"), config.width),
      binning_(*parameters_, within(name, "count_encoder"), within(name, "bin_encoder"),
               {.width = config.width}),
      output_block_(*parameters_, within(name, "decoder.0"), config.width),
      output_(*parameters_, within(name, "decoder.1"), config.width, config.output_width),
      decoder_block_(*parameters_, within(name, "binary_decoder.0"), decoder_width()),
      second_block_(*parameters_, within(name, "binary_decoder.1"), decoder_width()),
      decoder_(*parameters_, within(name, "binary_decoder.2"), decoder_width(), 1) {
  for (size_t i = 0; i < config.layers; ++i)
    layers_.emplace_back(*parameters_, within(name, message("transformer_encoder.layers.", i)),
                         EncoderLayerOptions{.width = config.width,
                                             .heads = config.heads,
                                             .mlp_width = config.mlp_width,
                                             .norm_first = config.norm_first,
                                             .dropout = config.dropout});
  if (!config.datasets) return;
  dataset_token_ = parameters_->template add<2>(within(name, "dataset_token"),
                                                {1, config.gene_width}, Initial::normal(1));
  const std::string head = within(name, "dataset_encoder");
  dataset_.emplace(DatasetHead{
      {*parameters_, within(name, "dataset_embedder"), config.output_width, dataset_width},
      {*parameters_, head + ".0", config.output_width, config.width},
      {*parameters_, head + ".2", config.width},
      {head + ".3", config.dataset_dropout},
      {*parameters_, head + ".4", config.width, config.datasets}});
}

template <class T, class Device>
EncodedGenes<T, Device> StateEmbedding<T, Device>::encode(const GeneVectors<T, Device>& vectors,
                                                          bool with_task) const {
  check_size_match("StateEmbedding", "width of the genes' vectors", vectors.vectors.shape(1),
                   "config.gene_width", config_.gene_width);
  const auto projected = linear(vectors.vectors, encoder_weight_);
  EncodedGenes<T, Device> out;
  out.tokens = once_more(
      [this, share = vectors.shares](const auto& p) {
        const auto special = dataset_ ? concatenate(cls_token_, dataset_token_, 0) : cls_token_;
        return scale(
            finish_encoding(concatenate(multiply(p, share), linear(special, encoder_weight_), 0)),
            std::sqrt(double(config_.width)));
      },
      projected);
  if (with_task)
    out.task_genes = once_more([this](const auto& p) { return finish_encoding(p); }, projected);
  return out;
}

template <class T, class Device>
EmbeddedCells<T, Device> StateEmbedding<T, Device>::embed(const EncodedGenes<T, Device>& genes,
                                                          const SentenceRows<Device>& sentence,
                                                          const Variable<T, 2, Device>& values,
                                                          const Pass<Device>& pass) const {
  check_shape_match("StateEmbedding", "shape of sentence", sentence.shape(), "shape of values",
                    values.shape());
  check_size_match("StateEmbedding", "genes of the sentences", sentence.genes(), "encoded genes",
                   genes.tokens.shape(0) - special_tokens());
  const size_t length = sentence.shape()[1];
  EmbeddedCells<T, Device> out;
  const auto append = [](Variable<T, 2, Device>& all, const Variable<T, 2, Device>& more) {
    all = all ? concatenate(all, more, 0) : more;
  };
  size_t begin = 0;
  for (const Indices<2, Device>& rows : sentence.groups()) {
    const size_t end = begin + rows.shape(0);
    Pass<Device> group = pass;  // whose dropout is its own
    group.seed += begin * 0x9E3779B97F4A7C15u;
    const auto x = transform(genes.tokens, rows, slice(values, 0, begin, end), group);
    const auto row = [&](size_t i) {
      const auto at = slice(x, 1, i, i + 1).template reshape<2>({end - begin, config_.width});
      return output_(output_block_(at));
    };
    append(out.cell, row(0));
    if (dataset_) append(out.dataset_row, row(length));
    begin = end;
  }
  out.cell = l2_normalize(out.cell);
  if (dataset_) out.dataset = dataset_->values(out.dataset_row);
  return out;
}

template <class T, class Device>
Variable<T, 3, Device> StateEmbedding<T, Device>::transform(const Variable<T, 2, Device>& genes,
                                                            const Indices<2, Device>& rows,
                                                            const Variable<T, 2, Device>& values,
                                                            const Pass<Device>& pass) const {
  auto x = once_more(
      [this, rows](const auto& tokens, const auto& c) {
        auto binned = binning_(c);
        if (dataset_)  // its token has no value
          binned =
              concatenate(binned, Tokens(Tensor<T, 3, Device>({c.shape(0), 1, config_.width})), 1);
        return add(embedding(rows, tokens), binned);
      },
      genes, values);
  for (size_t i = 0; i < layers_.size(); ++i) {
    // Attention costs as much as all products of a layer, so every other one is kept.
    const auto kept = recomputes_ && i % 2 ? std::make_shared<KeptAttention<T, Device>>() : nullptr;
    x = once_more([layer = &layers_[i], pass,
                   kept](const auto& h) { return (*layer)(h, {}, pass, kept.get()); },
                  x);
  }
  return x;
}

template <class T, class Device>
Variable<T, 2, Device> StateEmbedding<T, Device>::about_cells(
    const EmbeddedCells<T, Device>& cells, const Variable<T, 1, Device>& depth) const {
  const size_t count = cells.cell.shape(0);
  check_size_match("StateEmbedding", "size of depth", depth.count(), "cells", count);
  const auto all = concatenate(cells.cell, depth.template reshape<2>({count, 1}), 1);
  return dataset_ ? concatenate(all, cells.dataset, 1) : all;
}

template <class T, class Device>
Variable<T, 3, Device> StateEmbedding<T, Device>::join(const Variable<T, 2, Device>& genes,
                                                       const Variable<T, 2, Device>& cells,
                                                       const Indices<2, Device>& rows) const {
  check_size_match("StateEmbedding", "rows of task_genes", rows.shape(0), "cells", cells.shape(0));
  Tensor<int32_t, 2> own(rows.shape());
  for (size_t b = 0; b < rows.shape(0); ++b) std::fill(own[b].begin(), own[b].end(), int32_t(b));
  return concatenate(embedding(rows, genes), embedding(own, cells), 2);
}

template <class T, class Device>
Variable<T, 2, Device> StateEmbedding<T, Device>::decode(
    const Variable<T, 3, Device>& input) const {
  check_size_match("StateEmbedding", "last size of the decoder's input", input.shape(2),
                   "decoder_width()", decoder_width());
  return decoder_(second_block_(decoder_block_(input)))
      .template reshape<2>({input.shape(0), input.shape(1)});
}

template <class T, class Device>
Variable<T, 2, Device> StateEmbedding<T, Device>::predict(
    const EncodedGenes<T, Device>& genes, const EmbeddedCells<T, Device>& cells,
    const TaskGeneRows<Device>& task_genes, const Variable<T, 1, Device>& depth) const {
  const auto about = about_cells(cells, depth);
  Variable<T, 2, Device> out;
  for (const Indices<2, Device>& rows : task_genes.parts()) {
    const auto part =
        once_more([this, rows](const auto& g, const auto& c) { return decode(join(g, c, rows)); },
                  genes.task_genes, about);
    out = out ? concatenate(out, part, 1) : part;
  }
  return out;
}

template <class T, class Device>
Variable<T, 2, Device> StateEmbedding<T, Device>::dataset_logits(
    const EmbeddedCells<T, Device>& cells, const Pass<Device>& pass) const {
  if (!dataset_)
    throw ConfigError(
        "StateEmbedding: this model has no dataset token (config.datasets is 0), so it names no "
        "datasets");
  const auto& head = *dataset_;
  return head.logits(head.dropout(head.norm(silu(head.first(cells.dataset_row))), pass));
}

VCELL_INSTANTIATE(models, class StateEmbedding<float>);

VCELL_END_NAMESPACE
