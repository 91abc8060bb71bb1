#include "io/torch_damage.hpp"

#include "support/errors.hpp"
#include "support/golden.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/io/safetensors.hpp"

using namespace vcell;
using namespace vcell_test;
using namespace std::string_literals;

TEST_CASE("torch_archive: pickles that go wrong or mean harm are refused", "[io]") {
  const auto fails_with = [](const std::string& file, const std::string& what) {
    INFO(what);
    check_error<FormatError>([&] { Read{file}; }, {"a.pkl", what});
  };
  fails_with("", "no file of torch");
  fails_with("hello", "no file of torch");
  fails_with("\x80\x01N.", "protocol 1");
  fails_with("\x80\x06N.", "protocol 6");
  fails_with("\x80\x02", "cut off");
  fails_with("\x80\x02X\xff\xff\xff\xff.", "4294967295 bytes");
  fails_with(std::string("\x80\x04\x8d") + std::string(8, '\xff') + ".", "cut off");
  fails_with(pickled(""), "0 values on its stack");
  fails_with(pickled("NN"), "2 values on its stack");
  fails_with(pickled("(N"), "on its stack");
  fails_with(pickled("0"), "wants 1 values");
  fails_with(pickled("N\x86"), "wants 2 values");
  fails_with(pickled("N(\x85"), "wants 1 values");
  fails_with(pickled("t"), "wants a mark");
  fails_with(pickled("h\x05"), "recalls a value at 5");
  fails_with(pickled("Nr\xff\xff\xff\xff"), "remembers a value at 4294967295");
  fails_with(pickled("cposix\nsystem"), "within a name");
  fails_with(pickled("NNR"), "calls with");
  fails_with(pickled("N)R"), "calls None");
  fails_with(pickled("Na"), "wants 1 values");
  fails_with(pickled("NNa"), "appends to None");
  fails_with(pickled("NNNs"), "puts keys into None");
  fails_with(pickled("}(Nu"), "without a value");
  fails_with(pickled("}]Ns"), "a list as a key");
  fails_with(pickled("}}Ns"), "a dict as a key");
  fails_with(pickled("}(" + text("a") + "N" + text("a") + "Nu"), "'a' twice");
  fails_with(pickled("}(K\1NK\1Nu"), "twice");
  fails_with(pickled("NNb"), "a state");
  fails_with(pickled("NQ"), "no storage");
  fails_with(pickled(storage("0", -1)), "-1");
  fails_with(pickled(storage("0", 1)), "has no storage '0'");
  fails_with(pickled(storage("0", 1, "ComplexFloatStorage")), "ComplexFloatStorage");
  fails_with(pickled("N") + "x", "1 bytes after its end");
  fails_with(pickled("\x82\1"), "an instruction 130");
  fails_with(pickled("P0\n"), "an instruction 80");
  fails_with(pickled(global("numpy._core.multiarray", "_reconstruct") + ")R"), "never fills");
  // Marks and lists as deep as the file is long: nothing recurses.
  Read deep(pickled(std::string(500'000, ']') + std::string(499'999, 'a')));
  CHECK(deep.root().size() == 1);
  Read cycle(pickled("]q\0h\0a"s));
  CHECK(cycle.root()[0].place() == cycle.root().place());
  // A set of a list that doubles: the memory is bounded, so it ends.
  std::string doubling = "](N" + std::string(50'000, 'N') + "eq\1" + "0(";
  for (int i = 0; i < 5'000; ++i) doubling += global("builtins", "tuple") + "h\1\x85R";
  fails_with(pickled(doubling + "t"), "much more than its bytes");
  fails_with(pickled('(' + std::string((1 << 22) + 1, 'N') + 't'),
             "makes more than 4194304 values");
}

TEST_CASE("torch_archive: tensors that are said many times over are refused", "[io]") {
  const TemporaryFolder folder;
  const std::string one = storage("0", 1 << 16) + "q\1" + "0";
  std::string many;
  for (int i = 0; i < 3'000; ++i)
    many += text(message("t", i)) +
            tensor("h\1", whole(0), '(' + whole(1 << 16) + 't', '(' + whole(1) + 't');
  write_zip_form(folder.path() / "a.pt", one + "}(" + many + 'u', std::string(4 << 16, '\0'));
  TorchArchive archive(folder.path() / "a.pt");
  check_error<FormatError>([&] { archive.arrays(archive.root()); },
                           {"a.pt", "many times the file"});
  check_error<FormatError>(
      [&] {
        write_zip_form(folder.path() / "b.pt", "}(" + text("x") + "K\1u", "");
        TorchArchive b(folder.path() / "b.pt");
        b.arrays(b.root());
      },
      {"b.pt", "under 'x'", "expected a tensor"});
}

TEST_CASE("torch_archive: records of the zip form that are not what the pickle says", "[io]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "a.pt";
  const auto fails_with = [&](const std::vector<ZipContent>& records, const std::string& what) {
    write_zip(path, records);
    check_error<FormatError>([&] { TorchArchive{path}; }, {"a.pt", what});
  };
  const std::string data = pickled(whole_tensor("0", 2)), eight(8, '\0');
  fails_with({{"a/data.pkl", data}}, "no storage '0'");
  fails_with({{"a/data.pkl", data}, {"a/data/0", "1234567"}}, "storage '0' of 7 bytes");
  fails_with({{"a/data.pkl", data}, {"a/data/0", eight + eight}}, "storage '0' of 16 bytes");
  fails_with({{"a/data.pkl", data}, {"a/data/0", eight}, {"a/byteorder", "big"}}, "big endian");
  fails_with({{"a/data.pkl", data}, {"b/data.pkl", data}}, "several data.pkl");
  fails_with({{"a/b/data.pkl", data}}, "without a data.pkl");
  fails_with({{"a/data.pkl", data + "N"}, {"a/data/0", eight}}, "ends 1 bytes before");
  fails_with({{"a/data.pkl", "N."}, {"a/data.pkl", "N."}}, "comes twice");
  check_error<IoError>([&] { TorchArchive{folder.path() / "none.pt"}; }, {"none.pt"});
}

TEST_CASE("torch_archive: files with bytes changed are read or refused, nothing else", "[io]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "a.pt";
  std::vector<std::string> seeds = torch_seeds(path);
  if (const auto golden = golden_folder("state_transition");
      golden && std::filesystem::exists(*golden / "run_folder/run/var_dims.pkl"))
    seeds.push_back(read_text(*golden / "run_folder/run/var_dims.pkl"));
  uint64_t state = 1;
  const auto draw = [&](size_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return size_t(state >> 33) % below;
  };
  size_t read = 0, refused = 0;
  for (size_t s = 0; s < seeds.size(); ++s)
    for (int i = 0; i < 1500; ++i) {
      std::string file = seeds[s];
      for (size_t changes = 1 + draw(4); changes-- > 0 && !file.empty();) {
        const size_t at = draw(file.size());
        switch (draw(5)) {
          case 0:
            file[at] = char(draw(256));
            break;
          case 1:
            file[at] = char(file[at] ^ (1 << draw(8)));
            break;
          case 2:
            file.erase(at, 1 + draw(8));
            break;
          case 3:
            file.insert(at, file.substr(draw(file.size()), draw(16)));
            break;
          default:
            if (draw(8) == 0) file.resize(at);
            break;
        }
      }
      if (s > 0) std::ofstream(path, std::ios::binary) << file;
      ++((s > 0 ? is_torch_file(path) : is_pickle(file)) ? read : refused);
    }
  CHECK(read > 100);
  CHECK(refused > 1000);
}
