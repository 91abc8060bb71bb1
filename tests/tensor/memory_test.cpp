#include <algorithm>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "support/address_limit.hpp"
#include "support/forked.hpp"
#include "support/sanitized.hpp"
#include "support/threads.hpp"
#include "vcell/tensor/buffer.hpp"
#include "vcell/tensor/memory_cpu.hpp"
#include "vcell/tensor/poison.hpp"
#include "vcell/tensor/scratch.hpp"

using namespace vcell;
using Cache = Memory<Cpu>;

TEST_CASE("memory: a freed block is handed out again", "[tensor]") {
  Cache::release_cache();
  void* first = Cache::allocate({}, 1000);
  Cache::deallocate({}, first, 1000);
  CHECK(Cache::cached_bytes() >= 1000);
  CHECK(Cache::cached_bytes() <= 1250);
  const size_t asked = Cache::system_allocations();
  void* again = Cache::allocate({}, 990);  // of the same size class
  CHECK(again == first);
  CHECK(Cache::system_allocations() == asked);
  CHECK(Cache::cached_bytes() == 0);
  Cache::deallocate({}, again, 990);
  Cache::release_cache();
  CHECK(Cache::cached_bytes() == 0);
}

TEST_CASE("memory: blocks of every size are usable, aligned and apart", "[tensor]") {
  std::vector<size_t> sizes{0, 1, 63, 64, 65, 80, 81, 127, 128, 129};
  for (size_t s = 256; s < size_t(1) << 24; s *= 2) sizes.insert(sizes.end(), {s - 1, s, s + 1});
  std::vector<unsigned char*> blocks;
  for (const size_t s : sizes) {
    blocks.push_back(static_cast<unsigned char*>(Cache::allocate({}, s)));
    CHECK(reinterpret_cast<uintptr_t>(blocks.back()) % 64 == 0);
    std::memset(blocks.back(), int(blocks.size()), s);
  }
  for (size_t i = 0; i < sizes.size(); ++i)
    for (const size_t at : {size_t(0), sizes[i] / 2, sizes[i] - 1})
      if (sizes[i]) CHECK(blocks[i][at] == i + 1);
  for (size_t i = 0; i < sizes.size(); ++i) Cache::deallocate({}, blocks[i], sizes[i]);
  Cache::release_cache();
}

TEST_CASE("memory: at most a quarter of a block is unused", "[tensor]") {
  for (const size_t s : {65, 100, 1000, 4097, 70000, 1000001}) {
    Cache::release_cache();
    Cache::deallocate({}, Cache::allocate({}, s), s);
    CHECK(Cache::cached_bytes() >= s);
    CHECK(double(Cache::cached_bytes()) <= 1.25 * double(s) + 64);
  }
  Cache::release_cache();
}

#if defined(__linux__) && !defined(VCELL_TEST_SANITIZED)
TEST_CASE("memory: what is kept is given back before memory runs out", "[tensor]") {
  constexpr size_t gigabyte = size_t(1) << 30;
  const vcell_test::AddressLimit limit(4 * gigabyte);
  Cache::deallocate({}, Cache::allocate({}, 2 * gigabyte), 2 * gigabyte);
  CHECK(Cache::cached_bytes() >= 2 * gigabyte);
  void* larger = Cache::allocate({}, 3 * gigabyte);
  CHECK(Cache::cached_bytes() == 0);
  CHECK_THROWS_AS(Cache::allocate({}, 3 * gigabyte), std::bad_alloc);
  Cache::deallocate({}, larger, 3 * gigabyte);
  Cache::release_cache();
}
#endif

TEST_CASE("memory: several threads share the cache", "[tensor]") {
  std::vector<std::thread> threads;
  std::vector<size_t> wrong(4);
  for (size_t t = 0; t < wrong.size(); ++t)
    threads.emplace_back([&wrong, t] {
      for (size_t round = 0; round < 500; ++round) {
        const size_t n = 1 + round * 7 % 300;
        Buffer<size_t, Cpu> a(n), b(n);
        for (size_t i = 0; i < n; ++i) a.data()[i] = b.data()[i] = t * 1000 + i;
        for (size_t i = 0; i < n; ++i) wrong[t] += a.data()[i] != t * 1000 + i;
      }
    });
  for (auto& t : threads) t.join();
  for (const size_t w : wrong) CHECK(w == 0);
}

TEST_CASE("memory: a child has its cache, whoever used it at the fork", "[tensor]") {
#if defined(VCELL_TEST_NO_FORK)
  VCELL_SKIP("ThreadSanitizer starts no threads in a child");
#else
  std::atomic<int> begun{0};
  std::atomic<bool> ended{false};
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 2; ++t)
    threads.emplace_back([&] {
      ++begun;
      while (!ended) Cache::deallocate({}, Cache::allocate({}, 1000), 1000);
    });
  while (begun < 2) std::this_thread::yield();  // as in fork_test.cpp
  int good = 0;
  for (int round = 0; round < 100 && good == round; ++round)
    good += vcell_test::run_forked([] {
              void* block = Cache::allocate({}, 1000);
              std::memset(block, 1, 1000);
              Cache::deallocate({}, block, 1000);
              Cache::release_cache();
              return Cache::cached_bytes() == 0;
            }) == 0;
  CHECK(good == 100);
  ended = true;
  for (auto& t : threads) t.join();
#endif
}

TEST_CASE("memory: AddressSanitizer sees what may be touched", "[tensor]") {
#if !defined(VCELL_ADDRESS_SANITIZER)
  VCELL_SKIP("compiled without AddressSanitizer");
#else
  const auto touchable = [](const char* block, size_t at) {
    return __asan_address_is_poisoned(block + at) == 0;
  };
  Cache::release_cache();
  for (const size_t asked : {1, 60, 64, 70, 1001, 100000}) {
    auto* block = static_cast<char*>(Cache::allocate({}, asked));
    CHECK(touchable(block, 0));
    CHECK(touchable(block, asked - 1));
    CHECK_FALSE(touchable(block, asked));
    Cache::deallocate({}, block, asked);
    CHECK_FALSE(touchable(block, 0));
    CHECK_FALSE(touchable(block, asked / 2));
    CHECK_FALSE(touchable(block, asked - 1));
  }
  // The same block for another size of its class.
  auto* block = static_cast<char*>(Cache::allocate({}, 70));
  Cache::deallocate({}, block, 70);
  REQUIRE(Cache::allocate({}, 80) == block);
  CHECK(touchable(block, 79));
  CHECK_FALSE(touchable(block, 80));
  Cache::deallocate({}, block, 80);
  REQUIRE(Cache::allocate({}, 65) == block);
  CHECK(touchable(block, 64));
  CHECK_FALSE(touchable(block, 65));
  Cache::deallocate({}, block, 65);
  // What the system has again is its own.
  Cache::release_cache();
  std::vector<char*> fresh;
  for (int i = 0; i < 100; ++i) fresh.push_back(static_cast<char*>(::operator new(80)));
  for (char* p : fresh) {
    CHECK(touchable(p, 0));
    CHECK(touchable(p, 79));
    ::operator delete(p);
  }
#endif
}

TEST_CASE("memory: a buffer's copy is its own", "[tensor]") {
  Buffer<int, Cpu> a(3);
  for (int i = 0; i < 3; ++i) a.data()[i] = i;
  Buffer<int, Cpu> b = a;
  b.data()[0] = 7;
  CHECK(a.data()[0] == 0);
  a = std::move(b);
  CHECK(a.data()[0] == 7);
  CHECK(a.count() == 3);
  CHECK((Buffer<int, Cpu>(0).data()) == nullptr);
  a.zero();
  CHECK(a.data()[2] == 0);
}

TEST_CASE("scratch: arrays are apart and aligned", "[tensor]") {
  Buffer<std::byte, Cpu> memory(scratch_bytes<float>(17) + scratch_bytes<double>(3));
  Scratch<> rest{memory.data(), {memory.count()}};
  const auto a = take_scratch<float>(rest, 17);
  const auto b = take_scratch<double>(rest, 3);
  CHECK(a.count() == 17);
  CHECK(b.count() == 3);
  CHECK(reinterpret_cast<uintptr_t>(b.data) % 64 == 0);
  CHECK(static_cast<void*>(b.data) >= static_cast<void*>(a.data + 17));
  CHECK(rest.count() == 0);
}

TEST_CASE("thread_scratch: parts are apart and aligned alike", "[tensor]") {
  ThreadPool larger(5);  // than the one that everybody shares
  const vcell_test::Threads set(3);
  for (const Context<Cpu>& context : {Context<Cpu>(), Context<Cpu>(larger)}) {
    const size_t bytes = ThreadScratch<float>::bytes(context, 17);
    Buffer<std::byte, Cpu> memory(bytes);
    Scratch<> rest{memory.data(), {bytes}};
    const ThreadScratch<float> scratch(context, rest, 17);
    CHECK(rest.count() == 0);
    std::atomic<size_t> wrong{0};
    parallel_for(context, 500, 1, [&](size_t piece, size_t) {
      float* mine = scratch.mine();
      wrong += reinterpret_cast<uintptr_t>(mine) % 64 != 0;
      wrong += static_cast<void*>(mine) < static_cast<void*>(memory.data()) ||
               static_cast<void*>(mine + 17) > static_cast<void*>(memory.data() + bytes);
      for (size_t i = 0; i < 17; ++i) mine[i] = float(piece);
      for (size_t i = 0; i < 17; ++i) wrong += mine[i] != float(piece);
    });
    CHECK(wrong == 0);
  }
}

TEST_CASE("thread_scratch: of a pool larger than the global one", "[tensor]") {
  const vcell_test::Threads set(2);
  ThreadPool pool(6);
  const Context<Cpu> context(pool);
  Buffer<std::byte, Cpu> memory(ThreadScratch<float>::bytes(context, 17));
  Scratch<> rest{memory.data(), {memory.count()}};
  const ThreadScratch<float> scratch(context, rest, 17);
  std::atomic<size_t> wrong{0};
  std::atomic<int> come{0};
  std::vector<float*> parts(6);
  parallel_for(pool, 6, 1, [&](size_t piece, size_t) {
    ++come;
    while (come < 6) std::this_thread::yield();  // one piece for every thread
    float* mine = scratch.mine();
    parts[piece] = mine;
    std::fill_n(mine, 17, float(piece));
    // An operation within, which makes its scratch for the global pool.
    parallel_for(8, 3, [&](size_t, size_t) {
      wrong += scratch.mine() != mine;
      Buffer<std::byte, Cpu> more(ThreadScratch<double>::bytes({}, 9));
      Scratch<> inner_rest{more.data(), {more.count()}};
      const ThreadScratch<double> inner({}, inner_rest, 9);
      std::fill_n(inner.mine(), 9, 1.0);
    });
    for (size_t i = 0; i < 17; ++i) wrong += mine[i] != float(piece);
  });
  CHECK(wrong == 0);
  std::sort(parts.begin(), parts.end());
  for (size_t i = 1; i < 6; ++i) CHECK(parts[i] - parts[i - 1] >= 17);
}
