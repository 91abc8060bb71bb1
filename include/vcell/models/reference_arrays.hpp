#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "vcell/data/array.hpp"
#include "vcell/models/state_transition_config.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// A matrix with rows and columns exchanged.
template <class = void>
Array transposed(std::string_view name, const Array& array) {
  if (array.shape.size() != 2)
    throw ShapeError(message("transposed: ", quoted(std::string(name)), " has shape ", array.shape,
                             ", expected a matrix"));
  const size_t rows = array.shape[0], columns = array.shape[1];
  const auto turn = [&]<class T>(T) {
    const std::vector<T> from = array.as<T>();
    std::vector<T> to(from.size());
    for (size_t i = 0; i < rows; ++i)
      for (size_t j = 0; j < columns; ++j) to[j * rows + i] = from[i * columns + j];
    return Array::of<T>({columns, rows}, to);
  };
  return array.dtype() == DType::f64 ? turn(double()) : turn(float());
}

/// Whether the reference keeps a weight as (in, out): those of GPT-2's products.
template <class = void>
bool is_turned(const StateTransitionConfig& config, std::string_view name) {
  return config.backbone == BackboneKind::gpt2 && name.starts_with("transformer_backbone.h.") &&
         (name.ends_with(".attn.c_attn.weight") || name.ends_with(".attn.c_proj.weight") ||
          name.ends_with(".mlp.c_fc.weight") || name.ends_with(".mlp.c_proj.weight"));
}

/// Whether a model of this configuration makes no use of what the reference keeps.
template <class = void>
bool plays_no_part(const StateTransitionConfig& config, std::string_view name) {
  return name == "transformer_backbone.embed_tokens.weight" ||
         name == "transformer_backbone.wte.weight" || name == "transformer_backbone.wpe.weight" ||
         (!config.predict_residual && name.starts_with("final_down_then_up.")) ||
         (config.decoder == GeneDecoderKind::none && name.starts_with("gene_decoder."));
}

}  // namespace detail

/// The parameters of a State Transition model from the arrays of a file of the reference: what
/// load_parameters takes. Weights of GPT-2's products, which the reference keeps as (in, out), are
/// turned; what plays no part is left out: tables of tokens and positions, which are zero, the last
/// layers of a model for all genes without the residual, and a gene decoder that was built and
/// never trained (config.decoder none). All other names stay, known or not.
///
/// @param arrays  by the names of the reference
/// @throws ShapeError if a weight to be turned is no matrix
template <class = void>
std::map<std::string, Array> from_reference(const StateTransitionConfig& config,
                                            std::map<std::string, Array> arrays) {
  for (auto i = arrays.begin(); i != arrays.end();) {
    if (detail::is_turned(config, i->first)) i->second = detail::transposed(i->first, i->second);
    i = detail::plays_no_part(config, i->first) ? arrays.erase(i) : std::next(i);
  }
  return arrays;
}

/// Rows of the reference's tables of tokens and positions, which are zeros of the model's width.
struct ReferenceTables {
  /// Of embed_tokens (llama, 32000 by default) or wte (gpt2, 50257).
  size_t tokens = 0;
  /// Of wpe (gpt2).
  size_t positions = 0;
};

/// The other way round: what the reference's package loads.
///
/// @param arrays  of parameter_arrays
/// @param tables  a table of 0 rows is left out
template <class = void>
std::map<std::string, Array> to_reference(const StateTransitionConfig& config,
                                          std::map<std::string, Array> arrays,
                                          const ReferenceTables& tables) {
  for (auto& [name, array] : arrays)
    if (detail::is_turned(config, name)) array = detail::transposed(name, array);
  const auto add = [&](const char* name, size_t rows) {
    if (rows)
      arrays[name] =
          Array::of<float>({rows, config.hidden}, std::vector<float>(rows * config.hidden));
  };
  const bool gpt2 = config.backbone == BackboneKind::gpt2;
  add(gpt2 ? "transformer_backbone.wte.weight" : "transformer_backbone.embed_tokens.weight",
      tables.tokens);
  if (gpt2) add("transformer_backbone.wpe.weight", tables.positions);
  return arrays;
}

VCELL_END_NAMESPACE
