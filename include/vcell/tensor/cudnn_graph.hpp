#pragma once

#include <cudnn.h>

#include <array>
#include <deque>
#include <optional>
#include <string>

#include "vcell/tensor/cudnn_descriptor.hpp"

VCELL_BEGIN_NAMESPACE

/// Four sizes and, in elements, what lies between neighbours along each axis.
struct CudnnPlace {
  std::array<int64_t, 4> sizes, strides;

  /// Row after row without gaps.
  static CudnnPlace dense(int64_t a, int64_t b, int64_t c, int64_t d) {
    return {{a, b, c, d}, {b * c * d, c * d, d, 1}};
  }
  /// The same elements with the last two axes exchanged.
  CudnnPlace transposed() const {
    return {{sizes[0], sizes[1], sizes[3], sizes[2]},
            {strides[0], strides[1], strides[3], strides[2]}};
  }
};

/// Operations on tensors that cuDNN is to do as one: what it calls an operation graph. Sums are
/// float. Every function throws CudaError.
class CudnnGraph {
 public:
  using Tensor = const CudnnDescriptor*;  // as long as the graph

  /// One in memory, aligned to 16 bytes, that is known by a number when the graph is executed.
  Tensor tensor(int64_t id, cudnnDataType_t type, const CudnnPlace& place) {
    return add_tensor(id, type, place, false, false);
  }
  /// A float that the host hands over.
  Tensor scalar(int64_t id) {
    return add_tensor(id, CUDNN_DATA_FLOAT, CudnnPlace::dense(1, 1, 1, 1), false, true);
  }
  /// One that exists between two operations alone.
  Tensor between(cudnnDataType_t type, const CudnnPlace& place) {
    return add_tensor(++virtual_id_, type, place, true, false);
  }

  /// How much of the rows, columns and depth of a product there is, of each batch: (batch, 1, 1, 1)
  /// of int32. Null: all.
  struct Part {
    Tensor rows = nullptr, columns = nullptr, depth = nullptr;
  };
  /// C = A B for the last two axes.
  void product(Tensor a, Tensor b, Tensor c, const Part& part) {
    CudnnDescriptor how(CUDNN_BACKEND_MATMUL_DESCRIPTOR, "a product's type");
    how.set(CUDNN_ATTR_MATMUL_COMP_TYPE, CUDNN_DATA_FLOAT).finalize();
    CudnnDescriptor o(CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR, "a product");
    o.set(CUDNN_ATTR_OPERATION_MATMUL_ADESC, *a)
        .set(CUDNN_ATTR_OPERATION_MATMUL_BDESC, *b)
        .set(CUDNN_ATTR_OPERATION_MATMUL_CDESC, *c)
        .set(CUDNN_ATTR_OPERATION_MATMUL_DESC, how);
    if (part.rows) o.set(CUDNN_ATTR_OPERATION_MATMUL_GEMM_M_OVERRIDE_DESC, *part.rows);
    if (part.columns) o.set(CUDNN_ATTR_OPERATION_MATMUL_GEMM_N_OVERRIDE_DESC, *part.columns);
    if (part.depth) o.set(CUDNN_ATTR_OPERATION_MATMUL_GEMM_K_OVERRIDE_DESC, *part.depth);
    add(std::move(o), std::move(how));
  }
  /// y = mode(x, b), or mode(x, b, choice) of a selection.
  /// @param type  that it is computed in
  void pointwise(cudnnPointwiseMode_t mode, Tensor x, Tensor b, Tensor y, Tensor choice = nullptr,
                 cudnnDataType_t type = CUDNN_DATA_FLOAT) {
    add_pointwise(mode, std::nullopt, x, b, y, choice, type);
  }
  /// y = the index of each element of x along an axis.
  void index(int64_t axis, Tensor x, Tensor y) {
    add_pointwise(CUDNN_POINTWISE_GEN_INDEX, axis, x, nullptr, y, nullptr, CUDNN_DATA_INT32);
  }
  /// y = the sum, largest, ... of x along the axes where y has one element.
  void reduce(cudnnReduceTensorOp_t mode, Tensor x, Tensor y) {
    CudnnDescriptor how(CUDNN_BACKEND_REDUCTION_DESCRIPTOR, "a reduction's type");
    how.set(CUDNN_ATTR_REDUCTION_COMP_TYPE, CUDNN_DATA_FLOAT)
        .set(CUDNN_ATTR_REDUCTION_OPERATOR, mode)
        .finalize();
    CudnnDescriptor o(CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR, "a reduction");
    o.set(CUDNN_ATTR_OPERATION_REDUCTION_XDESC, *x)
        .set(CUDNN_ATTR_OPERATION_REDUCTION_YDESC, *y)
        .set(CUDNN_ATTR_OPERATION_REDUCTION_DESC, how);
    add(std::move(o), std::move(how));
  }
  /// y = x with other sizes or strides.
  void reshape(Tensor x, Tensor y) {
    CudnnDescriptor o(CUDNN_BACKEND_OPERATION_RESHAPE_DESCRIPTOR, "a reshape");
    o.set(CUDNN_ATTR_OPERATION_RESHAPE_XDESC, *x).set(CUDNN_ATTR_OPERATION_RESHAPE_YDESC, *y);
    operations_.push_back(std::move(o.finalize()));
  }

  /// All of it, finalized.
  CudnnDescriptor operation_graph() const {
    CudnnDescriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, "the operation graph");
    graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, operations_).finalize();
    return graph;
  }

 private:
  Tensor add_tensor(int64_t id, cudnnDataType_t type, const CudnnPlace& place, bool is_virtual,
                    bool by_value) {
    CudnnDescriptor t(CUDNN_BACKEND_TENSOR_DESCRIPTOR, "a tensor");
    t.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, id)
        .set(CUDNN_ATTR_TENSOR_DATA_TYPE, type)
        .set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, int64_t(16))
        .set(CUDNN_ATTR_TENSOR_DIMENSIONS, place.sizes.data(), 4)
        .set(CUDNN_ATTR_TENSOR_STRIDES, place.strides.data(), 4);
    if (is_virtual) t.set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, true);
    if (by_value) t.set(CUDNN_ATTR_TENSOR_IS_BY_VALUE, true);
    return &parts_.emplace_back(std::move(t.finalize()));
  }
  void add_pointwise(cudnnPointwiseMode_t mode, std::optional<int64_t> axis, Tensor x, Tensor b,
                     Tensor y, Tensor choice, cudnnDataType_t type) {
    CudnnDescriptor how(CUDNN_BACKEND_POINTWISE_DESCRIPTOR, "a pointwise operation's type");
    how.set(CUDNN_ATTR_POINTWISE_MODE, mode).set(CUDNN_ATTR_POINTWISE_MATH_PREC, type);
    if (axis) how.set(CUDNN_ATTR_POINTWISE_AXIS, *axis);
    how.finalize();
    CudnnDescriptor o(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, "a pointwise operation");
    o.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, how)
        .set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, *x)
        .set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, *y);
    if (b) o.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, *b);
    if (choice) o.set(CUDNN_ATTR_OPERATION_POINTWISE_TDESC, *choice);
    add(std::move(o), std::move(how));
  }
  void add(CudnnDescriptor o, CudnnDescriptor how) {
    operations_.push_back(std::move(o.finalize()));
    parts_.push_back(std::move(how));
  }

  std::deque<CudnnDescriptor> parts_;
  std::vector<CudnnDescriptor> operations_;
  int64_t virtual_id_ = 1000;  // those in memory are below
};

/// How a graph is done on a device. The first of the ways that cuDNN's heuristic (mode A) lists
/// which is there and has no note that results differ from run to run: nothing is timed, so the
/// same graph gets the same way every time.
class CudnnPlan {
 public:
  /// @param device  a descriptor of its properties
  /// @throws CudaError, also if cuDNN knows no way
  CudnnPlan(const CudnnGraph& graph, const CudnnDescriptor& device)
      : graph_(graph.operation_graph()), plan_(first_of(engines(graph_, device), device)) {
    const auto bytes = plan_.get<int64_t>(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, 1);
    workspace_bytes_ = bytes.empty() ? 0 : size_t(bytes[0]);
  }

  /// Ways to do a graph, best first.
  static std::vector<CudnnDescriptor> engines(const CudnnDescriptor& operation_graph,
                                              const CudnnDescriptor& device) {
    CudnnDescriptor asked(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, "a heuristic");
    asked.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, operation_graph)
        .set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_HEUR_MODE_A)
        .set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, device)
        .finalize();
    return asked.get(CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR,
                     "a way of the heuristic");
  }
  /// Whether nothing says that its results differ from run to run.
  static bool is_deterministic(const CudnnDescriptor& way) {
    CudnnDescriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR, "an engine");
    way.get(CUDNN_ATTR_ENGINECFG_ENGINE, engine);
    for (const auto note : engine.get<cudnnBackendNumericalNote_t>(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
                                                                   CUDNN_NUMERICAL_NOTE_TYPE_COUNT))
      if (note == CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC) return false;
    return true;
  }

  cudnnBackendDescriptor_t get() const { return plan_.get(); }
  /// Memory of the device that it works in.
  size_t workspace_bytes() const { return workspace_bytes_; }

 private:
  static CudnnDescriptor first_of(const std::vector<CudnnDescriptor>& ways,
                                  const CudnnDescriptor& device) {
    std::string why;
    for (const CudnnDescriptor& way : ways) {
      if (!is_deterministic(way)) {
        why = "; one differs from run to run";
        continue;
      }
      try {
        CudnnDescriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, "an execution plan");
        plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, way)
            .set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, device)
            .finalize();
        return plan;
      } catch (const CudaError& error) {
        why = message("; ", error.what());
      }
    }
    throw CudaError(message("cuDNN has no way to do it on this device, of ", ways.size(),
                            " that its heuristic names", why));
  }

  CudnnDescriptor graph_, plan_;
  size_t workspace_bytes_ = 0;
};

VCELL_END_NAMESPACE
