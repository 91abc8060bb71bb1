// The device's memory, streams and events, and which work is ordered. Everything queued is done at
// once but copies from and to the host, which are done as late as a device might, when the stream
// is used for something else or waited for, and but what is recorded in a graph.
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cuda/emulation/failure.hpp"

namespace vcell_emulation {

/// What is known to be over: of each stream so many steps.
using Past = std::map<unsigned, uint64_t>;

inline void join(Past& past, const Past& other) {
  for (const auto& [stream, step] : other) past[stream] = std::max(past[stream], step);
}
inline bool knows(const Past& past, unsigned stream, uint64_t step) {
  const auto found = past.find(stream);
  return found != past.end() && found->second >= step;
}

/// What the machine is said to have.
struct Machine {
  int devices = 1;
  int driver = 13000;  // of CUDA 13.0, as the runtime is; 0: there is none
};
inline Machine& machine() {
  static Machine all;
  return all;
}
/// While it lives, the machine has something else.
class Pretend {
 public:
  explicit Pretend(Machine other) : before_(std::exchange(machine(), other)) {}
  ~Pretend() { machine() = before_; }
  Pretend(const Pretend&) = delete;
  Pretend& operator=(const Pretend&) = delete;

 private:
  Machine before_;
};
/// The device that the calling thread's calls are meant for.
inline int& current_device() {
  static thread_local int number = 0;
  return number;
}

struct Stream;
/// Work that was recorded: done in its order, by whatever stream it is launched in.
struct Graph {
  std::vector<std::function<void(Stream&)>> work;
};
struct Stream {
  unsigned number = 0;
  int device = 0;
  Past past;  // its own last step and what it has waited for
  std::vector<std::function<void()>> late;
  std::unique_ptr<Graph> recording;
  bool is_spoilt = false;  // the recording, by what cannot be recorded
};
struct Event {
  Past past;
  const Stream* source = nullptr;
  int device = 0;
};
struct Pool {
  int device = 0;
};

/// A block of memory and who used it last.
struct DeviceBlock {
  size_t bytes = 0;
  int device = 0;
  unsigned writer = 0;
  uint64_t written = 0;
  Past read;
};

/// All devices of the machine. Host threads count as one: what one of them has waited for, all
/// know.
class Device {
 public:
  static Device& instance() {
    static Device& device = *new Device;
    return device;
  }
  std::recursive_mutex mutex;

  Stream* make_stream() {
    auto stream = std::make_unique<Stream>();
    stream->number = ++streams_made_;
    stream->device = current_device();
    Stream* made = stream.get();
    streams_[made] = std::move(stream);
    return made;
  }
  bool is_live(const Stream* stream) const { return streams_.count(stream); }
  void destroy(Stream* stream) {
    flush(*stream);
    streams_.erase(stream);
  }
  Event* make_event() {
    auto event = std::make_unique<Event>();
    event->device = current_device();
    Event* made = event.get();
    events_[made] = std::move(event);
    return made;
  }
  bool is_live(const Event* event) const { return events_.count(event); }
  void destroy(Event* event) { events_.erase(event); }
  Pool* make_pool(int device) {
    return pools_.emplace_back(std::make_unique<Pool>(Pool{device})).get();
  }
  Graph* keep(std::unique_ptr<Graph> graph) {
    return (graphs_[graph.get()] = std::move(graph)).get();
  }
  bool is_live(const Graph* graph) const { return graphs_.count(graph); }
  void destroy(Graph* graph) { graphs_.erase(graph); }
  size_t live_graphs() const { return graphs_.size(); }
  size_t live_streams() const { return streams_.size(); }
  size_t live_events() const { return events_.size(); }

  /// Called when a copy from the host is queued, if somebody wants to know.
  std::function<void(const Stream&, size_t bytes)> on_upload;

  /// The next step of a stream, after what it and the host have waited for.
  /// @param late  it comes behind copies that are still to be done, or is one itself
  void step(Stream& stream, bool late = false) {
    if (!late) flush(stream);
    join(stream.past, host_);
    ++stream.past[stream.number];
  }
  /// A stream waits for an event.
  void wait(Stream& stream, const Event& event) {
    flush_source(event);
    step(stream);
    join(stream.past, event.past);
  }
  void record(Event& event, Stream& stream) {
    step(stream, true);
    event = {stream.past, &stream, stream.device};
  }
  /// The host waits for a stream, an event, or all.
  void wait_for(Stream& stream) {
    flush(stream);
    join(host_, stream.past);
  }
  void wait_for(const Event& event) {
    flush_source(event);
    join(host_, event.past);
  }
  void wait_for_all() {
    for (auto& [key, stream] : streams_)
      if (stream->device == current_device()) wait_for(*stream);
  }

  /// Memory that came to be at a stream's step.
  void add_block(const void* block, size_t bytes, const Stream& stream) {
    blocks_[block] = {bytes, stream.device, stream.number, stream.past.at(stream.number), {}};
  }
  void remove_block(const void* block) { blocks_.erase(block); }
  bool is_block(const void* block) const { return blocks_.count(block); }
  size_t bytes_in_use(int device = 0) const {
    size_t bytes = 0;
    for (const auto& [address, block] : blocks_) bytes += block.device == device ? block.bytes : 0;
    return bytes;
  }
  /// Whether these bytes lie within one block.
  bool holds(const void* from, size_t bytes) { return find(from, bytes); }

  /// A stream reads or writes what an address belongs to.
  /// @throws Failure if work of another stream on it may be under way
  void note_use(const Stream& stream, const void* address, bool write) {
    DeviceBlock& block = *find(address, 0);
    if (block.device != stream.device)
      throw Failure("emulation: stream " + std::to_string(stream.number) + " of device " +
                    std::to_string(stream.device) + (write ? " writes to or frees" : " reads") +
                    " memory of device " + std::to_string(block.device));
    if (!knows(stream.past, block.writer, block.written))
      fail(stream, write, block.writer, "writes");
    if (write)
      for (const auto& [reader, step] : block.read)
        if (!knows(stream.past, reader, step)) fail(stream, write, reader, "reads");
    const uint64_t now = stream.past.at(stream.number);
    if (write) {
      block.writer = stream.number;
      block.written = now;
      block.read.clear();
    } else {
      block.read[stream.number] = now;
    }
  }

 private:
  [[noreturn]] static void fail(const Stream& stream, bool write, unsigned other,
                                const char* other_does) {
    throw Failure("emulation: stream " + std::to_string(stream.number) +
                  (write ? " writes to or frees" : " reads") + " memory that stream " +
                  std::to_string(other) + ' ' + other_does + ", and does not wait for it");
  }
  static void flush(Stream& stream) {
    for (const auto& work : std::exchange(stream.late, {})) work();
  }
  void flush_source(const Event& event) {
    const auto source = streams_.find(event.source);
    if (source != streams_.end()) flush(*source->second);
  }
  DeviceBlock* find(const void* from, size_t bytes) {
    auto block = blocks_.upper_bound(from);
    if (block == blocks_.begin()) return nullptr;
    --block;
    const size_t offset =
        size_t(static_cast<const char*>(from) - static_cast<const char*>(block->first));
    const size_t size = block->second.bytes;
    return offset < size && bytes <= size - offset ? &block->second : nullptr;
  }

  std::map<const Stream*, std::unique_ptr<Stream>> streams_;
  std::map<const Event*, std::unique_ptr<Event>> events_;
  std::map<const Graph*, std::unique_ptr<Graph>> graphs_;
  std::vector<std::unique_ptr<Pool>> pools_;
  std::map<const void*, DeviceBlock> blocks_;
  Past host_;
  unsigned streams_made_ = 0;
};

}  // namespace vcell_emulation
