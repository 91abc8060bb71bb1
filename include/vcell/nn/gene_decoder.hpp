#pragma once

#include <optional>

#include "vcell/nn/dropout.hpp"
#include "vcell/nn/gene_decoder_kind.hpp"
#include "vcell/nn/layer_norm.hpp"
#include "vcell/nn/linear.hpp"
#include "vcell/ops/add.hpp"
#include "vcell/ops/relu.hpp"
#include "vcell/ops/slice.hpp"
#include "vcell/ops/softplus.hpp"

VCELL_BEGIN_NAMESPACE

struct GeneDecoderOptions {
  GeneDecoderKind kind = GeneDecoderKind::plain;
  size_t in = 0;               ///< width of the embedding
  std::vector<size_t> widths;  ///< of the blocks; may be empty
  size_t genes = 0;
  double dropout = 0;  ///< after every activation
};

/// What a gene decoder gives of cells, (B, S, genes).
template <class T, class Device = Cpu>
struct DecodedGenes {
  Variable<T, 3, Device> mean;        ///< log1p expression, at least 0; of negative_binomial counts
  Variable<T, 3, Device> dispersion;  ///< theta > 0 of negative_binomial; empty for others
};

/// Genes of cells out of an embedding: blocks of linear, layer norm, GELU (exact form) and dropout,
/// and a last linear layer.
///
///   plain              relu(last(...))               name.decoder.{0,1}, .{4,5}, .{8,9}, ...
///   residual           the same, where every second block adds its input to its output:
///                      name.blocks.N.{0,1}, name.final_layer.0
///   negative_binomial  blocks as plain; mean and dispersion are each the softplus of a linear
///                      layer, plus 1e-6 so that neither is 0: name.mean, name.dispersion
template <class T, class Device = Cpu>
class GeneDecoder {
 public:
  /// @throws ConfigError if the kind is none, a width is 0, or a block of the residual kind adds
  ///         its input to an output of another width
  GeneDecoder(Parameters<T, Device>& p, const std::string& name, const GeneDecoderOptions& n)
      : kind_(n.kind) {
    if (n.kind == GeneDecoderKind::none) throw ConfigError("GeneDecoder: its kind is none");
    check_positive("GeneDecoder", "genes", n.genes);
    size_t in = n.in;
    for (size_t i = 0; i < n.widths.size(); ++i) {
      const size_t out = n.widths[i];
      check_positive("GeneDecoder", "width of a block", out);
      if (is_added(i) && in != out)
        throw ConfigError(message("GeneDecoder: block ", i, " of a residual decoder is ", out,
                                  " wide and adds what it reads, which is ", in,
                                  " wide; give the blocks 0 and 1, 2 and 3, ... equal widths"));
      const auto layer = [&](size_t place) {
        return kind_ == GeneDecoderKind::residual ? message(name, ".blocks.", i, '.', place)
                                                  : message(name, ".decoder.", 4 * i + place);
      };
      blocks_.push_back({{p, layer(0), in, out}, {p, layer(1), out}, {layer(3), n.dropout}});
      in = out;
    }
    if (kind_ == GeneDecoderKind::negative_binomial)
      last_.emplace(
          p, std::vector<NamedRows>{{name + ".mean", n.genes}, {name + ".dispersion", n.genes}},
          in);
    else
      last_.emplace(p,
                    kind_ == GeneDecoderKind::residual
                        ? name + ".final_layer.0"
                        : message(name, ".decoder.", 4 * n.widths.size()),
                    in, n.genes);
  }

  /// @param x  (B, S, in)
  DecodedGenes<T, Device> operator()(Variable<T, 3, Device> x, const Pass<Device>& pass) const;

 private:
  struct Block {
    Linear<T, Device> linear;
    LayerNorm<T, Device> norm;
    Dropout dropout;
  };

  bool is_added(size_t block) const { return kind_ == GeneDecoderKind::residual && block % 2; }

  GeneDecoderKind kind_;
  std::vector<Block> blocks_;
  std::optional<Linear<T, Device>> last_;
};

template <class T, class Device>
DecodedGenes<T, Device> GeneDecoder<T, Device>::operator()(Variable<T, 3, Device> x,
                                                           const Pass<Device>& pass) const {
  for (size_t i = 0; i < blocks_.size(); ++i) {
    const Block& block = blocks_[i];
    const auto y = block.dropout(gelu(block.norm(block.linear(x))), pass);
    x = is_added(i) ? add(y, x) : y;
  }
  const auto all = (*last_)(x);
  if (kind_ != GeneDecoderKind::negative_binomial) return {relu(all), {}};
  const size_t genes = all.shape(2) / 2;
  const auto positive = softplus(all, {.least = 1e-6});
  return {slice(positive, 2, 0, genes), slice(positive, 2, genes, 2 * genes)};
}

VCELL_INSTANTIATE(models, class GeneDecoder<float>);

VCELL_END_NAMESPACE
