#pragma once

#include <exception>

#include "vcell/autograd/make_variable.hpp"
#include "vcell/autograd/with_targets.hpp"
#include "vcell/core/instantiate.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Visits every result that leads to root, results before their inputs, and pulls back. Leaves are
/// only written to. Uses the links within the nodes, so that nothing is allocated. A node on the
/// stack is kept alive by a reference. A pull-back may itself go backward, through results of its
/// own.
inline void pull_back_from(Node* root) {
  Node* stack = nullptr;
  const void* const self = &stack;  // tells this traversal from one that it runs within
  const auto push = [&](Node* n) {
    n->references.fetch_add(1, std::memory_order_relaxed);
    n->next = stack;
    stack = n;
  };
  const auto pop = [&] {
    Node* n = stack;
    stack = n->next;
    NodePointer<Node> held(n);
    n->references.fetch_sub(1, std::memory_order_relaxed);  // the stack's own
    return held;
  };
  const auto is_result = [](Node* n) {
    return n && n->requires_gradient && (n->pull_back || n->released);
  };

  std::exception_ptr failure;
  const auto fail_once = [&](const char* why) {
    if (!failure) failure = std::make_exception_ptr(Error(why));
  };
  if (is_result(root)) push(root);
  while (stack) {
    const auto n = pop();
    n->visitor = self;
    if (n->released)
      fail_once(
          "backward: a part of this computation has been through backward already and was "
          "released; compute the result again, or pass it as an input to what is recomputed");
    for (size_t i = 0; i < n->input_count; ++i) {
      Node* input = n->inputs[i];
      if (!is_result(input)) continue;
      if (input->visitor && input->visitor != self) {
        fail_once(
            "backward: within another backward a result of that one was reached that is still "
            "under way; a function that is recomputed takes such results as inputs");
        continue;
      }
      if (input->pending++ == 0) push(input);
    }
  }
  if (is_result(root)) push(root);
  while (stack) {  // after a failure only to leave every counter at zero
    const auto n = pop();
    if (!failure && !n->released) try {
        n->pull_back(*n.get());
      } catch (...) {
        failure = std::current_exception();
      }
    for (size_t i = 0; i < n->input_count; ++i) {
      Node* input = n->inputs[i];
      if (is_result(input) && input->visitor == self && --input->pending == 0) push(input);
    }
    n->visitor = nullptr;
    if (!n->released) n->release(*n.get());
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace detail

/// Adds to the gradient of every parameter that led to y: the derivative of sum(y * cotangent).
/// Parameters keep their gradients, and further calls add to them until they are cleared;
/// intermediate results are released on the way, so one computation can go backward once.
/// Computations that share a parameter must not go backward in two threads at the same time. The
/// work is queued in the context that is current at the call. After an error gradients are
/// unspecified until they are cleared.
///
/// @param y          any shape
/// @param cotangent  the same shape, on the device of y
/// @throws ShapeError if the shapes differ; Error if y depends on no parameter or was released
template <class T, int rank, class Device>
void backward(const Variable<T, rank, Device>& y,
              std::type_identity_t<View<const T, rank, Device>> cotangent) {
  check_shape_match("backward", "shape of y", y.shape(), "shape of cotangent", cotangent.shape);
  if (!y.requires_gradient())
    throw Error(
        "backward: the result depends on no variable that requires a gradient (or was made under "
        "NoGrad)");
  detail::pull_copy("backward", cotangent, y.gradient_target());
  detail::pull_back_from(y.node());
}

/// The same for one number, such as a loss: cotangent 1.
template <class T, class Device>
void backward(const Variable<T, 0, Device>& loss) {
  const T one = 1;
  const Tensor<T, 0, Device> cotangent({}, {&one, 1});
  backward(loss, cotangent.view());
}

VCELL_INSTANTIATE(ops, void backward(const Variable<float, 0>&, View<const float, 0>));
VCELL_INSTANTIATE(ops, void backward(const Variable<float, 1>&, View<const float, 1>));
VCELL_INSTANTIATE(ops, void backward(const Variable<float, 2>&, View<const float, 2>));
VCELL_INSTANTIATE(ops, void backward(const Variable<float, 3>&, View<const float, 3>));
VCELL_INSTANTIATE(ops, void backward(const Variable<float, 0>&));

VCELL_END_NAMESPACE
