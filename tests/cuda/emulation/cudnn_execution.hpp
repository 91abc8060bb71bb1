// How the stand-in for cuDNN (toolkit/cudnn.h) finalizes descriptors and does a graph.
#pragma once

#include <cmath>
#include <functional>
#include <limits>

#include "cuda/emulation/cudnn_graph.hpp"
#include "vcell/core/bfloat16.hpp"

namespace vcell_emulation {

/// Sizes along four axes, of which one of 1 is broadcast.
inline bool fits(const std::vector<int64_t>& small, const std::vector<int64_t>& large) {
  for (size_t i = 0; i < 4; ++i)
    if (small[i] != large[i] && small[i] != 1) return false;
  return true;
}

/// Why an operation is none; empty where it is one.
inline std::string wrong(const CudnnDescriptor& o) {
  const auto of = [&](int name) { return sizes_of(*o.part(name)); };
  if (o.type == CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR) {
    const auto a = of(CUDNN_ATTR_OPERATION_MATMUL_ADESC), b = of(CUDNN_ATTR_OPERATION_MATMUL_BDESC),
               c = of(CUDNN_ATTR_OPERATION_MATMUL_CDESC);
    if (a[3] != b[2] || a[2] != c[2] || b[3] != c[3]) return "sizes of a product";
    if (a[0] != c[0] || a[1] != c[1] || b[0] != c[0] || b[1] != c[1]) return "batches of a product";
    for (const int name : {CUDNN_ATTR_OPERATION_MATMUL_GEMM_M_OVERRIDE_DESC,
                           CUDNN_ATTR_OPERATION_MATMUL_GEMM_N_OVERRIDE_DESC,
                           CUDNN_ATTR_OPERATION_MATMUL_GEMM_K_OVERRIDE_DESC})
      if (const auto* const part = o.part(name))
        if (sizes_of(*part) != std::vector<int64_t>{c[0], 1, 1, 1} ||
            type_of(*part) != CUDNN_DATA_INT32)
          return "an override";
  }
  if (o.type == CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR) {
    const auto& how = *o.part(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR);
    const auto mode = how.get<cudnnPointwiseMode_t>(CUDNN_ATTR_POINTWISE_MODE);
    const bool one = mode == CUDNN_POINTWISE_EXP || mode == CUDNN_POINTWISE_LOG ||
                     mode == CUDNN_POINTWISE_GEN_INDEX;
    if (one == o.has(CUDNN_ATTR_OPERATION_POINTWISE_BDESC)) return "operands of an operation";
    if ((mode == CUDNN_POINTWISE_BINARY_SELECT) != o.has(CUDNN_ATTR_OPERATION_POINTWISE_TDESC))
      return "the choice of a selection";
    if ((mode == CUDNN_POINTWISE_GEN_INDEX) != how.has(CUDNN_ATTR_POINTWISE_AXIS))
      return "the axis of an index";
    const auto y = of(CUDNN_ATTR_OPERATION_POINTWISE_YDESC);
    for (const int name :
         {CUDNN_ATTR_OPERATION_POINTWISE_XDESC, CUDNN_ATTR_OPERATION_POINTWISE_BDESC,
          CUDNN_ATTR_OPERATION_POINTWISE_TDESC})
      if (o.has(name) && !fits(of(name), y)) return "sizes of an operation";
  }
  if (o.type == CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR &&
      !fits(of(CUDNN_ATTR_OPERATION_REDUCTION_YDESC), of(CUDNN_ATTR_OPERATION_REDUCTION_XDESC)))
    return "sizes of a reduction";
  return "";
}

/// Every tensor between operations is written once, before it is read; what is in memory is read
/// or written, but for along, which backward works in.
inline std::string wrong_graph(const CudnnDescriptor& graph) {
  std::set<int64_t> written;
  for (const auto& o : graph.values.at(CUDNN_ATTR_OPERATIONGRAPH_OPS).descriptors) {
    const auto tensors = tensors_of(*o);
    for (size_t i = 0; i + 1 < tensors.size(); ++i)
      if (is_virtual(*tensors[i]) && !written.count(id_of(*tensors[i])))
        return "a virtual tensor is read before it is written";
    if (is_by_value(*tensors.back()) || !written.insert(id_of(*tensors.back())).second)
      return "a tensor is written twice";
  }
  return "";
}

inline cudnnStatus_t finalize(const std::shared_ptr<CudnnDescriptor>& d) {
  auto& state = CudnnState::instance();
  if (!d || d->is_final) return CUDNN_STATUS_BAD_PARAM;
  for (const auto& [name, attribute] : cudnn_attributes())
    if (attribute.of == d->type && attribute.is_needed && !d->has(name))
      return state.refuse(CUDNN_STATUS_BAD_PARAM, "an attribute is missing");
  std::string why;
  if (d->type == CUDNN_BACKEND_TENSOR_DESCRIPTOR) {
    if (sizes_of(*d).size() != 4 || d->all<int64_t>(CUDNN_ATTR_TENSOR_STRIDES).size() != 4)
      why = "sizes and strides of a tensor";
    for (const int64_t size : sizes_of(*d))
      if (size < 1) why = "a size of a tensor";
  }
  if (d->type == CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR ||
      d->type == CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR ||
      d->type == CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR)
    why = wrong(*d);
  if (d->type == CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR) why = wrong_graph(*d);
  if (d->type == CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR &&
      !state.handles.count(d->get<cudnnHandle_t>(CUDNN_ATTR_DEVICEPROP_HANDLE)))
    why = "a handle that is none";
  if (d->type == CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR &&
      d->all<int64_t>(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS).size() !=
          d->all<void*>(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS).size())
    why = "as many numbers as addresses";
  if (!why.empty()) return state.refuse(CUDNN_STATUS_BAD_PARAM, why);
  if (d->type == CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR) ++state.plans;
  d->is_final = true;
  return CUDNN_STATUS_SUCCESS;
}

/// What a plan works in.
inline int64_t workspace_of(const CudnnDescriptor& graph) {
  int64_t bytes = 256;
  for (const auto& o : graph.values.at(CUDNN_ATTR_OPERATIONGRAPH_OPS).descriptors)
    for (const auto* const t : tensors_of(*o)) {
      const auto n = sizes_of(*t);
      if (is_virtual(*t) && type_of(*t) == CUDNN_DATA_BFLOAT16)
        bytes = std::max(bytes, 2 * n[0] * n[1] * n[2] * n[3]);
    }
  return bytes;
}

inline cudnnStatus_t get_attribute(const std::shared_ptr<CudnnDescriptor>& d,
                                   cudnnBackendAttributeName_t name,
                                   cudnnBackendAttributeType_t type, int64_t most, int64_t* count,
                                   void* values) {
  auto& state = CudnnState::instance();
  if (!d || !d->is_final) return CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED;
  const auto fill = [&](size_t i, auto change) {
    const auto to = state.at(static_cast<void**>(values)[i]);
    if (!to || to->is_final) return false;
    change(*to);
    return to->is_final = true;
  };
  if (name == CUDNN_ATTR_ENGINEHEUR_RESULTS && type == CUDNN_TYPE_BACKEND_DESCRIPTOR) {
    // As many as there are at most are told of before; two fit attention, the first at random.
    const auto graph = d->values.at(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH).descriptors.at(0);
    *count = most == 0 ? 3 : is_attention(*graph) ? std::min<int64_t>(most, 2) : 0;
    for (size_t i = 0; most && i < size_t(*count); ++i)
      if (!fill(i, [&](auto& way) { way.is_random = i == 0, way.graph = graph; }))
        return CUDNN_STATUS_BAD_PARAM;
    return CUDNN_STATUS_SUCCESS;
  }
  *count = 1;
  if (name == CUDNN_ATTR_ENGINECFG_ENGINE && d->type == CUDNN_BACKEND_ENGINECFG_DESCRIPTOR)
    return fill(0, [&](auto& engine) { engine.is_random = d->is_random; }) ? CUDNN_STATUS_SUCCESS
                                                                           : CUDNN_STATUS_BAD_PARAM;
  if (name == CUDNN_ATTR_ENGINE_NUMERICAL_NOTE && type == CUDNN_TYPE_NUMERICAL_NOTE && most > 1) {
    auto* const notes = static_cast<cudnnBackendNumericalNote_t*>(values);
    notes[0] = CUDNN_NUMERICAL_NOTE_TENSOR_CORE;
    if (d->is_random) notes[(*count)++] = CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC;
    return CUDNN_STATUS_SUCCESS;
  }
  if (name == CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE && type == CUDNN_TYPE_INT64) {
    const auto& way = *d->part(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG);
    *static_cast<int64_t*>(values) = workspace_of(*way.graph);
    return CUDNN_STATUS_SUCCESS;
  }
  return CUDNN_STATUS_BAD_PARAM;
}

/// The numbers of a tensor, row after row.
struct CudnnNumbers {
  std::vector<int64_t> sizes;
  std::vector<float> values;

  float& at(int64_t a, int64_t b, int64_t c, int64_t d) {
    const auto in = [&](size_t axis, int64_t i) { return sizes[axis] == 1 ? 0 : i; };
    return values[size_t(((in(0, a) * sizes[1] + in(1, b)) * sizes[2] + in(2, c)) * sizes[3] +
                         in(3, d))];
  }
};
inline void for_each_place(const std::vector<int64_t>& n,
                           const std::function<void(int64_t, int64_t, int64_t, int64_t)>& f) {
  for (int64_t a = 0; a < n[0]; ++a)
    for (int64_t b = 0; b < n[1]; ++b)
      for (int64_t c = 0; c < n[2]; ++c)
        for (int64_t d = 0; d < n[3]; ++d) f(a, b, c, d);
}
inline size_t offset_of(const CudnnDescriptor& t, int64_t a, int64_t b, int64_t c, int64_t d) {
  const auto s = t.all<int64_t>(CUDNN_ATTR_TENSOR_STRIDES);
  return size_t(a * s[0] + b * s[1] + c * s[2] + d * s[3]);
}

/// Does the operations of a graph one by one, with every tensor between them rounded as it says.
class CudnnRun {
 public:
  CudnnRun(const CudnnDescriptor& graph, std::map<int64_t, void*> places)
      : places_(std::move(places)) {
    for (const auto& o : graph.values.at(CUDNN_ATTR_OPERATIONGRAPH_OPS).descriptors) {
      const auto tensors = tensors_of(*o);
      CudnnNumbers& y = numbers_[id_of(*tensors.back())];
      y.sizes = sizes_of(*tensors.back());
      y.values.assign(size_t(y.sizes[0] * y.sizes[1] * y.sizes[2] * y.sizes[3]), 0);
      if (o->type == CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR) product(*o, y);
      if (o->type == CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR) pointwise(*o, y);
      if (o->type == CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR) reduce(*o, y);
      if (o->type == CUDNN_BACKEND_OPERATION_RESHAPE_DESCRIPTOR) reshape(*o, y);
      if (type_of(*tensors.back()) == CUDNN_DATA_BFLOAT16)
        for (float& x : y.values) x = vcell::bfloat16(x);
      if (!is_virtual(*tensors.back())) store(*tensors.back(), y);
    }
  }

 private:
  CudnnNumbers& read(const CudnnDescriptor& t) {
    if (const auto known = numbers_.find(id_of(t));
        known != numbers_.end() && known->second.sizes == sizes_of(t))
      return known->second;
    const void* const data = places_.at(id_of(t));
    CudnnNumbers& x = loaded_[&t];
    x.sizes = sizes_of(t);
    x.values.clear();
    for_each_place(x.sizes, [&](auto... i) {
      const size_t e = offset_of(t, i...);
      x.values.push_back(
          type_of(t) == CUDNN_DATA_BFLOAT16 ? float(static_cast<const vcell::bfloat16*>(data)[e])
          : type_of(t) == CUDNN_DATA_INT32  ? float(static_cast<const int32_t*>(data)[e])
                                            : static_cast<const float*>(data)[e]);
    });
    return x;
  }
  void store(const CudnnDescriptor& t, CudnnNumbers& x) {
    void* const data = places_.at(id_of(t));
    for_each_place(x.sizes, [&](auto... i) {
      const size_t e = offset_of(t, i...);
      if (type_of(t) == CUDNN_DATA_BFLOAT16)
        static_cast<vcell::bfloat16*>(data)[e] = vcell::bfloat16(x.at(i...));
      else
        static_cast<float*>(data)[e] = x.at(i...);
    });
  }
  /// What lies beyond an override is anything: NaN here.
  void product(const CudnnDescriptor& o, CudnnNumbers& y) {
    CudnnNumbers &a = read(*o.part(CUDNN_ATTR_OPERATION_MATMUL_ADESC)),
                 &b = read(*o.part(CUDNN_ATTR_OPERATION_MATMUL_BDESC));
    // How much there is of each batch.
    const auto part = [&](int name, int64_t otherwise) {
      std::vector<int64_t> all(size_t(y.sizes[0]), otherwise);
      if (const auto* const t = o.part(name))
        for (size_t i = 0; i < all.size(); ++i) all[i] = int64_t(read(*t).values[i]);
      return all;
    };
    const auto rows = part(CUDNN_ATTR_OPERATION_MATMUL_GEMM_M_OVERRIDE_DESC, y.sizes[2]),
               columns = part(CUDNN_ATTR_OPERATION_MATMUL_GEMM_N_OVERRIDE_DESC, y.sizes[3]),
               depth = part(CUDNN_ATTR_OPERATION_MATMUL_GEMM_K_OVERRIDE_DESC, a.sizes[3]);
    for_each_place(y.sizes, [&](int64_t i, int64_t h, int64_t row, int64_t column) {
      double sum = 0;
      for (int64_t k = 0; k < depth[size_t(i)]; ++k)
        sum += double(a.at(i, h, row, k)) * double(b.at(i, h, k, column));
      const bool is_there = row < rows[size_t(i)] && column < columns[size_t(i)];
      y.at(i, h, row, column) = is_there ? float(sum) : std::numeric_limits<float>::quiet_NaN();
    });
  }
  void pointwise(const CudnnDescriptor& o, CudnnNumbers& y) {
    const auto& how = *o.part(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR);
    const auto mode = how.get<cudnnPointwiseMode_t>(CUDNN_ATTR_POINTWISE_MODE);
    const auto axis = size_t(how.get<int64_t>(CUDNN_ATTR_POINTWISE_AXIS));
    CudnnNumbers& x = read(*o.part(CUDNN_ATTR_OPERATION_POINTWISE_XDESC));
    const auto operand = [&](int name) { return o.has(name) ? &read(*o.part(name)) : nullptr; };
    CudnnNumbers* const second = operand(CUDNN_ATTR_OPERATION_POINTWISE_BDESC);
    CudnnNumbers* const choice = operand(CUDNN_ATTR_OPERATION_POINTWISE_TDESC);
    for_each_place(y.sizes, [&](auto... i) {
      const float u = x.at(i...), v = second ? second->at(i...) : 0;
      float& to = y.at(i...);
      switch (mode) {
        case CUDNN_POINTWISE_ADD:
          to = u + v;
          break;
        case CUDNN_POINTWISE_MUL:
          to = u * v;
          break;
        case CUDNN_POINTWISE_DIV:
          to = u / v;
          break;
        case CUDNN_POINTWISE_SUB:
          to = u - v;
          break;
        case CUDNN_POINTWISE_EXP:
          to = std::exp(u);
          break;
        case CUDNN_POINTWISE_LOG:
          to = std::log(u);
          break;
        case CUDNN_POINTWISE_CMP_LT:
          to = u < v;
          break;
        case CUDNN_POINTWISE_LOGICAL_AND:
          to = u != 0 && v != 0;
          break;
        case CUDNN_POINTWISE_GEN_INDEX:
          to = float(std::array<int64_t, 4>{i...}[axis]);
          break;
        case CUDNN_POINTWISE_BINARY_SELECT:
          to = choice->at(i...) != 0 ? u : v;
          break;
      }
    });
  }
  void reduce(const CudnnDescriptor& o, CudnnNumbers& y) {
    CudnnNumbers& x = read(*o.part(CUDNN_ATTR_OPERATION_REDUCTION_XDESC));
    const bool is_max =
        o.part(CUDNN_ATTR_OPERATION_REDUCTION_DESC)
            ->get<cudnnReduceTensorOp_t>(CUDNN_ATTR_REDUCTION_OPERATOR) == CUDNN_REDUCE_TENSOR_MAX;
    if (is_max)
      std::fill(y.values.begin(), y.values.end(), -std::numeric_limits<float>::infinity());
    for_each_place(x.sizes, [&](auto... i) {
      float& to = y.at(i...);
      to = is_max ? std::max(to, x.at(i...)) : to + x.at(i...);
    });
  }
  /// Of the same elements in memory: an element moves to where the strides of the other find it.
  void reshape(const CudnnDescriptor& o, CudnnNumbers& y) {
    const auto &of_x = *o.part(CUDNN_ATTR_OPERATION_RESHAPE_XDESC),
               &of_y = *o.part(CUDNN_ATTR_OPERATION_RESHAPE_YDESC);
    CudnnNumbers& x = read(of_x);
    std::map<size_t, float> memory;
    for_each_place(x.sizes, [&](auto... i) { memory[offset_of(of_x, i...)] = x.at(i...); });
    for_each_place(y.sizes, [&](auto... i) { y.at(i...) = memory.at(offset_of(of_y, i...)); });
  }

  std::map<int64_t, void*> places_;
  std::map<int64_t, CudnnNumbers> numbers_;
  std::map<const CudnnDescriptor*, CudnnNumbers> loaded_;
};

inline cudnnStatus_t execute(const cudnnContext& handle,
                             const std::shared_ptr<CudnnDescriptor>& plan,
                             const std::shared_ptr<CudnnDescriptor>& pack) {
  auto& state = CudnnState::instance();
  auto& device = Device::instance();
  if (!plan || !pack || !plan->is_final || !pack->is_final)
    return CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED;
  const auto& way = *plan->part(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG);
  if (way.is_random) throw Failure("emulation: a plan of cuDNN differs from run to run");
  const auto ids = pack->all<int64_t>(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS);
  const auto addresses = pack->all<void*>(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS);
  std::map<int64_t, void*> places;
  for (size_t i = 0; i < ids.size(); ++i) places[ids[i]] = addresses[i];
  std::map<void*, bool> uses;  // whether it is written
  std::map<int64_t, std::shared_ptr<float>> by_value;
  for (const auto& o : way.graph->values.at(CUDNN_ATTR_OPERATIONGRAPH_OPS).descriptors) {
    const auto tensors = tensors_of(*o);
    for (const auto* const t : tensors) {
      if (is_virtual(*t)) continue;
      if (!places.count(id_of(*t)))
        return state.refuse(CUDNN_STATUS_BAD_PARAM, "a tensor has no address");
      void* const data = places[id_of(*t)];
      if (is_by_value(*t)) {  // read now, whenever the work is done
        if (device.holds(data, 1))
          return state.refuse(CUDNN_STATUS_BAD_PARAM, "a number of the host is on the device");
        by_value[id_of(*t)] = std::make_shared<float>(*static_cast<const float*>(data));
        continue;
      }
      const auto n = sizes_of(*t);
      const size_t last = offset_of(*t, n[0] - 1, n[1] - 1, n[2] - 1, n[3] - 1);
      const size_t bytes = (last + 1) * (type_of(*t) == CUDNN_DATA_BFLOAT16 ? 2 : 4);
      if (!device.holds(data, bytes))
        return state.refuse(CUDNN_STATUS_BAD_PARAM, "a tensor does not lie on the device");
      if (reinterpret_cast<uintptr_t>(data) %
          size_t(t->get<int64_t>(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT)))
        return CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER;
      uses[data] = uses[data] || t == tensors.back();
    }
  }
  void* const workspace = pack->get<void*>(CUDNN_ATTR_VARIANT_PACK_WORKSPACE);
  const size_t bytes = size_t(workspace_of(*way.graph));
  if (!device.holds(workspace, bytes))
    return state.refuse(CUDNN_STATUS_BAD_PARAM, "the workspace is too small");
  for (const auto& [data, is_written] : uses)
    if (data >= workspace && data < static_cast<char*>(workspace) + bytes)
      return state.refuse(CUDNN_STATUS_BAD_PARAM, "a tensor lies in the workspace");
  uses[workspace] = true;
  ++state.executions;
  do_or_record(handle.stream, [=, graph = way.graph](Device& there, Stream& on) {
    there.step(on);
    for (const auto& [data, is_written] : uses) there.note_use(on, data, is_written);
    std::memset(workspace, 0xff, bytes);
    auto now = places;
    for (const auto& [id, value] : by_value) now[id] = value.get();
    CudnnRun(*graph, now);
  });
  return CUDNN_STATUS_SUCCESS;
}

}  // namespace vcell_emulation
