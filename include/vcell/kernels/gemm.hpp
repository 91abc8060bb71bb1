#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>

#include "vcell/kernels/gemm_epilogue.hpp"
#include "vcell/kernels/gemm_panels.hpp"
#include "vcell/kernels/gemm_tiles.hpp"
#include "vcell/kernels/status.hpp"
#include "vcell/tensor/scratch.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// Several products of one shape: elements from one to the next in each matrix. 0 is the same one
/// for all, which C and `stored` may not be.
struct GemmBatch {
  size_t count = 1;
  size_t a = 0, b = 0, c = 0;
  size_t bias = 0, residual = 0, stored = 0;
};

struct GemmOptions {
  /// Take the transpose of what is given as A: it is then (k, m).
  bool transpose_a = false;
  /// Take the transpose of what is given as B: it is then (n, k).
  bool transpose_b = false;
  /// Factor of the product.
  double alpha = 1;
  /// Add to C. Otherwise what C held before is never read: it may be anything, NaN included.
  bool accumulate = false;
  /// How many products, and where each of them lies.
  GemmBatch batch = {};
};

/// The general matrix product, the one way to multiply matrices in vcell:
///
///   C  = epilogue(alpha op(A) op(B))          (m, n) = (m, k) (k, n)
///   C += epilogue(alpha op(A) op(B))          if asked to accumulate
///
/// A, B and C are double, or each float or bfloat16 with sums in float, rounded where they are
/// stored. What the epilogue does is done here at once, tile by tile; see gemm_epilogue.hpp, also
/// for a gate, where op(B) is (k, 2 n). 2 m n k flops. C and `stored` must overlap nothing. The
/// bytes do not depend on the number of threads. On the GPU a context may ask for factors that are
/// float to be rounded before they are multiplied (Precision).
///
/// @throws std::bad_alloc if the product library finds no memory for itself (serial_gemm.hpp),
///         CudaError if that of the GPU cannot be started (gemm.cuh)
template <class Device>
struct Gemm : Missing<Device> {};

template <>
struct Gemm<Cpu> {
  /// @param a, b  MatrixView or View of rank 2
  template <class A, class B, class T>
  static size_t run_scratch(const Context<Cpu>& context, const GemmOptions& options, const A& a,
                            const B& b, MatrixView<T> c,
                            const std::type_identity_t<Epilogue<T>>& epilogue) {
    return bytes(context, options, read_only(a), read_only(b), c, epilogue);
  }
  template <class A, class B, class T>
  static Status run(const Context<Cpu>& context, const GemmOptions& options, const A& a, const B& b,
                    MatrixView<T> c, const std::type_identity_t<Epilogue<T>>& epilogue,
                    Scratch<> scratch) {
    return multiply(context, options, read_only(a), read_only(b), c, epilogue, scratch);
  }

 private:
  /// How a product is done: its tiles, and the scratch of a thread.
  template <class A, class B, class C>
  struct Plan {
    using Sum = typename detail::GemmSum<A, B, C>::type;
    size_t width;
    detail::Tiles tiles;
    detail::Panels<A, B, Sum> panels;
    bool in_c, in_stored;  // where z is built up, else in scratch
    size_t z;              // elements of scratch

    Plan(const GemmOptions& o, size_t m, size_t n, size_t k, const Epilogue<C>& e)
        : width(detail::epilogue_width(e.kind)),
          tiles(m, n, k, o.batch.count, width, detail::Panels<A, B, Sum>::copies_b(o.transpose_b)),
          panels(o.transpose_a, o.transpose_b, tiles.rows, tiles.columns, k, width),
          in_c(std::is_same_v<C, Sum> && detail::epilogue_is_sum(e.kind) && !e.stored.data),
          in_stored(std::is_same_v<C, Sum> && e.stored.data) {
      z = in_c || in_stored ? 0 : width * tiles.rows * stride();
    }
    /// Of a tile of z in scratch: rows start at whole cache lines.
    size_t stride() const { return (tiles.columns + 15) / 16 * 16; }
    /// Tiles of the same columns share the panels of B, where a thread does several of them.
    bool shares() const { return panels.lasts() && tiles.down > 1; }
    size_t bytes() const { return (panels.elements() + z) * sizeof(Sum) + (shares() ? line : 0); }
  };
  static constexpr size_t line = 64;

  /// Whose panels of B lie in the scratch of a thread.
  struct Held {
    size_t product, column;
  };

  template <class A, class B, class C>
  static size_t bytes(const Context<Cpu>& context, const GemmOptions& o, MatrixView<const A> a,
                      MatrixView<const B>, MatrixView<C> c, const Epilogue<C>& e) {
    const size_t depth = o.transpose_a ? a.rows : a.columns;
    return Plan<A, B, C>(o, c.rows, c.columns, depth, e).bytes() * size_t(context.pool().size());
  }

  template <class A, class B, class C>
  static Status multiply(const Context<Cpu>& context, const GemmOptions& o, MatrixView<const A> a,
                         MatrixView<const B> b, MatrixView<C> c, const Epilogue<C>& e,
                         Scratch<> scratch) {
    using P = Plan<A, B, C>;
    using Sum = typename P::Sum;
    const size_t depth = o.transpose_a ? a.rows : a.columns;
    if (c.rows == 0 || c.columns == 0 || o.batch.count == 0) return {};
    if (o.batch.count > 1 && (o.batch.c == 0 || (e.stored.data && o.batch.stored == 0)))
      return {"the products of a batch would all be written to one place"};
    if (e.kind == EpilogueKind::bias_residual && !e.residual.data)
      return {"the residual to be added is missing"};
    const P plan(o, c.rows, c.columns, depth, e);
    const size_t each = plan.bytes();
    if (each && (scratch.count() < each * size_t(context.pool().size()) ||
                 reinterpret_cast<uintptr_t>(scratch.data) % 64 != 0))
      return {"its scratch is smaller than run_scratch says, or not 64-byte aligned"};

    const detail::Tiles& tile = plan.tiles;
    const size_t in_product = tile.down * tile.across;
    // Tiles of small products are done several at a time.
    const double flops =
        2 * double(tile.rows) * double(tile.columns) * double(plan.width) * double(depth);
    const size_t grain = size_t(1e6 / std::max(flops, 1e3)) + 1;
    if (plan.shares())
      for (size_t i = 0; i < size_t(context.pool().size()); ++i)
        ::new (scratch.data + i * each) Held{o.batch.count, 0};
    parallel_for(context, o.batch.count * in_product, grain, [&](size_t begin, size_t end) {
      const ProductSession session;
      std::byte* mine = each ? scratch.data + thread_index(context.pool()) * each : nullptr;
      Held* held = plan.shares() ? std::launder(reinterpret_cast<Held*>(mine)) : nullptr;
      Sum* panels = reinterpret_cast<Sum*>(held ? mine + line : mine);
      for (size_t t = begin; t < end; ++t) {
        const size_t product = t / in_product, within = t % in_product;
        const size_t column = within / tile.down, row = within % tile.down;
        const bool made = held && held->product == product && held->column == column;
        tile_gemm<A, B, C>(o, plan, depth, of_product(a, product * o.batch.a),
                           of_product(b, product * o.batch.b), of_product(c, product * o.batch.c),
                           of_product(e, product, o.batch), row * tile.rows, column * tile.columns,
                           session, panels, made);
        if (held) *held = {product, column};
      }
    });
    return {};
  }

  /// One tile of one product.
  template <class A, class B, class C, class P>
  static void tile_gemm(const GemmOptions& o, const P& plan, size_t depth, MatrixView<const A> a,
                        MatrixView<const B> b, MatrixView<C> c, const Epilogue<C>& e, size_t i,
                        size_t j, const ProductSession& session, typename P::Sum* scratch,
                        bool made) {
    using Sum = typename P::Sum;
    const size_t rows = std::min(plan.tiles.rows, c.rows - i),
                 columns = std::min(plan.tiles.columns, c.columns - j);
    const auto part = c.block(i, rows, j, columns);
    MatrixView<const B> of_b[2];
    MatrixView<Sum> z[2];
    for (size_t h = 0; h < plan.width; ++h) {
      const size_t first = h * c.columns + j;
      of_b[h] =
          o.transpose_b ? b.block(first, columns, 0, depth) : b.block(0, depth, first, columns);
      if (plan.z)
        z[h] = {scratch + plan.panels.elements() + h * plan.tiles.rows * plan.stride(), rows,
                columns, plan.stride()};
      if constexpr (std::is_same_v<C, Sum>) {
        if (plan.in_c) z[h] = part;
        if (plan.in_stored) z[h] = e.stored.block(i, rows, first, columns);
      }
    }
    detail::panel_gemm<A, B, Sum>(
        session, plan.panels, Sum(o.alpha),
        o.transpose_a ? a.block(0, depth, i, rows) : a.block(i, rows, 0, depth), of_b,
        plan.in_c && o.accumulate ? Sum(1) : Sum(0), z, scratch, made);
    detail::finish_tile<Sum, C>(e, o.accumulate, i, j, c.columns, z, part);
  }

  template <class T>
  static MatrixView<T> of_product(MatrixView<T> m, size_t offset) {
    return {m.data ? m.data + offset : nullptr, m.rows, m.columns, m.stride};
  }
  template <class T>
  static Epilogue<T> of_product(Epilogue<T> e, size_t product, const GemmBatch& batch) {
    if (e.bias) e.bias.data += product * batch.bias;
    e.residual = of_product(e.residual, product * batch.residual);
    e.stored = of_product(e.stored, product * batch.stored);
    return e;
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
