// The threads of one block, each a fiber, run in an order drawn from a seed.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "cuda/emulation/failure.hpp"
#include "cuda/emulation/fiber.hpp"
#include "cuda/emulation/race.hpp"
#include "vcell/core/message.hpp"
#include "vcell/core/rng.hpp"

struct uint3 {
  unsigned x = 0, y = 0, z = 0;
};
struct dim3 {
  unsigned x = 1, y = 1, z = 1;
};

// Of the thread that runs. The scheduler sets them whenever it turns to another.
inline thread_local uint3 threadIdx, blockIdx;
inline thread_local dim3 blockDim, gridDim;

namespace vcell_emulation {

/// A mask of lanes as a kernel's source has it: 0xffff.
inline std::string hexadecimal(unsigned mask) {
  char text[11] = "0x";
  return {text, std::to_chars(text + 2, text + sizeof text, mask, 16).ptr};
}

/// One array in shared memory. Blocks have it one after the other: what was written for an earlier
/// one is nobody's, and bytes are 0xff (not-a-number) until a thread writes them.
struct SharedStorage {
  struct Element {
    size_t block = 0;  // the one that the rest is of
    Cell cell;
    bool under_way = false;  // an asynchronous copy is to fill it
  };
  size_t block = 0;  // the one that declared it last
  std::vector<unsigned char> bytes;
  std::vector<Element> elements;
};

class Block {
 public:
  static constexpr size_t shared_limit = 48 * 1024;  // bytes a block may declare

  explicit Block(dim3 size, vcell::Rng& rng)
      : count_(size_t(size.x) * size.y * size.z),
        threads_(new Thread[count_]),
        warps_(new Warp[(count_ + 31) / 32]),
        ready_(new Thread*[count_]),
        choices_(rng.next() | 1) {
    for (size_t i = 0; i < count_; ++i) {
      threads_[i].index = {unsigned(i % size.x), unsigned(i / size.x % size.y),
                           unsigned(i / (size_t(size.x) * size.y))};
      threads_[i].fiber = UnusedFibers::take();
    }
  }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block() {
    for (size_t i = 0; i < count_; ++i) UnusedFibers::give(threads_[i].fiber);
    delete[] threads_;
    delete[] warps_;
    delete[] ready_;
  }

  /// The block whose threads run now.
  static Block& current() {
    if (!running()) throw Failure("emulation: device code was called outside a kernel");
    return *running();
  }

  /// Runs body in every thread, to the end.
  /// @throws Failure
  void run(uint3 index, const std::function<void()>& body);

  /// __syncthreads.
  void sync() {
    running_->state = State::at_barrier;
    ++at_barrier_;
    open_barrier();
    wait();
  }
  /// An exchange between the lanes of mask: gives what the lane `source` gave. With orders_memory
  /// what the lanes did before is seen by all of them after.
  uint64_t exchange(const char* name, unsigned mask, uint64_t value, int source,
                    bool orders_memory) {
    const int lane = running_->clock.thread % 32;
    if (!(mask >> lane & 1))
      fail(name, ": lane ", lane, " is not in its own mask ", hexadecimal(mask));
    running_->call = {name, mask, value, source, orders_memory, nullptr, nullptr};
    meet();
    return running_->result;
  }
  /// What all 32 lanes of a warp do at once, such as a product of their fragments: `work` gets what
  /// each of them gave, while all wait.
  void together(const char* name, void* given, void (*work)(const std::array<void*, 32>& given)) {
    running_->call = {name, ~0u, 0, 0, false, given, work};
    meet();
  }
  /// @throws Failure (the block's) unless every register of a fragment is_allowed
  template <class A, class B, class Allowed>
  void check_operands(const char* name, const A& a, const B& b, Allowed is_allowed) {
    const auto check = [&](const char* operand, const auto& registers) {
      unsigned i = 0;
      for (const auto bits : registers) {
        if (!is_allowed(bits))
          fail(name, ": thread ", running_->clock.thread, ": register ", i, " of ", operand,
               " is no number of that type");
        ++i;
      }
    };
    check("A", a);
    check("B", b);
  }

  /// The storage of one declaration in the source.
  SharedStorage& shared(const void* declaration, size_t count, size_t element_bytes) {
    auto& storage = shared_[declaration];
    if (storage.block != block_) {
      storage.block = block_;
      shared_bytes_ += count * element_bytes;
      if (shared_bytes_ > shared_limit)
        fail("a block declares ", shared_bytes_, " bytes of shared memory, the most is ",
             shared_limit);
      storage.bytes.assign(count * element_bytes, 0xff);
      storage.elements.resize(count);
    }
    return storage;
  }
  void note_access(SharedStorage& storage, size_t i, bool write, const char* name) {
    if (i >= storage.elements.size())
      fail(name, "[", i, "] is out of range: it has ", storage.elements.size(), " elements");
    SharedStorage::Element& element = storage.elements[i];
    if (element.block != block_) element = {block_, {}, false};
    if (element.under_way)
      fail(name, "[", i, "] is used while an asynchronous copy to it is under way");
    Cell& cell = element.cell;
    if (!write && !cell.written()) fail(name, "[", i, "] is read and nobody wrote it");
    const int other = write ? cell.write(running_->clock) : cell.read(running_->clock);
    if (other != Cell::nobody)
      fail("race on ", name, "[", i, "] between threads ", running_->clock.thread, " and ", other);
  }

  /// Begins a copy of the calling thread's to an element, whose other bytes become 0. It counts as
  /// written now and once more when the thread waits for it, and holds bytes 0xff in between.
  void begin_copy(SharedStorage& storage, size_t i, size_t element_bytes, const void* from,
                  size_t bytes, const char* name) {
    note_access(storage, i, true, name);
    std::memset(storage.bytes.data() + i * element_bytes, 0xff, element_bytes);
    storage.elements[i].under_way = true;
    running_->copies.push_back({&storage, i, element_bytes, from, bytes, name, running_->groups});
  }
  /// Ends a group of copies of the calling thread's.
  void commit_copies() { ++running_->groups; }
  /// Does the copies of all the calling thread's groups but the last `later`.
  void wait_copies(size_t later) {
    auto& copies = running_->copies;
    const size_t groups = running_->groups - std::min(running_->groups, later);
    size_t done = 0;
    for (; done < copies.size() && copies[done].group < groups; ++done) {
      const AsyncCopy& copy = copies[done];
      copy.storage->elements[copy.i].under_way = false;
      note_access(*copy.storage, copy.i, true, copy.name);
      unsigned char* const to = copy.storage->bytes.data() + copy.i * copy.element_bytes;
      std::memset(to, 0, copy.element_bytes);
      if (copy.bytes) std::memcpy(to, copy.from, copy.bytes);
    }
    copies.erase(copies.begin(), copies.begin() + std::ptrdiff_t(done));
  }

 private:
  enum class State { ready, at_barrier, in_collective, done };
  struct Collective {
    const char* name = "";
    unsigned mask = 0;
    uint64_t value = 0;
    int source = 0;
    bool orders_memory = false;
    void* given = nullptr;
    void (*work)(const std::array<void*, 32>&) = nullptr;
    bool same(const Collective& other) const {
      return mask == other.mask && (name == other.name || !std::strcmp(name, other.name));
    }
  };
  struct AsyncCopy {
    SharedStorage* storage;
    size_t i, element_bytes;
    const void* from;
    size_t bytes;
    const char* name;
    size_t group;
  };
  struct Thread {
    Fiber* fiber = nullptr;
    uint3 index;
    State state = State::ready;
    Clock clock;
    Collective call;
    uint64_t result = 0;
    std::vector<AsyncCopy> copies;  // under way
    size_t groups = 0;              // of copies, ended
  };
  struct Warp {
    unsigned lanes = 0;    // that have not ended
    unsigned waiting = 0;  // of them, in a collective
  };
  struct Abandoned {};  // thrown inside the fibers of a block that failed, to unwind them

  static Block*& running() {
    static thread_local Block* block = nullptr;
    return block;
  }

  template <class... Parts>
  void note_failure(const Parts&... parts) {
    if (failure_.empty()) failure_ = vcell::message(parts...);
  }
  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) {
    note_failure(parts...);
    throw Abandoned{};
  }
  void wait() {
    running_->fiber->suspend();
    if (!failure_.empty()) throw Abandoned{};
  }
  void meet() {
    running_->state = State::in_collective;
    warp_of(*running_).waiting |= bit(*running_);
    open_collective(*running_);
    wait();
  }
  void make_ready(Thread& t) {
    t.state = State::ready;
    ready_[ready_count_++] = &t;
  }
  void start(Thread& t, size_t number);
  void resume(Thread& t) {
    running_ = &t;
    threadIdx = t.index;
    t.fiber->resume();
  }
  void open_barrier();
  void open_collective(Thread& t);
  void note_end(Thread& t);
  void note_deadlock();

  Thread& thread(size_t warp, unsigned lane) { return threads_[warp * 32 + lane]; }
  Warp& warp_of(const Thread& t) { return warps_[size_t(t.clock.warp())]; }
  static unsigned bit(const Thread& t) { return 1u << (t.clock.thread % 32); }
  /// Takes one of the threads that are ready, any of them (xorshift: Marsaglia, 2003).
  Thread& take_ready() {
    choices_ ^= choices_ << 13;
    choices_ ^= choices_ >> 7;
    choices_ ^= choices_ << 17;
    Thread*& chosen = ready_[(choices_ >> 32) * ready_count_ >> 32];
    Thread& t = *chosen;
    chosen = ready_[--ready_count_];
    return t;
  }

  const size_t count_;
  // Plain pointers: tests that are not optimised spend much of their time here.
  Thread* const threads_;
  Warp* const warps_;
  Thread** const ready_;
  size_t ready_count_ = 0;
  uint64_t choices_;
  Thread* running_ = nullptr;
  std::map<const void*, SharedStorage> shared_;
  const std::function<void()>* body_ = nullptr;
  size_t block_ = 0;  // how many have run
  size_t shared_bytes_ = 0, at_barrier_ = 0, ended_ = 0;
  std::string failure_;
};

inline void Block::start(Thread& t, size_t number) {
  t.clock = {int(number), 0, {}};
  t.clock.lane[number % 32] = 1;
  t.copies.clear();
  t.groups = 0;
  warp_of(t).lanes |= bit(t);
  make_ready(t);
  t.fiber->start([this, &t] {
    try {
      (*body_)();
    } catch (const Abandoned&) {
    } catch (const std::exception& e) {
      note_failure("exception in thread ", t.clock.thread, ": ", e.what());
    }
  });
}

inline void Block::run(uint3 index, const std::function<void()>& body) {
  body_ = &body;
  ++block_;
  failure_.clear();
  ready_count_ = shared_bytes_ = at_barrier_ = ended_ = 0;
  blockIdx = index;
  for (size_t w = 0; w * 32 < count_; ++w) warps_[w] = {};
  for (size_t i = 0; i < count_; ++i) start(threads_[i], i);
  running() = this;
  while (ready_count_ && failure_.empty()) {
    Thread& t = take_ready();
    resume(t);
    if (t.fiber->finished()) note_end(t);
  }
  if (failure_.empty() && ended_ < count_) note_deadlock();
  for (size_t i = 0; i < count_; ++i) {
    Thread& t = threads_[i];
    if (t.fiber->started() && !t.fiber->finished()) resume(t);
  }
  running() = nullptr;
  if (!failure_.empty())
    throw Failure(vcell::message("emulation: block (", index.x, ", ", index.y, ", ", index.z,
                                 "): ", failure_));
}

/// Opens __syncthreads when every thread that has not ended waits there.
inline void Block::open_barrier() {
  if (at_barrier_ == 0 || at_barrier_ + ended_ < count_) return;
  at_barrier_ = 0;
  for (size_t i = 0; i < count_; ++i) {
    Thread& t = threads_[i];
    if (t.state != State::at_barrier) continue;
    ++t.clock.epoch;
    make_ready(t);
  }
}

/// Completes the warp's collective in which t waits, if all lanes it names that have not ended have
/// arrived.
inline void Block::open_collective(Thread& t) {
  const size_t number = size_t(t.clock.warp());
  Warp& warp = warps_[number];
  const unsigned present = t.call.mask & warp.lanes;
  if (present & ~warp.waiting) return;
  const auto for_each_lane = [&](auto f) {
    for (unsigned lane = 0; lane < 32; ++lane)
      if (present >> lane & 1) f(lane, thread(number, lane));
  };
  bool same = true;
  for_each_lane([&](unsigned, Thread& other) { same = same && other.call.same(t.call); });
  if (!same) return;
  if (t.call.work) {
    if (~present)
      return note_failure(t.call.name, ": of a warp's lanes ", hexadecimal(~present),
                          " take no part");
    std::array<void*, 32> given;
    for_each_lane([&](unsigned lane, Thread& other) { given[lane] = other.call.given; });
    t.call.work(given);
  }
  Clock joined;
  for_each_lane([&](unsigned lane, Thread& other) {
    const unsigned source = unsigned(other.call.source);
    if (present >> source & 1)
      other.result = thread(number, source).call.value;
    else
      note_failure(t.call.name, ": lane ", lane, " asks lane ", source,
                   ", which does not take part");
    if (t.call.orders_memory)
      for (size_t l = 0; l < 32; ++l)
        joined.lane[l] = std::max(joined.lane[l], other.clock.lane[l]);
  });
  if (!failure_.empty()) return;
  warp.waiting &= ~present;
  for_each_lane([&](unsigned lane, Thread& other) {
    if (t.call.orders_memory) {
      other.clock.lane = joined.lane;
      ++other.clock.lane[lane];
    }
    make_ready(other);
  });
}

/// A thread that has ended is no longer waited for.
inline void Block::note_end(Thread& t) {
  t.state = State::done;
  ++ended_;
  open_barrier();
  Warp& warp = warp_of(t);
  warp.lanes &= ~bit(t);
  for (unsigned lane = 0; lane < 32; ++lane)
    if (warp.waiting >> lane & 1) open_collective(thread(size_t(t.clock.warp()), lane));
}

inline void Block::note_deadlock() {
  for (size_t i = 0; i < count_; ++i) {
    const Thread& t = threads_[i];
    if (t.state != State::in_collective) continue;
    for (unsigned lane = 0; lane < 32; ++lane) {
      if (!((t.call.mask & warp_of(t).lanes) >> lane & 1)) continue;
      const Thread& other = thread(size_t(t.clock.warp()), lane);
      if (other.state == State::in_collective && other.call.same(t.call)) continue;
      return note_failure("deadlock: thread ", t.clock.thread, " waits in ", t.call.name,
                          " with mask ", hexadecimal(t.call.mask), ", thread ", other.clock.thread,
                          other.state == State::at_barrier
                              ? std::string(" at __syncthreads")
                              : vcell::message(" in ", other.call.name, " with mask ",
                                               hexadecimal(other.call.mask)));
    }
  }
}

}  // namespace vcell_emulation
