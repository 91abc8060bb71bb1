#pragma once

#include "vcell/nn/dropout.hpp"
#include "vcell/nn/layer_norm.hpp"
#include "vcell/nn/linear.hpp"
#include "vcell/ops/gelu.hpp"
#include "vcell/ops/relu.hpp"

VCELL_BEGIN_NAMESPACE

/// What a token says about its set, one number that is at least 0: two blocks of linear, layer
/// norm, GELU (exact form) and dropout, h -> h / 2 -> h / 4, a linear layer to 1, relu. Parameters
/// name.{0,1,4,5,8}.
template <class T, class Device = Cpu>
class ConfidenceHead {
 public:
  /// @throws ConfigError if the width is below 4
  ConfidenceHead(Parameters<T, Device>& p, const std::string& name, size_t width, double dropout)
      : first_(p, name + ".0", checked(width), width / 2),
        first_norm_(p, name + ".1", width / 2),
        first_dropout_(name + ".3", dropout),
        second_(p, name + ".4", width / 2, width / 4),
        second_norm_(p, name + ".5", width / 4),
        second_dropout_(name + ".7", dropout),
        last_(p, name + ".8", width / 4, 1) {}

  /// @param x  (B, width)
  /// @return   (B, 1)
  Variable<T, 2, Device> operator()(const Variable<T, 2, Device>& x,
                                    const Pass<Device>& pass) const {
    const auto y = first_dropout_(gelu(first_norm_(first_(x))), pass);
    return relu(last_(second_dropout_(gelu(second_norm_(second_(y))), pass)));
  }

 private:
  static size_t checked(size_t width) {
    if (width < 4)
      throw ConfigError(message("ConfidenceHead: the width is ", width,
                                ", expected at least 4, of which a quarter is used; set a larger "
                                "hidden width, or confidence_token to false"));
    return width;
  }

  Linear<T, Device> first_;
  LayerNorm<T, Device> first_norm_;
  Dropout first_dropout_;
  Linear<T, Device> second_;
  LayerNorm<T, Device> second_norm_;
  Dropout second_dropout_;
  Linear<T, Device> last_;
};

VCELL_END_NAMESPACE
