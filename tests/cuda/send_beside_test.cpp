// Batches that are copied to the GPU while it computes.
#include "support/catch.hpp"
#include "vcell/tensor/memory_cuda.hpp"
//
#include "cuda/support/device.hpp"
#include "support/random_tensor.hpp"
#include "vcell/tensor/copy.hpp"
#include "vcell/train/send_beside.hpp"

namespace {

using namespace vcell;
using Leaf = Variable<float, 3, Cuda>;

Tensor<float, 3> values_of(size_t batch, size_t columns) {
  return vcell_test::random_tensor<float, 3>({2, 3, columns}, batch);
}

/// Work of a step: a copy of the batch, from where it is found.
Tensor<float, 3, Cuda> queue_step(const Leaf& leaf) {
  auto found = Tensor<float, 3, Cuda>::uninitialized(leaf.shape());
  Memory<Cuda>::copy(current_context<Cuda>(), found.data(), leaf.value().data,
                     leaf.count() * sizeof(float));
  return found;
}

}  // namespace

TEST_CASE("cuda send beside: each step finds its batch, and leaves stay where they are", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const Context<Cuda> context;
  const UseContext use(context);
  for (const bool is_beside : {false, true}) {
    SendBeside<float, Cuda> sender(is_beside);
    Leaf first, second;
    std::vector<Tensor<float, 3, Cuda>> found;
    const float* place = nullptr;
    // The second leaf changes its shape at last.
    const auto width = [](size_t batch) { return batch < 6 ? size_t(140) : size_t(150); };
    for (size_t batch = 0; batch < 8; ++batch) {
      auto a = values_of(2 * batch, 141), b = values_of(2 * batch + 1, width(batch));
      const SendBeside<float, Cuda>::Item items[] = {{std::as_const(a).view(), &first},
                                                     {std::as_const(b).view(), &second}};
      sender.send(items);
      a.zero(), b.zero();  // they may change at once
      if (batch == 0) place = first.value().data;
      CHECK(first.value().data == place);
      CHECK(second.shape(2) == width(batch));
      found.push_back(queue_step(first));
      found.push_back(queue_step(second));
    }
    for (size_t i = 0; i < found.size(); ++i) {
      const auto expected = values_of(i, found[i].shape(2));
      const auto there = to_host(std::as_const(found[i]).view());
      CHECK(std::ranges::equal(there.values(), expected.values()));
    }
  }
}

#if defined(VCELL_EMULATE_CUDA)
TEST_CASE("cuda send beside: a batch waits for the copies of the one before, not for its work",
          "[cuda]") {
  using namespace vcell_emulation;
  const Context<Cuda> context;
  const UseContext use(context);
  auto& device = Device::instance();
  const Stream& computing = *context.stream();
  const auto now = [&] { return computing.past.at(computing.number); };
  SendBeside<float, Cuda> sender(true);
  Leaf leaf;
  uint64_t before_work = 0;  // when the last batch had been copied
  size_t uploads = 0;
  device.on_upload = [&](const Stream& stream, size_t bytes) {
    CHECK(&stream != &computing);
    CHECK(bytes == 2 * 3 * 100 * sizeof(float));
    if (++uploads == 1) return;
    CHECK(knows(stream.past, computing.number, before_work));
    // Nor has the host waited, which all streams would know.
    CHECK_FALSE(knows(stream.past, computing.number, before_work + 2));
    CHECK(now() > before_work + 2);
  };
  for (size_t batch = 0; batch < 5; ++batch) {
    const auto values = values_of(batch, 100);
    const SendBeside<float, Cuda>::Item items[] = {{values.view(), &leaf}};
    sender.send(items);
    before_work = now() - 1;  // the event that the next batch waits for is a step, too
    for (int i = 0; i < 3; ++i) queue_step(leaf);
  }
  device.on_upload = nullptr;
  CHECK(uploads == 5);
  context.synchronize();
}
#endif
