// What the tests of torch's files write and read.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "support/temporary_folder.hpp"
#include "vcell/io/atomic_file.hpp"
#include "vcell/io/torch_archive.hpp"

namespace vcell_test {

using vcell::Array, vcell::bfloat16, vcell::half;

/// An array of each kind of number.
inline std::map<std::string, Array> some_arrays() {
  const bool truths[] = {true, false, true};
  const bfloat16 brain[] = {bfloat16(1.5f)};
  return {{"a.bool", Array::of<bool>({3}, truths)},
          {"b.double", Array::of<double>({1, 2}, std::vector<double>{0.1, -1e300})},
          {"c.scalar", Array::of<int64_t>({}, std::vector<int64_t>{-7})},
          {"d.empty", Array::of<float>({2, 0}, std::vector<float>{})},
          {"e.bf16", Array::of<bfloat16>({1}, brain)},
          {"f.half", Array{{1}, std::vector{half::from_bits(0x3c00)}}},
          {"g.u8", Array::of<uint8_t>({1}, std::vector<uint8_t>{255})},
          {"h.float ü", Array::of<float>({2, 1, 3}, std::vector<float>{1, 2, 3, 4, 5, 6})},
          {"i.i8", Array::of<int8_t>({1}, std::vector<int8_t>{-1})},
          {"j.i16", Array::of<int16_t>({1}, std::vector<int16_t>{-2})},
          {"k.i32", Array::of<int32_t>({1}, std::vector<int32_t>{-3})}};
}

inline std::string floats(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

/// What a plain pickle holds.
struct Read {
  TemporaryFolder folder;
  vcell::TorchArchive archive;
  explicit Read(const std::string& file) : archive(put(file)) {}
  vcell::PickleValue root() const { return archive.root(); }

 private:
  std::filesystem::path put(const std::string& file) {
    vcell::write_text(folder.path() / "a.pkl", file);
    return folder.path() / "a.pkl";
  }
};

}  // namespace vcell_test
