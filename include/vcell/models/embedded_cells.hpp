#pragma once

#include "vcell/autograd/variable.hpp"

VCELL_BEGIN_NAMESPACE

/// Genes after the gene encoder, as tokens of a sentence and as genes to predict. Rows of tokens
/// after those of genes are CLS and, where the model has it, the dataset's.
template <class T, class Device = Cpu>
struct EncodedGenes {
  Variable<T, 2, Device> tokens;      ///< (K + 1 or 2, d), of vectors of length 1
  Variable<T, 2, Device> task_genes;  ///< (K, d), of vectors as they are; empty if not asked for
};

/// Cells after the transformer.
template <class T, class Device = Cpu>
struct EmbeddedCells {
  Variable<T, 2, Device> cell;         ///< (B, d_out), each of length 1
  Variable<T, 2, Device> dataset_row;  ///< (B, d_out) of the dataset's token; empty without one
  Variable<T, 2, Device> dataset;      ///< (B, 10) of it
};

VCELL_END_NAMESPACE
