// Which accesses to shared memory are ordered, and which race.
#pragma once

#include <array>
#include <cstdint>

namespace vcell_emulation {

/// What one thread of a block knows about the others' progress. Threads of different warps are
/// ordered by __syncthreads alone; lanes of one warp by __syncwarp too (Lamport, 1978: a counter
/// for each lane, joined when they meet). Shuffles order nothing, as CUDA says of them.
struct Clock {
  int thread = 0;
  unsigned epoch = 0;                  // __syncthreads passed
  std::array<uint32_t, 32> lane = {};  // of its warp: the last step of each that is known to be
                                       // over and, for itself, the step it is in

  int warp() const { return thread / 32; }
  uint32_t step() const { return lane[size_t(thread) % 32]; }
  /// Whether what a thread did at a step of an epoch happened before now.
  bool knows(int other, unsigned its_epoch, uint32_t its_step) const {
    return other == thread || its_epoch < epoch ||
           (other / 32 == warp() && its_step <= lane[size_t(other) % 32]);
  }
};

/// The accesses to one element that a later one may race with.
class Cell {
 public:
  static constexpr int nobody = -1;

  bool written() const { return writer_ != nobody; }

  /// Notes a read. Returns a thread whose write it races with, or nobody.
  int read(const Clock& me) {
    if (reader_[0] == nobody || reader_epoch_ < me.epoch) {
      reader_ = {me.thread, nobody};
      reader_epoch_ = me.epoch;
      read_at_ = {};
    }
    if (reader_[0] / 32 == me.warp())
      read_at_[size_t(me.thread) % 32] = me.step();
    else
      reader_[1] = me.thread;
    return racing_writer(me);
  }
  /// Notes a write. Returns a thread whose access it races with, or nobody.
  int write(const Clock& me) {
    int other = racing_writer(me);
    if (other == nobody) other = racing_reader(me);
    writer_ = me.thread;
    writer_epoch_ = me.epoch;
    writer_step_ = me.step();
    reader_ = {nobody, nobody};
    return other;
  }

 private:
  int racing_writer(const Clock& me) const {
    return written() && !me.knows(writer_, writer_epoch_, writer_step_) ? writer_ : nobody;
  }
  int racing_reader(const Clock& me) const {
    if (reader_[0] == nobody || reader_epoch_ < me.epoch) return nobody;
    for (const int reader : reader_)  // since the last barrier, so another warp's is not ordered
      if (reader != nobody && reader / 32 != me.warp()) return reader;
    const uint32_t *const known = me.lane.data(), *const read = read_at_.data();
    for (int lane = 0; lane < 32; ++lane)
      if (read[lane] > known[lane] && lane != me.thread % 32) return me.warp() * 32 + lane;
    return nobody;
  }

  int writer_ = nobody;
  unsigned writer_epoch_ = 0, reader_epoch_ = 0;
  uint32_t writer_step_ = 0;
  std::array<int, 2> reader_ = {nobody,
                                nobody};   // since reader_epoch_ began: one each of two warps
  std::array<uint32_t, 32> read_at_ = {};  // the step of each lane of reader_[0]'s warp; 0 = none
};

}  // namespace vcell_emulation
