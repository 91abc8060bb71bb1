#pragma once

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/io/atomic_file.hpp"
#include "vcell/io/torch_legacy.hpp"
#include "vcell/io/zip_archive.hpp"

VCELL_BEGIN_NAMESPACE

/// A file that torch.save or pickle wrote (`.pt`, `.ckpt`, `.torch`, `.pkl`), read as data: torch's
/// zip form, its older one, and pickles of protocols 2 to 5. Nothing of it is executed: it becomes
/// tensors, numpy arrays, numbers, texts, dicts, lists, tuples and sets, and a value of any other
/// class an object that holds what the class was to be given. Tensors of a zip archive are read
/// when they are asked for. Work and memory stay within a few times the size of the file, whatever
/// it says.
class TorchArchive {
 public:
  /// @throws IoError; FormatError naming file and place if it is something else, damaged, or says
  ///         what cannot be
  template <class = void>
  explicit TorchArchive(const std::filesystem::path& path)
      : where_(message("TorchArchive: ", quoted(path.string()))) {
    if (is_zip(path)) {
      read_zip(path);
    } else {
      text_ = read_text(path);
      size_ = text_.size();
      if (std::string_view(text_).starts_with(detail::torch_legacy_begin))
        pickle_ = detail::read_torch_legacy<>(text_, where_, false);
      else if (text_.starts_with('\x80'))
        pickle_ = detail::read_pickle<>(text_, 0, where_);
      else
        throw FormatError(
            message(where_, " is no file of torch and no pickle of protocols 2 to 5"));
      if (pickle_.end != text_.size())
        throw FormatError(message(where_, " has ", text_.size() - pickle_.end,
                                  " bytes after its end; it is damaged"));
    }
    for (const TorchStorage& storage : pickle_.storages) check_storage(storage);
  }
  TorchArchive(const TorchArchive&) = delete;
  TorchArchive& operator=(const TorchArchive&) = delete;

  /// What was saved. It is borrowed from the archive.
  PickleValue root() const { return {pickle_, pickle_.root}; }

  /// The numbers of a tensor, or of an array of numpy.
  /// @throws FormatError naming file and place if the value is neither; IoError
  template <class = void>
  Array array(const PickleValue& value) {
    if (value.is(PickleKind::array)) return value.array();
    const TorchTensor& tensor = value.tensor();
    std::string held;
    return view_of(tensor, bytes_of(pickle_.storages[tensor.storage], held), value);
  }
  /// The tensors and arrays of a dict under their names, each storage read once.
  /// @throws FormatError naming file and key if a value is neither, or all together are much larger
  ///         than the file; IoError
  template <class = void>
  std::map<std::string, Array> arrays(const PickleValue& dict) {
    std::map<std::string, Array> out;
    std::vector<std::pair<size_t, size_t>> order;  // storage, place in the dict
    uint64_t bytes = 0;
    for (size_t i = 0; i < dict.size(); ++i) {
      const PickleValue value = dict.value(i);
      const std::string& name = dict.key(i).text();
      if (value.is(PickleKind::array)) {
        out.emplace(name, value.array());
        bytes += value.array().values.bytes().size();
      } else if (value.is(PickleKind::tensor)) {
        order.emplace_back(value.tensor().storage, i);
        bytes += value.tensor().count() * size_of(value.tensor().dtype);
      } else {
        value.fail(message("is under ", quoted(name), ", expected a tensor"));
      }
      if (bytes > 4 * size_ + (1 << 26))
        value.fail(message("is under ", quoted(name), ": the tensors up to it are of ", bytes,
                           " bytes, many times the file"));
    }
    std::sort(order.begin(), order.end());
    std::string held;
    std::string_view of;
    for (size_t k = 0; k < order.size(); ++k) {
      const auto& [storage, i] = order[k];
      if (k == 0 || order[k - 1].first != storage) of = bytes_of(pickle_.storages[storage], held);
      out.emplace(dict.key(i).text(), view_of(dict.value(i).tensor(), of, dict.value(i)));
    }
    return out;
  }

 private:
  template <class = void>
  static bool is_zip(const std::filesystem::path& path) {
    char begin[4] = {};
    std::ifstream(path, std::ios::binary).read(begin, 4);
    return std::string_view(begin, 4) == std::string_view("PK\3\4", 4);
  }

  template <class = void>
  void read_zip(const std::filesystem::path& path) {
    zip_.emplace(path);
    size_ = zip_->file_size();
    const std::string_view data = "data.pkl";
    const ZipRecord* pickle = nullptr;
    for (const ZipRecord& r : zip_->records())
      if (r.name.ends_with(data) && std::count(r.name.begin(), r.name.end(), '/') <= 1 &&
          (r.name.size() == data.size() || r.name[r.name.size() - data.size() - 1] == '/')) {
        if (pickle) throw FormatError(message(where_, " has several data.pkl"));
        pickle = &r;
      }
    if (!pickle) throw FormatError(message(where_, " is a zip archive without a data.pkl"));
    folder_ = pickle->name.substr(0, pickle->name.size() - data.size());
    if (const ZipRecord* order = zip_->find(folder_ + "byteorder"); order && order->size < 16)
      if (zip_->read(*order) != "little")
        throw FormatError(
            message(where_, " was written big endian; load and save it on another ", "machine"));
    check_stored(*pickle);
    const std::string text = zip_->read(*pickle);
    pickle_ = detail::read_pickle<>(text, 0, message(where_, ", record ", quoted(pickle->name)));
    if (pickle_.end != text.size())
      throw FormatError(message(where_, ": the pickle ends ", text.size() - pickle_.end,
                                " bytes before its record"));
  }

  template <class = void>
  void check_stored(const ZipRecord& r) const {
    if (r.compressed)
      throw FormatError(message(where_, ", record ", quoted(r.name), " is compressed, which torch ",
                                "never does"));
  }

  template <class = void>
  void check_storage(const TorchStorage& s) const {
    const size_t each = size_of(s.dtype);
    uint64_t there = 0;  // bytes
    if (zip_ && !s.in) {
      const ZipRecord* r = zip_->find(folder_ + "data/" + s.key);
      if (!r) throw FormatError(message(where_, " has no storage ", quoted(s.key)));
      check_stored(*r);
      there = r->size;
    } else {
      const uint64_t all = s.in ? pickle_.nodes[*s.in].text.size() : text_.size();
      if (s.begin == 0) throw FormatError(message(where_, " has no storage ", quoted(s.key)));
      there = std::min<uint64_t>((all - s.begin) / each, s.count) * each;
    }
    if (there % each || there / each != s.count)
      throw FormatError(message(where_, ", storage ", quoted(s.key), " of ", there, " bytes, ",
                                "expected ", s.count, " elements of ", name_of(s.dtype),
                                "; the file is damaged"));
  }

  /// The bytes of a storage, where they are or read into `held`.
  template <class = void>
  std::string_view bytes_of(const TorchStorage& s, std::string& held) {
    if (zip_ && !s.in) return held = zip_->read(*zip_->find(folder_ + "data/" + s.key));
    const std::string& in = s.in ? pickle_.nodes[*s.in].text : text_;
    return std::string_view(in).substr(size_t(s.begin), size_t(s.count) * size_of(s.dtype));
  }

  template <class = void>
  static Array view_of(const TorchTensor& t, std::string_view bytes, const PickleValue& value) {
    const size_t each = size_of(t.dtype), axes = t.shape.size();
    Array out{{t.shape.begin(), t.shape.end()}, Numbers(t.dtype, size_t(t.count()))};
    std::byte* to = out.values.bytes().data();
    size_t run = 1, d = axes;  // elements that lie one after the other, from axis d on
    while (d > 0 && (t.shape[d - 1] == 1 || t.stride[d - 1] == run)) run *= t.shape[--d];
    std::vector<uint64_t> at(d, 0);
    for (size_t i = 0; i < out.values.size(); i += run) {
      uint64_t from = t.offset;
      for (size_t k = 0; k < d; ++k) from += at[k] * t.stride[k];
      std::memcpy(to + i * each, bytes.data() + from * each, run * each);
      for (size_t k = d; k-- > 0 && ++at[k] == t.shape[k];) at[k] = 0;
    }
    if (t.dtype == DType::boolean)
      for (const uint8_t flag : out.values.values<uint8_t>())
        if (flag > 1) value.fail("is of truth values and holds a byte that is neither 0 nor 1");
    return out;
  }

  std::string where_, folder_, text_;
  uint64_t size_ = 0;  // of the file
  std::optional<ZipArchive> zip_;
  Pickle pickle_;
};

VCELL_END_NAMESPACE
