#include "vcell/io/safetensors.hpp"

#include <nlohmann/json.hpp>

#include "support/errors.hpp"
#include "support/temporary_folder.hpp"

using namespace vcell;
using vcell_test::check_error;

namespace {

/// A file of this header and this many bytes of data.
std::filesystem::path file_of(const vcell_test::TemporaryFolder& folder, const std::string& header,
                              size_t bytes, uint64_t length_too_long = 0) {
  const uint64_t length = header.size() + length_too_long;
  std::string text(reinterpret_cast<const char*>(&length), sizeof length);
  write_text(folder.path() / "a.safetensors", text + header + std::string(bytes, '\1'));
  return folder.path() / "a.safetensors";
}

Safetensors some_tensors() {
  Safetensors s;
  s.metadata = {{"format", "pt"}, {"ü", "\"\\\n"}};
  const bool truths[] = {true, false, true};
  const bfloat16 brain[] = {bfloat16(1.5f)};
  s.tensors["a.bool"] = Array::of<bool>({3}, truths);
  s.tensors["b.double"] = Array::of<double>({1, 2}, std::vector<double>{0.1, -1e300});
  s.tensors["c.scalar"] = Array::of<int64_t>({}, std::vector<int64_t>{-7});
  s.tensors["d.empty"] = Array::of<float>({2, 0}, std::vector<float>{});
  s.tensors["e.bf16"] = Array::of<bfloat16>({1}, brain);
  s.tensors["f.half"] = Array{{1}, std::vector{half::from_bits(0x3c00)}};
  s.tensors["g.u8"] = Array::of<uint8_t>({1}, std::vector<uint8_t>{255});
  s.tensors["h.float"] = Array::of<float>({2}, std::vector<float>{1, 2});
  return s;
}

}  // namespace

TEST_CASE("safetensors: arrays of every dtype come back the same", "[io]") {
  const vcell_test::TemporaryFolder folder;
  for (const Safetensors& s : {some_tensors(), Safetensors{}}) {
    write_safetensors(folder.path() / "a", s);
    write_safetensors(folder.path() / "b", read_safetensors(folder.path() / "a"));
    CHECK(read_safetensors(folder.path() / "a") == s);
    CHECK(read_text(folder.path() / "a") == read_text(folder.path() / "b"));
  }
}

TEST_CASE("safetensors: the header is compact, its members sorted by name", "[io]") {
  const vcell_test::TemporaryFolder folder;
  Safetensors s;
  s.metadata = {{"b", "\x1f\n"}, {"a", ""}};
  s.tensors["Z"] = Array::of<float>({1, 1}, std::vector<float>{1});
  s.tensors["z"] = Array::of<double>({}, std::vector<double>{1});
  write_safetensors(folder.path() / "a", s);
  CHECK_THAT(read_text(folder.path() / "a"),
             vcell_test::contains(R"({"Z":{"data_offsets":[8,12],"dtype":"F32","shape":[1,1]},)"
                                  R"("__metadata__":{"a":"","b":"\u001f\n"},)"
                                  R"("z":{"data_offsets":[0,8],"dtype":"F64","shape":[]}})"));
}

TEST_CASE("safetensors: data begin at a multiple of 8 and of the element", "[io]") {
  const vcell_test::TemporaryFolder folder;
  write_safetensors(folder.path() / "a", some_tensors());
  const std::string text = read_text(folder.path() / "a");
  uint64_t length = 0;
  std::memcpy(&length, text.data(), sizeof length);
  CHECK(length % 8 == 0);
  const auto header = nlohmann::json::parse(text.substr(8, length));
  for (const auto& [name, array] : some_tensors().tensors)
    CHECK(header[name]["data_offsets"][0].get<size_t>() % size_of(array.dtype()) == 0);
}

TEST_CASE("safetensors: a file that says impossible things is refused", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto fails = [&](const std::string& header, size_t bytes,
                         const std::vector<std::string>& texts) {
    const auto path = file_of(folder, header, bytes);
    check_error<FormatError>([&] { read_safetensors(path); }, {path.string()});
    check_error<FormatError>([&] { read_safetensors(path); }, texts);
  };
  const auto array = [](const std::string& shape, const std::string& offsets,
                        const std::string& dtype = "\"F32\"") {
    return "{\"dtype\":" + dtype + ",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}";
  };
  const auto one = [&](auto... parts) { return "{\"x\":" + array(parts...) + "}"; };
  fails(one("[2]", "[0,4]"), 4, {"array 'x'", "shape does not fit"});
  fails(one("[1]", "[0,3]"), 3, {"array 'x'", "shape does not fit"});
  fails(one("[0]", "[0,4]"), 4, {"array 'x'", "shape does not fit"});
  fails(one("[4294967296,4294967296,4294967296]", "[0,0]"), 0, {"shape does not fit"});
  fails(one("[4611686018427387904,4]", "[0,0]"), 0, {"shape does not fit"});
  fails(one("[1]", "[0,8]"), 4, {"outside the file"});
  fails(one("[1]", "[4,0]"), 4, {"outside the file"});
  fails(one("[1]", "[18446744073709551612,18446744073709551615]"), 4, {"outside the file"});
  fails(one("[1]", "[-4,0]"), 4, {"whole numbers"});
  fails(one("[-1]", "[0,4]"), 4, {"whole number"});
  fails(one("[1.5]", "[0,4]"), 4, {"whole number"});
  fails(one("[99999999999999999999999]", "[0,4]"), 4, {"whole number"});
  fails(one("[1]", "[0,4]", "\"F8_E4M3\""), 4, {"dtype is none that vcell reads"});
  fails(one("[1]", "[0,4]", "3"), 4, {"expected dtype, shape and data_offsets"});
  fails(one("1", "[0,4]"), 4, {"expected dtype, shape and data_offsets"});
  fails(one("[1]", "[0]"), 4, {"expected dtype, shape and data_offsets"});
  fails("{\"x\":[]}", 0, {"expected dtype"});
  fails("{\"x\":" + array("[1]", "[0,4]") + ",\"y\":" + array("[1]", "[0,4]") + "}", 4,
        {"overlap"});
  fails("{\"x\":" + array("[2]", "[0,8]") + ",\"y\":" + array("[1]", "[4,8]") + "}", 8,
        {"overlap"});
  fails("{\"x\":" + array("[1]", "[4,8]") + "}", 8, {"used by no array at byte 0"});
  fails(one("[1]", "[0,4]"), 6, {"2 bytes at its end belong to no array"});
  fails("{\"__metadata__\":{\"a\":1}}", 0, {"__metadata__"});
  fails("{\"__metadata__\":\"a\"}", 0, {"__metadata__"});
  fails("[]", 0, {"no JSON object"});
  fails("{\"x\":", 0, {"no JSON object"});
  fails("{\"x\":" + array("[1]", "[0,4]") + ",\"\\u0078\":" + array("[1]", "[4,8]") + "}", 8,
        {"no JSON object", "the key 'x' twice"});
  fails(std::string(100000, '['), 0, {"no JSON object"});
  check_error<FormatError>([&] { read_safetensors(file_of(folder, "{}", 0, 1)); }, {"header"});
  check_error<FormatError>([&] { read_safetensors(file_of(folder, "{}", 0, ~uint64_t(9))); },
                           {"header"});
  write_text(folder.path() / "short", "1234567");
  check_error<FormatError>([&] { read_safetensors(folder.path() / "short"); }, {"7 bytes"});
  check_error<IoError>([&] { read_safetensors(folder.path() / "no"); }, {"cannot open"});
}

TEST_CASE("safetensors: what cannot be written leaves the old file as it was", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.safetensors";
  write_text(path, "old");
  Safetensors s;
  s.tensors["x"] = Array{{2}, std::vector<float>(1)};
  check_error<ShapeError>([&] { write_safetensors(path, s); }, {"x (1)", "(2)"});
  s.tensors.clear();
  s.tensors["\xff"] = Array::of<float>({0}, std::vector<float>{});
  check_error<FormatError>([&] { write_safetensors(path, s); }, {"UTF-8"});
  s.tensors.clear();
  s.tensors["__metadata__"] = Array::of<float>({0}, std::vector<float>{});
  check_error<FormatError>([&] { write_safetensors(path, s); }, {"'__metadata__'", "rename"});
  CHECK(read_text(path) == "old");
}
