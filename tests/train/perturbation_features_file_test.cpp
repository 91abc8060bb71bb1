#include "vcell/train/perturbation_features_file.hpp"

#include <array>

#include "io/pickle_bytes.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/io/write_torch_archive.hpp"

using namespace vcell;
using namespace std::string_literals;
using vcell_test::check_error;
using vcell_test::TemporaryFolder;

TEST_CASE("perturbation_features_file: CSV and safetensors", "[train]") {
  const TemporaryFolder folder;
  const auto csv = folder.path() / "features.csv", tensors = folder.path() / "f.safetensors";
  write_text(csv, "name,a,b\nP1,1,2.5\n\"P,2\",-1e-3,0\n");
  const auto features = read_perturbation_features(csv);
  REQUIRE(features.names() == std::vector<std::string>{"P1", "P,2"});
  REQUIRE(features.vector("P1") == std::vector<float>{1, 2.5});
  REQUIRE(features.vector("P,2") == std::vector<float>{-1e-3f, 0});
  write_perturbation_features(tensors, features);
  const auto back = read_perturbation_features(tensors);
  REQUIRE(back.vector("P1") == features.vector("P1"));
  REQUIRE(back.vector("P,2") == features.vector("P,2"));

  const auto check = [&](const char* text, const std::vector<std::string>& parts) {
    write_text(csv, text);
    try {
      read_perturbation_features(csv);
      FAIL("no error for " << text);
    } catch (const Error& error) {
      REQUIRE_THAT(error.what(), vcell_test::contains("features.csv"));
      for (const auto& part : parts) REQUIRE_THAT(error.what(), vcell_test::contains(part));
    }
  };
  check("name,a\nP1,x\n", {"row 1 ('P1'), column 'a': 'x'"});
  check("name,a\nP1,nan\n", {"'P1'"});
  check("name,a\nP1,1\nP1,2\n", {"'P1' comes twice"});
  check("name,a\n", {"no features"});
  check("name\nP1\n", {"no features"});
  check_error<ConfigError>([&] { read_perturbation_features(folder.path() / "f.txt"); },
                           {"f.txt", ".csv, .safetensors"});
  Safetensors file;
  file.tensors["A"] = Array::of<float>({2}, std::array<float, 2>{1, 2});
  file.tensors["B"] = Array::of<float>({3}, std::array<float, 3>{1, 2, 3});
  write_safetensors(tensors, file);
  check_error<FormatError>([&] { read_perturbation_features(tensors); },
                           {"array 'B'", "(3), expected", "(2)"});
  file.tensors["B"] = Array::of<int64_t>({2}, std::array<int64_t, 2>{1, 2});
  write_safetensors(tensors, file);
  check_error<FormatError>([&] { read_perturbation_features(tensors); }, {"'B': int64"});
}

TEST_CASE("perturbation_features_file: files of torch and numpy", "[train]") {
  const TemporaryFolder folder;
  const auto vector = [](float a, float b) {
    return Array::of<float>({2}, std::array<float, 2>{a, b});
  };
  for (const char* ending : {".pt", ".pth", ".torch", ".pkl"}) {
    const auto path = folder.path() / (std::string("ESM2_pert_features") + ending);
    write_torch_archive(path, {{"P1", vector(1, 2.5)}, {"P2", vector(-1, 0)}});
    const auto features = read_perturbation_features(path);
    CHECK(features.names() == std::vector<std::string>{"P1", "P2"});
    CHECK(features.vector("P2") == std::vector<float>{-1, 0});
  }
  const auto npy = [](const std::string& header, const std::string& data) {
    return "\x93NUMPY\1\0"s + detail::zip_numbers(uint16_t(header.size())) + header + data;
  };
  const auto numbers = [&](const std::string& shape, const std::string& data) {
    return npy("{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + ", }", data);
  };
  const auto names = npy("{'descr': '<U2', 'fortran_order': False, 'shape': (2,), }",
                         "P\0\0\0"
                         "1\0\0\0P\0\0\0"
                         "2\0\0\0"s);
  const auto one = numbers("(2,)", detail::zip_numbers(1.f, 2.f)),
             two = numbers("(2,)", detail::zip_numbers(3.f, 4.f)),
             both = numbers("(2, 2)", detail::zip_numbers(1.f, 2.f, 3.f, 4.f)),
             long_one = numbers("(3,)", detail::zip_numbers(1.f, 2.f, 3.f));
  const auto path = folder.path() / "f.npz";
  const auto read = [&](const std::vector<ZipContent>& records) {
    write_zip(path, records);
    return read_perturbation_features(path);
  };
  for (const auto& features : {read({{"P1.npy", one}, {"P2.npy", two}}),
                               read({{"names.npy", names}, {"features.npy", both}})}) {
    CHECK(features.names() == std::vector<std::string>{"P1", "P2"});
    CHECK(features.vector("P2") == std::vector<float>{3, 4});
  }
  check_error<FormatError>(
      [&] {
        read({{"P1.npy", one}, {"P2.npy", long_one}});
      },
      {"f.npz", "'P2'", "(3)"});
  check_error<FormatError>(
      [&] {
        read({{"names.npy", names}, {"features.npy", one}});
      },
      {"f.npz", "a list of 2 names"});
  check_error<ConfigError>([&] { read({}); }, {"f.npz", "no features"});
  write_text(folder.path() / "list.pkl", vcell_test::pickled("]"));
  check_error<FormatError>([&] { read_perturbation_features(folder.path() / "list.pkl"); },
                           {"list.pkl", "a list", "a dict of a vector"});
}
