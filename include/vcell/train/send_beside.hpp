#pragma once

#include <optional>
#include <span>
#include <vector>

#include "vcell/autograd/send.hpp"

VCELL_BEGIN_NAMESPACE

/// Brings batches from the host to a device beside what is computed there. Each goes to a place of
/// its own, in a context of its own, while the batch before is still worked on; from there the
/// current context copies it to where its work finds it, in its turn. So the host waits for the
/// copies of one batch at most, and never for the work; leaves keep their memory, as recorded work
/// needs it.
///
///   SendBeside<float, Cuda> sender(true);
///   for (...) {
///     sender.send(batch);  // queued beside the step before
///     queue_step();
///   }
///
/// A device whose memory the host may touch computes at once: there it is send() alone.
template <class T, class Device>
class SendBeside {
 public:
  /// Values and the leaf that they are for, which becomes one of their shape.
  struct Item {
    View<const T, 3> values = {};
    Variable<T, 3, Device>* leaf = nullptr;
  };

  /// send() alone, for who waits after each batch anyway.
  SendBeside() = default;
  /// @param beside  whether it is what it is called
  explicit SendBeside(bool beside) : is_beside_(beside) {}

  /// Queues a batch: what is queued in the current context from now on finds it in its leaves. The
  /// values may change at once.
  /// @param batch  as many items every time, in the same order
  void send(std::span<const Item> batch) {
    if (readable_on_host<Device> || !is_beside_) {
      for (const auto& [values, leaf] : batch) vcell::send(values.values(), values.shape, *leaf);
      return;
    }
    const Context<Device>& computing = current_context<Device>();
    if (!copying_) copying_.emplace(computing.beside());
    upload(batch);
    computing.wait_for(*copying_);
    for (size_t i = 0; i < batch.size(); ++i) {
      const auto& [values, leaf] = batch[i];
      if (!*leaf || leaf->shape() != values.shape)
        *leaf = Variable<T, 3, Device>(Tensor<T, 3, Device>::uninitialized(values.shape));
      Memory<Device>::copy(computing, leaf->mutable_value().data, places_[i].data(),
                           values.count() * sizeof(T));
    }
    copying_->wait_for(computing);  // the next batch, for these copies but not for the work
  }

 private:
  void upload(std::span<const Item> batch) {
    const UseContext use(*copying_);
    places_.resize(batch.size());
    for (size_t i = 0; i < batch.size(); ++i) {
      const auto values = batch[i].values;
      if (places_[i].shape() != values.shape) {
        places_[i] = {};  // before there is another one
        places_[i] = Tensor<T, 3, Device>::uninitialized(values.shape);
      }
      Memory<Device>::upload(*copying_, places_[i].data(), values.data, values.count() * sizeof(T));
    }
  }

  bool is_beside_ = false;
  std::optional<Context<Device>> copying_;
  std::vector<Tensor<T, 3, Device>> places_;  // each belongs to that context
};

VCELL_END_NAMESPACE
