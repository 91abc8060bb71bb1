#pragma once

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE

/// What makes genes of an embedding (nn/gene_decoder.hpp).
enum class GeneDecoderKind {
  none,              ///< nothing
  plain,             ///< blocks of linear, layer norm and GELU; log1p expression
  residual,          ///< the same, every second one added to what it reads
  negative_binomial  ///< the same as plain; mean and dispersion of counts
};

VCELL_END_NAMESPACE
