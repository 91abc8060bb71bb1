#pragma once

#include <libdeflate.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vcell/core/error.hpp"
#include "vcell/core/parallel_for.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// A file of text, packed by gzip or not, that is written in pieces. A mebibyte of text is packed
/// at a time, on all threads, as a member of its own, which every reader of gzip takes for one
/// file: so the bytes depend on the text alone.
class TextOutput {
 public:
  /// @param path  of the file that is made
  /// @param gzip  1 fast .. 12 small; 0: not packed
  /// @param call  for messages: "write_mtx: cannot write 'cells'"
  template <class = void>
  TextOutput(const std::filesystem::path& path, int gzip, std::string call)
      : gzip_(gzip), call_(std::move(call)), out_(path, std::ios::binary) {}

  template <class = void>
  void write(std::string_view text) {
    if (!gzip_) return put(text);
    waiting_ += text;
    if (waiting_.size() < round * member) return;
    const size_t whole = waiting_.size() / member * member;
    pack(std::string_view(waiting_).substr(0, whole));
    waiting_.erase(0, whole);
  }
  /// @throws WriteError if not all of it could be written
  template <class = void>
  void finish() {
    if (gzip_) pack(waiting_);
    out_.close();
    if (!out_) throw WriteError(message(call_, "; is the disk full, or the folder read-only?"));
  }

 private:
  static constexpr size_t member = size_t(1) << 20, round = 16;

  void put(std::string_view bytes) { out_.write(bytes.data(), std::streamsize(bytes.size())); }

  template <class = void>
  void pack(std::string_view text) {
    if (text.empty() && written_) return;
    written_ = true;
    std::vector<std::string> packed(std::max<size_t>(1, (text.size() + member - 1) / member));
    parallel_for(packed.size(), 1, [&](size_t begin, size_t end) {
      using Compressor =
          std::unique_ptr<libdeflate_compressor, decltype(&libdeflate_free_compressor)>;
      const Compressor c(libdeflate_alloc_compressor(gzip_), libdeflate_free_compressor);
      if (!c) throw std::bad_alloc();
      for (size_t i = begin; i < end; ++i) {
        const std::string_view from = text.substr(i * member, member);
        packed[i].resize(libdeflate_gzip_compress_bound(c.get(), from.size()));
        packed[i].resize(libdeflate_gzip_compress(c.get(), from.data(), from.size(),
                                                  packed[i].data(), packed[i].size()));
      }
    });
    for (const std::string& bytes : packed) put(bytes);
  }

  int gzip_;
  std::string call_;
  std::ofstream out_;
  std::string waiting_;
  bool written_ = false;
};

}  // namespace detail
VCELL_END_NAMESPACE
