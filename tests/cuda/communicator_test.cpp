// One rank by itself and by NCCL.
#include "vcell/tensor/communicator.hpp"

#include "support/catch.hpp"
#include "vcell/tensor/nccl_communicator.hpp"
//
#include "cuda/support/device.hpp"
#include "vcell/tensor/copy.hpp"

using namespace vcell;
using vcell_test::contains;

static_assert(Communicator<SingleProcess, Cuda>);
static_assert(Communicator<NcclCommunicator, Cuda>);
static_assert(!Communicator<NcclCommunicator, Cpu>);

namespace {

template <class T>
Tensor<T, 1> counted(size_t n) {
  Tensor<T, 1> x({n});
  for (size_t i = 0; i < n; ++i) x[i] = T(i + 1);
  return x;
}

/// What one rank exchanges stays what it is, in the order of the context.
template <class T, class C>
void check_one_rank(const C& all, const Context<Cuda>& context) {
  const UseContext use(context);
  for (const size_t n : {0, 1, 1000}) {
    const auto expected = counted<T>(n);
    auto x = to_device<Cuda>(expected);
    all.all_reduce_sum(context, x.view());
    all.broadcast(context, x.view(), 0);
    const auto found = to_host(x.view());
    CHECK(std::equal(found.values().begin(), found.values().end(), expected.values().begin()));
  }
  CHECK_THROWS_WITH(all.broadcast(context, View<T, 1, Cuda>{}, 1),
                    contains("broadcast: root is 1, expected a rank below 1"));
  all.barrier(context);
  CHECK(all.rank() == 0);
  CHECK(all.size() == 1);
}

}  // namespace

TEST_CASE("cuda communicator: a single process", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const Context<Cuda> context;
  check_one_rank<float>(SingleProcess(), context);
  check_one_rank<double>(SingleProcess(), context);
}

TEST_CASE("cuda communicator: NCCL with one rank", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const Context<Cuda> context, other;
  const NcclCommunicator all(context, NcclCommunicator::make_id(), 0, 1);
  check_one_rank<float>(all, context);
  check_one_rank<double>(all, context);
  check_one_rank<int32_t>(all, context);
  check_one_rank<uint64_t>(all, context);
  check_one_rank<float>(all, other);  // of the same device
  all.barrier(other);
}

TEST_CASE("cuda communicator: NCCL's ranks are checked", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const Context<Cuda> context;
  const auto id = NcclCommunicator::make_id();
  CHECK_THROWS_AS(NcclCommunicator(context, id, 1, 1), ConfigError);
  CHECK_THROWS_WITH(NcclCommunicator(context, id, 2, 2),
                    contains("NcclCommunicator: rank is 2, expected one below 2"));
}

#if defined(VCELL_EMULATE_CUDA)
TEST_CASE("cuda communicator: errors of NCCL name call and function", "[cuda]") {
  const Context<Cuda> context;
  CHECK_THROWS_WITH(NcclCommunicator(context, NcclCommunicator::make_id(), 0, 2),
                    contains("NcclCommunicator: ncclCommInitRank of rank 0 of 2 failed: invalid "
                             "usage"));
  const NcclCommunicator all(context, NcclCommunicator::make_id(), 0, 1);
  float host = 1;
  CHECK_THROWS_AS(all.all_reduce_sum(context, View<float, 1, Cuda>{&host, {1}}), CudaError);
  CHECK_THROWS_WITH(all.all_reduce_sum(context, View<float, 1, Cuda>{&host, {1}}),
                    contains("NcclCommunicator::all_reduce_sum: ncclAllReduce of 1 elements "
                             "failed: unhandled cuda error"));
}

TEST_CASE("cuda communicator: work is ordered, and what is made is destroyed", "[cuda]") {
  const Context<Cuda> context, other;
  {
    const NcclCommunicator all(context, NcclCommunicator::make_id(), 0, 1);
    CHECK(vcell_emulation::live_communicators().size() == 1);
    const UseContext use(context);
    Tensor<float, 1, Cuda> x({4});
    CHECK_THROWS_WITH(all.all_reduce_sum(other, x.view()), contains("does not wait for it"));
    other.wait_for(context);
    all.all_reduce_sum(other, x.view());
    CHECK_THROWS_WITH(x.zero(), contains("does not wait for it"));
    context.wait_for(other);
  }
  CHECK(vcell_emulation::live_communicators().empty());
}

TEST_CASE("cuda communicator: each device has one of its own", "[cuda]") {
  const vcell_emulation::Pretend two{{.devices = 2}};
  const Context<Cuda> first(0), second(1);
  const NcclCommunicator all(second, NcclCommunicator::make_id(), 0, 1);
  check_one_rank<float>(all, second);
  CHECK_THROWS_WITH(all.barrier(first), contains("the context is of device 0 and the communicator "
                                                 "of device 1"));
}
#endif
