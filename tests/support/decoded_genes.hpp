#pragma once

#include "vcell/models/state_transition_config.hpp"

namespace vcell_test {

/// Makes a State Transition one in an embedding that decodes genes of it.
inline void decode_genes(vcell::StateTransitionConfig& c, vcell::GeneDecoderKind kind,
                         size_t genes) {
  c.output_space = vcell::OutputSpace::embedding;
  c.decoder = kind;
  c.gene_width = genes;
  c.decoder_widths = {6, 6, 5};
}

}  // namespace vcell_test
