#pragma once

#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "vcell/io/pickle_calls.hpp"
#include "vcell/io/pickle_numpy.hpp"
#include "vcell/io/read_pickle.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// What torch's files began with before they were zip archives: a pickled number.
inline constexpr std::string_view torch_legacy_begin =
    "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

/// A pickle that begins at a byte of a text.
template <class = void>
Pickle read_pickle(std::string_view text, uint64_t begin, const std::string& where,
                   bool nested = false) {
  PickleBuilder<> builder(text, where, nested);
  PickleMachine<>(builder, text, begin).run();
  return std::move(builder.out);
}

/// The form of torch before 1.6: pickles of a magic number, of the version of the form, of facts
/// about the machine, of the value, of the keys of its storages; then of each storage the number of
/// its elements (8 bytes) and these.
/// @throws FormatError
template <class>
Pickle read_torch_legacy(std::string_view text, const std::string& where, bool nested) {
  const auto fail = [&](const auto&... parts) { throw FormatError(message(where, parts...)); };
  if (!text.starts_with(torch_legacy_begin)) fail(" is none of torch's older form");
  const Pickle version = read_pickle<>(text, torch_legacy_begin.size(), where);
  if (PickleValue(version, version.root).integer() != 1001)
    fail(" is of a version of torch's older form that vcell does not know");
  const Pickle machine = read_pickle<>(text, version.end, where);
  if (!PickleValue(machine, machine.root).at("little_endian").truth())
    fail(" was written big endian; load and save it on another machine");
  Pickle out = read_pickle<>(text, machine.end, where, nested);
  const Pickle keys = read_pickle<>(text, out.end, where);
  uint64_t at = keys.end;
  std::map<std::string_view, size_t> places;  // of storages whose numbers are still to come
  for (size_t i = 0; i < out.storages.size(); ++i)
    if (!out.storages[i].in) places.emplace(out.storages[i].key, i);
  for (const std::string& key : PickleValue(keys, keys.root).texts()) {
    const auto place = places.find(key);
    if (place == places.end()) fail(" lists a storage ", quoted(key), " that no tensor has");
    TorchStorage& storage = out.storages[place->second];
    places.erase(place);
    uint64_t count = 0;
    if (text.size() - at < sizeof count) fail(" is cut off before the storage ", quoted(key));
    std::memcpy(&count, text.data() + at, sizeof count);
    at += sizeof count;
    if (count != storage.count || count > (text.size() - at) / size_of(storage.dtype))
      fail(" has a storage ", quoted(key), " of ", storage.count, " elements and ", count,
           " where its numbers stand, ", text.size() - at, " bytes before the end; it is damaged");
    storage.begin = at;
    at += count * size_of(storage.dtype);
  }
  if (!places.empty())
    fail(" has no numbers of the storage ", quoted(std::string(places.begin()->first)));
  out.end = at;
  return out;
}

}  // namespace detail
VCELL_END_NAMESPACE
