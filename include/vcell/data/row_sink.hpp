#pragma once

#include "vcell/data/row_source.hpp"

VCELL_BEGIN_NAMESPACE

/// What takes rows in blocks, in their order: a CsrMatrix, or X of an h5ad file that is being
/// written.
template <class S, class T>
concept RowSink = requires(S& sink, const CsrView<T>& rows) {
  sink.append(rows);
};

/// Hands all rows of a source to a sink, in the memory of one block.
template <class T, class Source, class Sink>
requires RowSource<Source, T> && RowSink<Sink, T>
void copy_rows(const Source& from, Sink& to, const BlockLimits& limits = {}) {
  for_each_row_block<T>(
      from, [&](size_t, const CsrView<T>& block) { to.append(block); }, limits);
}

VCELL_END_NAMESPACE
