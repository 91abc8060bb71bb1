#pragma once

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vcell/io/hdf5/output.hpp"

VCELL_BEGIN_NAMESPACE
namespace hdf5 {

/// Numbers that are written a few rows at a time; how many come need not be known. Rows wait until
/// a round of chunks is full: those are packed on all threads and put into the file in their order,
/// so its bytes depend neither on the threads nor on how many rows come at a time. Where nothing is
/// packed and the number of rows is known they lie in the file in one piece.
class OutputRows {
 public:
  /// @param group   of the file; it lives longer
  /// @param dtype   in the file
  /// @param memory  of what is appended
  /// @param row     the shape of a row: {} where the numbers are a list, and a row is one of them
  /// @param rows    how many come, if that is known
  template <class = void>
  OutputRows(const OutputGroup& group, std::string name, DType dtype, DType memory,
             std::vector<size_t> row = {}, std::optional<size_t> rows = {});

  /// @param values  of so many rows
  template <class = void>
  void append(size_t rows, std::span<const std::byte> values);
  /// Rows that can be appended before the next are written: who appends to several of these in
  /// step, no more than fits into any, gets the same file whatever comes at a time.
  size_t room() const { return round_ - waiting_; }
  /// Writes what is left.
  /// @return the dataset, for its attributes
  template <class = void>
  Handle finish();

 private:
  // Chunks that are packed at once, for all threads. Others wait for few, so that of a block of
  // rows little is copied.
  static constexpr size_t packed_round = size_t(8) << 20, plain_round = size_t(1) << 20;

  std::vector<size_t> shape(size_t rows) const {
    std::vector<size_t> out{rows};
    out.insert(out.end(), row_.begin(), row_.end());
    return out;
  }
  template <class = void>
  void make();
  template <class = void>
  void put(size_t rows, const std::byte* values);
  template <class = void>
  void put_piece(size_t rows, const std::byte* values);
  template <class = void>
  void put_chunks(size_t rows, const std::byte* values);

  const OutputGroup& group_;
  std::string name_;
  DType dtype_, memory_;
  std::vector<size_t> row_;
  std::optional<size_t> known_;
  bool is_chunked_;
  size_t row_values_ = 1, row_bytes_ = 0;
  std::vector<hsize_t> chunk_;
  size_t round_bytes_ = 0, round_ = 0;  // rows that are written together
  size_t written_ = 0, waiting_ = 0;    // rows
  std::vector<std::byte> pending_;
  std::vector<std::byte> edge_;  // chunks that go beyond the last row or column
  Handle dataset_;
};

template <class>
OutputRows::OutputRows(const OutputGroup& group, std::string name, DType dtype, DType memory,
                       std::vector<size_t> row, std::optional<size_t> rows)
    : group_(group),
      name_(std::move(name)),
      dtype_(dtype),
      memory_(memory),
      row_(std::move(row)),
      known_(rows),
      is_chunked_(!rows || group.writing->packer->level() > 0),
      round_bytes_(group.writing->packer->level() > 0 ? packed_round : plain_round) {
  for (const size_t extent : row_) row_values_ *= extent;
  row_bytes_ = row_values_ * size_of(memory);
  const size_t element = size_of(dtype);
  chunk_ = detail::chunk_of(shape(rows.value_or(detail::unknown_rows)), element,
                            group.writing->chunk_bytes);
  if (row_bytes_ == 0) return;
  size_t chunk = element;
  for (const hsize_t extent : chunk_) chunk *= size_t(extent);
  const size_t lines = std::max(round_bytes_, 4 * chunk) / element / row_values_;
  round_ = std::max<size_t>(1, lines / size_t(chunk_[0])) * size_t(chunk_[0]);
}

template <class>
void OutputRows::append(size_t rows, std::span<const std::byte> values) {
  if (row_bytes_ == 0) {
    written_ += rows;
    return;
  }
  while (rows > 0) {
    const size_t now = std::min(rows, room()), bytes = now * row_bytes_;
    // A whole round that comes as the file has it is not copied.
    if (waiting_ == 0 && now == round_ && (memory_ == dtype_ || !is_chunked_)) {
      put(now, values.data());
    } else {
      if (pending_.size() < (waiting_ + now) * row_bytes_)
        pending_.resize((waiting_ + now) * row_bytes_);
      std::memcpy(pending_.data() + waiting_ * row_bytes_, values.data(), bytes);
      waiting_ += now;
      if (waiting_ == round_) put(std::exchange(waiting_, 0), pending_.data());
    }
    rows -= now;
    values = values.subspan(bytes);
  }
}

template <class>
Handle OutputRows::finish() {
  if (!dataset_.valid() && !known_) {  // all of it is here, and written as what is known
    OutputRows all(group_, name_, dtype_, memory_, row_, written_ + waiting_);
    all.append(written_ + waiting_, std::span(pending_).first(waiting_ * row_bytes_));
    return all.finish();
  }
  if (waiting_) put(std::exchange(waiting_, 0), pending_.data());
  if (!dataset_.valid()) make();  // without rows
  return std::move(dataset_);
}

/// Makes the dataset.
template <class>
void OutputRows::make() {
  const Handle type(memory_type(dtype_));
  if (!is_chunked_ || row_bytes_ == 0 || known_ == size_t(0)) {
    dataset_ = group_.dataset(name_, type, detail::space_of(shape(known_.value_or(written_))), {});
    return;
  }
  std::vector<hsize_t> none(chunk_), most(chunk_);
  for (size_t i = 0; i < row_.size(); ++i) none[i + 1] = most[i + 1] = row_[i];
  none[0] = known_.value_or(0);
  most[0] = known_ ? hsize_t(*known_) : H5S_UNLIMITED;
  const Handle space(H5Screate_simple(int(none.size()), none.data(), most.data()));
  dataset_ = group_.dataset(name_, type, space, chunk_);
}

/// Writes rows behind those that are written.
template <class>
void OutputRows::put(size_t rows, const std::byte* values) {
  if (!dataset_.valid()) make();
  if (is_chunked_)
    put_chunks(rows, values);
  else
    put_piece(rows, values);
  written_ += rows;
}

template <class>
void OutputRows::put_piece(size_t rows, const std::byte* values) {
  const auto here = shape(rows);
  const std::vector<hsize_t> piece(here.begin(), here.end());
  std::vector<hsize_t> start(here.size(), 0);
  start[0] = written_;
  const Handle file(H5Dget_space(dataset_)), memory(detail::space_of(here));
  group_.check(
      H5Sselect_hyperslab(file, H5S_SELECT_SET, start.data(), nullptr, piece.data(), nullptr),
      name_);
  group_.check(H5Dwrite(dataset_, Handle(memory_type(memory_)), memory, file, H5P_DEFAULT, values),
               name_);
}

/// Every chunk is a piece of the rows as they lie: up to some axis it has one place, of that axis
/// several, behind it all (see chunk_of).
template <class>
void OutputRows::put_chunks(size_t rows, const std::byte* values) {
  const size_t element = size_of(dtype_);
  if (memory_ != dtype_) {
    // They wait in pending_ (see append), where they are changed.
    const size_t n = rows * row_values_, least = n * std::max(element, size_of(memory_));
    if (pending_.size() < least) pending_.resize(least);
    group_.check(H5Tconvert(Handle(memory_type(memory_)), Handle(memory_type(dtype_)), n,
                            pending_.data(), nullptr, H5P_DEFAULT),
                 name_);
    values = pending_.data();
  }
  if (!known_) {
    const auto extents = shape(written_ + rows);
    const std::vector<hsize_t> whole(extents.begin(), extents.end());
    group_.check(H5Dset_extent(dataset_, whole.data()), name_);
  }
  const auto here = shape(rows);
  size_t axis = here.size() - 1, inner = element;
  while (axis > 0 && chunk_[axis] == here[axis]) inner *= here[axis--];
  size_t outer = 1;
  for (size_t i = 0; i < axis; ++i) outer *= here[i];
  const size_t per = size_t(chunk_[axis]), lines = (here[axis] - 1) / per + 1,
               chunk_bytes = per * inner, chunks = outer * lines,
               batch = std::max<size_t>(4, round_bytes_ / chunk_bytes);
  std::vector<std::span<const std::byte>> raw;
  std::vector<hsize_t> start(here.size());
  ChunkPacker& packer = *group_.writing->packer;
  for (size_t first = 0; first < chunks; first += raw.size()) {
    const size_t last = std::min(chunks, first + batch);
    raw.clear();
    size_t edges = 0;
    for (size_t c = first; c < last; ++c) edges += (c % lines + 1) * per > here[axis];
    edge_.assign(edges * chunk_bytes, std::byte{});
    for (size_t c = first; c < last; ++c) {
      const size_t line = c % lines, n = std::min(per, here[axis] - line * per);
      const std::byte* from = values + (c / lines * here[axis] + line * per) * inner;
      if (n < per) {
        std::byte* const edge = edge_.data() + --edges * chunk_bytes;
        std::memcpy(edge, from, n * inner);
        from = edge;
      }
      raw.push_back({from, chunk_bytes});
    }
    const size_t shuffled = detail::shuffled_bytes(dtype_);
    const uint32_t all_filters = shuffled > 1 ? 3 : 1;
    const auto packed = packer.pack(raw, shuffled);
    for (size_t i = 0; i < packed.size(); ++i) {
      const size_t c = first + i;
      std::fill(start.begin(), start.end(), 0);
      start[axis] = c % lines * per;
      for (size_t k = axis, at = c / lines; k-- > 0; at /= here[k]) start[k] = at % here[k];
      start[0] += written_;
      group_.check(H5Dwrite_chunk(dataset_, H5P_DEFAULT, packed[i].as_it_was ? all_filters : 0,
                                  start.data(), packed[i].bytes.size(), packed[i].bytes.data()),
                   name_);
    }
  }
}

/// Writes numbers of any shape, compressed where asked for. A shape without dimensions makes a
/// scalar.
/// @param memory  what the values are in memory, where that is another dtype than the file's
/// @return the dataset, for its attributes
template <class = void>
Handle put_numbers(const OutputGroup& group, const std::string& name, DType dtype,
                   const std::vector<size_t>& shape, const void* values,
                   std::optional<DType> memory = {}) {
  if (shape.empty()) {
    const Handle type(memory_type(dtype));
    Handle out = group.dataset(name, type, detail::space_of(shape), {});
    group.check(H5Dwrite(out, Handle(memory_type(memory.value_or(dtype))), H5S_ALL, H5S_ALL,
                         H5P_DEFAULT, values),
                name);
    return out;
  }
  OutputRows out(group, name, dtype, memory.value_or(dtype), {shape.begin() + 1, shape.end()},
                 shape[0]);
  size_t bytes = size_of(memory.value_or(dtype));
  for (const size_t extent : shape) bytes *= extent;
  out.append(shape[0], {static_cast<const std::byte*>(values), bytes});
  return out.finish();
}

}  // namespace hdf5
VCELL_END_NAMESPACE
