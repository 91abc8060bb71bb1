#pragma once

#include <cstdint>
#include <limits>

#include "vcell/kernels/gemm.hpp"
#include "vcell/kernels/gemm_epilogue.cuh"
#include "vcell/tensor/product_handle_cuda.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {
namespace detail {

template <class T>
constexpr cudaDataType cublas_type = CUDA_R_32F;
template <>
inline constexpr cudaDataType cublas_type<double> = CUDA_R_64F;
template <>
inline constexpr cudaDataType cublas_type<bfloat16> = CUDA_R_16BF;

}  // namespace detail

/// Products go to cuBLASLt, which sees every matrix transposed: rows side by side are columns side
/// by side to it, so C^T = op(B)^T op(A)^T. Which of its algorithms and which of these ways is
/// taken depends on sizes, places, types, options and the device alone, never on a timing:
///
/// - It makes C itself, epilogue included, of `none`, `bias` and `bias_residual` (not accumulated)
///   without `stored`, and of `bias_gelu_tanh` (not accumulated) where C is bfloat16 or Precision
///   is not float32: what it computes tanh by is not documented to the last digits. All that where
///   it has an algorithm, a bias is aligned to 16 bytes and not double, and `stored` is aligned to
///   16 bytes with rows and matrices a multiple of 8 elements apart.
/// - Otherwise it makes the product, in C, in `stored` or in scratch, and one kernel more the rest.
///
/// If one factor is float and the other bfloat16, the latter is read as float, by a kernel before.
///
/// @throws CudaError if cuBLASLt cannot be started (ProductHandle)
template <>
struct Gemm<Cuda> {
  /// @param a, b  MatrixView or View of rank 2
  template <class A, class B, class T>
  static size_t run_scratch(const Context<Cuda>& context, const GemmOptions& options, const A& a,
                            const B& b, MatrixView<T, Cuda> c,
                            const std::type_identity_t<Epilogue<T, Cuda>>& epilogue) {
    return plan(context, options, read_only(a), read_only(b), c, epilogue).bytes();
  }
  template <class A, class B, class T>
  static Status run(const Context<Cuda>& context, const GemmOptions& options, const A& a,
                    const B& b, MatrixView<T, Cuda> c,
                    const std::type_identity_t<Epilogue<T, Cuda>>& epilogue,
                    Scratch<Cuda> scratch) {
    return multiply(context, options, read_only(a), read_only(b), c, epilogue, scratch);
  }

 private:
  template <class T>
  using Matrix = MatrixView<T, Cuda>;

  /// How a product is done.
  template <class A, class B, class C>
  struct Plan {
    using Sum = typename detail::GemmSum<A, B, C>::type;
    using Factor = std::conditional_t<std::is_same_v<A, B>, A, float>;
    static constexpr bool widens_a = !std::is_same_v<A, Factor>,
                          widens_b = !std::is_same_v<B, Factor>;
    /// Whether there are products of these factors that C can hold.
    static constexpr bool direct = std::is_same_v<C, Sum> || std::is_same_v<C, Factor>;

    bool empty = false;                    // there is nothing to multiply
    bool whole = false;                    // cuBLASLt makes C itself
    bool in_c = false, in_stored = false;  // else: where the product is made, if not in scratch
    CublasProduct product;
    size_t widened_a = 0, widened_b = 0, z = 0;  // elements of scratch
    size_t bytes() const {
      return scratch_bytes<float>(widened_a) + scratch_bytes<float>(widened_b) +
             scratch_bytes<Sum>(z);
    }
  };

  /// Of rows in scratch, so that each is aligned to 16 bytes.
  static size_t padded(size_t columns) { return (columns + 3) / 4 * 4; }

  static bool is_aligned(const void* data, size_t step_bytes) {
    return (reinterpret_cast<uintptr_t>(data) | step_bytes) % CublasProduct::alignment == 0;
  }

  /// A matrix row by row is its transpose column by column.
  template <class T>
  static CublasMatrix transposed(Matrix<T> m, size_t step, size_t count) {
    if (count == 1) step = 0;
    const size_t place =
        reinterpret_cast<uintptr_t>(m.data) | (step * sizeof(T)) | size_t(CublasProduct::alignment);
    return {detail::cublas_type<std::remove_const_t<T>>,
            m.columns,
            m.rows,
            int64_t(std::max(m.stride, m.columns)),  // a single row may name any stride
            int64_t(step),
            uint32_t(place & -place)};
  }
  /// One that lies in scratch.
  template <class T>
  static CublasMatrix in_scratch(size_t rows, size_t columns, bool one, size_t count) {
    return transposed(Matrix<T>(nullptr, rows, columns, padded(columns)),
                      one ? 0 : rows * padded(columns), count);
  }

  template <class A, class B, class C>
  static Plan<A, B, C> plan(const Context<Cuda>& context, const GemmOptions& o, Matrix<const A> a,
                            Matrix<const B> b, Matrix<C> c, const Epilogue<C, Cuda>& e) {
    using P = Plan<A, B, C>;
    using Sum = typename P::Sum;
    using Factor = typename P::Factor;
    P p;
    const size_t count = o.batch.count, columns = detail::epilogue_width(e.kind) * c.columns;
    p.empty =
        (o.transpose_a ? a.rows : a.columns) == 0 || c.rows == 0 || columns == 0 || count == 0;
    if (p.empty) return p;
    const bool one_a = o.batch.a == 0, one_b = o.batch.b == 0;
    if (P::widens_a) p.widened_a = (one_a ? 1 : count) * a.rows * padded(a.columns);
    if (P::widens_b) p.widened_b = (one_b ? 1 : count) * b.rows * padded(b.columns);

    CublasProduct& q = p.product;
    if (std::is_same_v<Factor, double>) {
      q.compute = CUBLAS_COMPUTE_64F;
      q.scale = CUDA_R_64F;
    } else if (std::is_same_v<Factor, float>) {
      if (context.precision() == Precision::tf32) q.compute = CUBLAS_COMPUTE_32F_FAST_TF32;
      if (context.precision() == Precision::bfloat16) q.compute = CUBLAS_COMPUTE_32F_FAST_16BF;
    }
    q.batch = int32_t(count);
    q.transpose_a = o.transpose_b;
    q.transpose_b = o.transpose_a;
    q.a = P::widens_b ? in_scratch<float>(b.rows, b.columns, one_b, count)
                      : transposed(b, o.batch.b, count);
    q.b = P::widens_a ? in_scratch<float>(a.rows, a.columns, one_a, count)
                      : transposed(a, o.batch.a, count);

    if (library_may_finish<P>(context, o, e)) {
      q.d = q.c = transposed(c, o.batch.c, count);
      if (e.kind == EpilogueKind::bias_residual)
        q.c = transposed(e.residual, o.batch.residual, count);
      const bool bias = has_bias(e);
      if (bias) {
        q.epilogue = CUBLASLT_EPILOGUE_BIAS;
        if (count > 1) q.bias_batch_stride = int64_t(o.batch.bias);
      }
      if (e.kind == EpilogueKind::bias_gelu_tanh) {
        q.epilogue = bias ? CUBLASLT_EPILOGUE_GELU_BIAS : CUBLASLT_EPILOGUE_GELU;
        if (e.stored.data) {
          q.epilogue = bias ? CUBLASLT_EPILOGUE_GELU_AUX_BIAS : CUBLASLT_EPILOGUE_GELU_AUX;
          q.stored_stride = int64_t(e.stored.stride);
          if (count > 1) q.stored_batch_stride = int64_t(o.batch.stored);
        }
      }
      p.whole = context.own<ProductHandle>().supports(q);
      if (p.whole) return p;
      q.epilogue = CUBLASLT_EPILOGUE_DEFAULT;
      q.bias_batch_stride = q.stored_stride = q.stored_batch_stride = 0;
    }
    p.in_c = std::is_same_v<C, Sum> && detail::epilogue_is_sum(e.kind) && e.stored.data == nullptr;
    p.in_stored = std::is_same_v<C, Sum> && e.stored.data != nullptr;
    if (p.in_c)
      q.d = transposed(c, o.batch.c, count);
    else if (p.in_stored)
      q.d = transposed(e.stored, o.batch.stored, count);
    else
      q.d = in_scratch<Sum>(c.rows, columns, false, count);
    q.c = q.d;
    if (!p.in_c && !p.in_stored) p.z = count * c.rows * padded(columns);
    return p;
  }

  template <class C>
  static bool has_bias(const Epilogue<C, Cuda>& e) {
    return e.kind != EpilogueKind::none && e.bias;
  }

  /// Whether cuBLASLt is asked to make C itself.
  template <class P, class C>
  static bool library_may_finish(const Context<Cuda>& context, const GemmOptions& o,
                                 const Epilogue<C, Cuda>& e) {
    if (!P::direct) return false;
    const bool batch = o.batch.count > 1;
    if (has_bias(e) && (std::is_same_v<C, double> ||
                        !is_aligned(e.bias.data, batch ? o.batch.bias * sizeof(C) : 0)))
      return false;
    switch (e.kind) {
      case EpilogueKind::none:
      case EpilogueKind::bias:
        return !e.stored.data;
      case EpilogueKind::bias_residual:
        return !e.stored.data && !o.accumulate;
      case EpilogueKind::bias_gelu_tanh:
        if (o.accumulate || std::is_same_v<C, double>) return false;
        if (std::is_same_v<C, float> && (std::is_same_v<typename P::Factor, bfloat16> ||
                                         context.precision() == Precision::float32))
          return false;
        return !e.stored.data || (is_aligned(e.stored.data, 0) && e.stored.stride % 8 == 0 &&
                                  (!batch || o.batch.stored % 8 == 0));
      case EpilogueKind::bias_gelu:
      case EpilogueKind::silu_gate:
        return false;
    }
    return false;
  }

  template <class A, class B, class C>
  static Status multiply(const Context<Cuda>& context, const GemmOptions& o, Matrix<const A> a,
                         Matrix<const B> b, Matrix<C> c, const Epilogue<C, Cuda>& e,
                         Scratch<Cuda> scratch) {
    const size_t count = o.batch.count, depth = o.transpose_a ? a.rows : a.columns;
    if (c.rows == 0 || c.columns == 0 || count == 0) return {};
    if (count > 1 && (o.batch.c == 0 || (e.stored.data && o.batch.stored == 0)))
      return {"the products of a batch would all be written to one place"};
    if (e.kind == EpilogueKind::bias_residual && !e.residual.data)
      return {"the residual to be added is missing"};
    constexpr size_t most = size_t(std::numeric_limits<int32_t>::max());
    if (std::max({c.rows, detail::epilogue_width(e.kind) * c.columns, depth, count}) > most)
      return {"cuBLASLt multiplies matrices of at most 2^31 - 1 rows and columns, so many at once"};
    auto p = plan(context, o, a, b, c, e);
    if (scratch.count() < p.bytes() || reinterpret_cast<uintptr_t>(scratch.data) % 64 != 0)
      return {"its scratch is smaller than run_scratch says, or not 64-byte aligned"};
    const void* const factor_a = factor(context, a, o.batch.a, count, p.widened_a, scratch);
    const void* const factor_b = factor(context, b, o.batch.b, count, p.widened_b, scratch);
    if (!factor_a && !p.empty) return {"a kernel that reads bfloat16 as float did not start"};
    if (!factor_b && !p.empty) return {"a kernel that reads bfloat16 as float did not start"};

    using Sum = typename Plan<A, B, C>::Sum;
    Sum* z = nullptr;
    if (!p.empty) {
      void* d = c.data;
      const void* add = c.data;
      Sum alpha = Sum(o.alpha), beta = Sum(o.accumulate);
      if (p.whole) {
        if (e.kind == EpilogueKind::bias_residual) {
          add = e.residual.data;
          beta = 1;
        }
      } else {
        if (p.in_stored) d = e.stored.data;
        if (p.z) d = take_scratch<Sum>(scratch, p.z).data;
        if (!p.in_c) beta = 0;
        add = d;
        z = static_cast<Sum*>(d);
      }
      const char* const failure = context.own<ProductHandle>().multiply(
          p.product, &alpha, factor_b, factor_a, &beta, add, d, e.bias.data, e.stored.data);
      if (failure) return {failure};
      if (p.whole) return {};
    }
    if (p.in_c && !has_bias(e) && e.kind != EpilogueKind::bias_residual) return {};
    return finish(context, o, c, e, z,
                  {size_t(p.product.d.stride), size_t(p.product.d.batch_stride)},
                  o.accumulate && !p.in_c);
  }

  /// What the library reads: a matrix where it lies, or its elements as float in scratch. Null if
  /// the kernel did not start.
  template <class T>
  static const void* factor(const Context<Cuda>& context, Matrix<const T> m, size_t step,
                            size_t count, size_t widened, Scratch<Cuda>& scratch) {
    if (widened == 0) return m.data;
    float* const to = take_scratch<float>(scratch, widened).data;
    const size_t products = step == 0 ? 1 : count, stride = padded(m.columns);
    const Status status = device::launch(
        context, detail::widen<T>, device::grid_for_each(products * m.rows * m.columns),
        dim3{device::each_threads}, products, m.rows, m.columns, m.data,
        detail::BatchPlace{m.stride, step}, to, detail::BatchPlace{stride, m.rows * stride});
    return status.ok() ? to : nullptr;
  }

  template <class Sum, class C>
  static Status finish(const Context<Cuda>& context, const GemmOptions& o, Matrix<C> c,
                       const Epilogue<C, Cuda>& e, const Sum* z, detail::BatchPlace of_z,
                       bool accumulate) {
    switch (e.kind) {
      case EpilogueKind::bias_gelu:
        return finish_as<EpilogueKind::bias_gelu>(context, o, c, e, z, of_z, accumulate);
      case EpilogueKind::bias_gelu_tanh:
        return finish_as<EpilogueKind::bias_gelu_tanh>(context, o, c, e, z, of_z, accumulate);
      case EpilogueKind::silu_gate:
        return finish_as<EpilogueKind::silu_gate>(context, o, c, e, z, of_z, accumulate);
      case EpilogueKind::none:
      case EpilogueKind::bias:
      case EpilogueKind::bias_residual:
        break;
    }
    return finish_as<EpilogueKind::bias>(context, o, c, e, z, of_z, accumulate);
  }

  template <EpilogueKind kind, class Sum, class C>
  static Status finish_as(const Context<Cuda>& context, const GemmOptions& o, Matrix<C> c,
                          const Epilogue<C, Cuda>& e, const Sum* z, detail::BatchPlace of_z,
                          bool accumulate) {
    const C* const bias = has_bias(e) ? e.bias.data : nullptr;
    const C* const residual = e.kind == EpilogueKind::bias_residual ? e.residual.data : nullptr;
    const auto place = [&](size_t row, size_t step) {
      return detail::BatchPlace{row, o.batch.count > 1 ? step : 0};
    };
    const auto of_residual = place(e.residual.stride, o.batch.residual),
               of_stored = place(e.stored.stride, o.batch.stored),
               of_c = place(c.stride, o.batch.c), of_bias = place(0, o.batch.bias);
    const auto fits = [](const void* data, size_t element, detail::BatchPlace at) {
      const size_t bytes = 4 * element < 16 ? 4 * element : 16;
      return !data || (reinterpret_cast<uintptr_t>(data) % bytes == 0 && at.row % 4 == 0 &&
                       at.matrix % 4 == 0);
    };
    const bool four = c.columns % 4 == 0 && fits(z, sizeof(Sum), of_z) &&
                      fits(bias, sizeof(C), of_bias) && fits(residual, sizeof(C), of_residual) &&
                      fits(e.stored.data, sizeof(C), of_stored) && fits(c.data, sizeof(C), of_c);
    auto function = detail::gemm_epilogue<kind, 1, false, Sum, C>;
    if (four && accumulate) function = detail::gemm_epilogue<kind, 4, true, Sum, C>;
    if (four && !accumulate) function = detail::gemm_epilogue<kind, 4, false, Sum, C>;
    if (!four && accumulate) function = detail::gemm_epilogue<kind, 1, true, Sum, C>;
    const size_t pieces = o.batch.count * c.rows * (c.columns / (four ? 4 : 1));
    return device::launch(context, function, device::grid_for_each(pieces),
                          dim3{device::each_threads}, o.batch.count, c.rows, c.columns, z, of_z,
                          bias, of_bias.matrix, residual, of_residual, e.stored.data, of_stored,
                          c.data, of_c);
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
