#pragma once

#include "vcell/nn/dropout.hpp"
#include "vcell/nn/linear.hpp"

VCELL_BEGIN_NAMESPACE

struct MlpOptions {
  size_t in = 0, hidden = 0, out = 0;  ///< widths; all inner layers have the hidden one
  size_t layers = 1;                   ///< linear layers in all, at least 1
  double dropout = 0;                  ///< after every activation
  bool last_is_zero = false;           ///< the last layer starts at 0
};

/// Linear layers with GELU (exact form) and dropout between them. The linear ones are numbered as
/// in a sequence of all three kinds: `name.0`, `name.3`, `name.6`, ...
template <class T, class Device = Cpu>
class Mlp {
 public:
  /// @throws ConfigError if layers is 0
  Mlp(Parameters<T, Device>& parameters, const std::string& name, const MlpOptions& options) {
    check_positive("Mlp", "layers", options.layers);
    for (size_t i = 0; i < options.layers; ++i) {
      layers_.emplace_back(parameters, message(name, '.', 3 * i), i ? options.hidden : options.in,
                           i + 1 < options.layers ? options.hidden : options.out,
                           LinearOptions{.zero = options.last_is_zero && i + 1 == options.layers});
      dropouts_.emplace_back(message(name, '.', 3 * i + 2), options.dropout);
    }
  }

  /// @param x  (..., in)
  /// @return   (..., out)
  template <int rank>
  Variable<T, rank, Device> operator()(Variable<T, rank, Device> x,
                                       const Pass<Device>& pass) const {
    for (size_t i = 0; i < layers_.size(); ++i) {
      const bool is_last = i + 1 == layers_.size();
      x = is_last ? layers_[i](x) : dropouts_[i](layers_[i].gelu(x), pass);
    }
    return x;
  }

 private:
  std::vector<Linear<T, Device>> layers_;
  std::vector<Dropout> dropouts_;
};

VCELL_END_NAMESPACE
