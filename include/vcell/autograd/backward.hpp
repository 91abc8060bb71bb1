#pragma once

#include <exception>

#include "vcell/autograd/variable.hpp"
#include "vcell/kernels/axpy.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Visits every node that leads to root, results before their inputs. Uses the links within the
/// nodes, so that nothing is allocated. A node on the stack is kept alive by a reference.
inline void pull_back_from(Node* root) {
  Node* stack = nullptr;
  const auto push = [&](Node* n) {
    n->references.fetch_add(1, std::memory_order_relaxed);
    n->next = stack;
    stack = n;
  };
  const auto pop = [&] {
    Node* n = stack;
    stack = n->next;
    return NodePointer<Node>(n);
  };
  const auto drop = [](const NodePointer<Node>& n) {  // the stack's own reference
    n->references.fetch_sub(1, std::memory_order_relaxed);
  };
  const auto wanted = [](Node* n) { return n && n->requires_gradient; };

  std::exception_ptr failure;
  push(root);
  while (stack) {
    const auto n = pop();
    drop(n);
    if (n->released && !failure)
      failure = std::make_exception_ptr(
          Error("backward: a part of this computation has been through backward already and was "
                "released; compute the result again"));
    for (size_t i = 0; i < n->input_count; ++i)
      if (wanted(n->inputs[i]) && n->inputs[i]->pending++ == 0) push(n->inputs[i]);
  }
  push(root);
  while (stack) {  // after a failure only to leave every counter at zero
    const auto n = pop();
    drop(n);
    if (!failure && n->pull_back) try {
        n->pull_back(*n.get());
      } catch (...) {
        failure = std::current_exception();
      }
    for (size_t i = 0; i < n->input_count; ++i)
      if (wanted(n->inputs[i]) && --n->inputs[i]->pending == 0) push(n->inputs[i]);
    if (n->release && !n->released) n->release(*n.get());
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace detail

/// Adds to the gradient of every parameter that led to y: the derivative of sum(y * cotangent).
/// Parameters keep their gradients, and further calls add to them; intermediate results are
/// released on the way, so one computation can go backward once. Computations that share a
/// parameter must not go backward in two threads at the same time.
///
/// @param y          any shape
/// @param cotangent  the same shape, on the device of y
/// @throws ShapeError if the shapes differ; Error if y depends on no parameter or was released
template <class T, int rank, class Device>
void backward(const Variable<T, rank, Device>& y,
              std::type_identity_t<View<const T, rank>> cotangent) {
  check_shape_match("backward", "shape of y", y.shape(), "shape of cotangent", cotangent.shape);
  if (!y.requires_gradient())
    throw Error(
        "backward: the result depends on no variable that requires a gradient (or was made under "
        "NoGrad)");
  kernel::check_status("backward",
                       kernel::Axpy<Device>::run(T(1), cotangent.flat(), y.gradient().flat()));
  detail::pull_back_from(y.node());
}

/// The same for one number, such as a loss: cotangent 1.
template <class T, class Device>
void backward(const Variable<T, 0, Device>& loss) {
  const T one = 1;
  auto cotangent = Tensor<T, 0, Device>::uninitialized({});
  Memory<Device>::upload(cotangent.data(), &one, sizeof one);
  backward(loss, std::as_const(cotangent).view());
}

VCELL_END_NAMESPACE
