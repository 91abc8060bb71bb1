#pragma once

#include <map>
#include <string>

#include "vcell/core/cmath.hpp"
#include "vcell/data/array.hpp"
#include "vcell/models/check_state_transition.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// A configuration that is larger than the weights beside it is damaged: found out before memory
/// for it is asked for.
template <class = void>
void check_fits_weights(const StateTransitionConfig& c, const std::map<std::string, Array>& weights,
                        const std::string& where) {
  double there = 0;
  for (const auto& [name, array] : weights) there += double(array.count());
  const auto between = [](size_t layers) { return layers > 2 ? double(layers) - 2 : 0; };
  const double h = double(c.hidden), genes = double(c.output_width);
  const double block = (c.backbone == BackboneKind::gpt2 ? 2 : 3) * double(c.mlp_width) +
                       4 * double(c.heads) * double(c.head_dim);
  const bool mlp = c.head == OutputHead::mlp;
  const double coders = (between(c.encoder_layers) + (mlp ? between(c.decoder_layers) : 0)) * h;
  const double ends = double(c.input_width) + genes + double(c.perturbation_width) +
                      double(c.batches) + double(c.token_batches);
  double needed = h * (double(c.layers) * block + coders + ends);
  if (mixes_outputs(c)) needed += 2 * genes * std::floor(genes / 8);
  if (c.confidence_token) needed += h * std::floor(h / 2);
  if (c.decoder != GeneDecoderKind::none) {
    double in = genes;
    for (const size_t width : decoder_widths(c)) needed += in * double(width), in = double(width);
    needed += in * double(c.gene_width);
  }
  if (needed > there)
    throw FormatError(message(where, ": the model it describes is larger than ",
                              "weights.safetensors; the files are not of one model"));
}

}  // namespace detail
VCELL_END_NAMESPACE
