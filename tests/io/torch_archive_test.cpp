#include "vcell/io/torch_archive.hpp"

#include <set>
#include <tuple>

#include "io/pickle_bytes.hpp"
#include "io/torch_cases.hpp"
#include "support/errors.hpp"
#include "support/golden.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/io/safetensors.hpp"
#include "vcell/io/write_torch_archive.hpp"

using namespace vcell;
using namespace vcell_test;
using namespace std::string_literals;

TEST_CASE("torch_archive: arrays of every dtype come back the same, the same bytes each time",
          "[io]") {
  const TemporaryFolder folder;
  for (const auto& arrays : {some_arrays(), std::map<std::string, Array>{}}) {
    write_torch_archive(folder.path() / "a.pt", arrays);
    write_torch_archive(folder.path() / "b.pt", arrays);
    TorchArchive archive(folder.path() / "a.pt");
    CHECK(archive.arrays(archive.root()) == arrays);
    CHECK(read_text(folder.path() / "a.pt") == read_text(folder.path() / "b.pt"));
  }
}

TEST_CASE("torch_archive: what is written is what torch.load(weights_only=True) lets pass",
          "[io]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "a.pt";
  write_torch_archive(path, some_arrays());
  ZipArchive zip(path);
  size_t storages = 0;
  for (const ZipRecord& record : zip.records()) {
    CHECK_FALSE(record.compressed);
    const std::string bytes = zip.read(record);  // compares the checksum
    const std::string file = read_text(path);
    const size_t begin = size_t(record.header) + 30 +
                         detail::zip_number<uint16_t>(file, size_t(record.header) + 26) +
                         detail::zip_number<uint16_t>(file, size_t(record.header) + 28);
    CHECK(begin % 64 == 0);
    CHECK(file.substr(begin, bytes.size()) == bytes);
    storages += record.name.starts_with("archive/data/");
  }
  CHECK(storages == some_arrays().size());
  CHECK(zip.read(*zip.find("archive/version")) == "3\n");
  CHECK(zip.read(*zip.find("archive/byteorder")) == "little");
  const Pickle pickle =
      detail::read_pickle<>(zip.read(*zip.find("archive/data.pkl")), 0, "archive/data.pkl");
  const std::set<std::string> allowed = {
      "collections OrderedDict", "torch._utils _rebuild_tensor_v2",
      "torch BoolStorage",       "torch DoubleStorage",
      "torch LongStorage",       "torch FloatStorage",
      "torch BFloat16Storage",   "torch HalfStorage",
      "torch ByteStorage",       "torch CharStorage",
      "torch ShortStorage",      "torch IntStorage"};
  std::set<std::string> named;
  for (const PickleNode& node : pickle.nodes)
    if (node.kind == PickleKind::global) named.insert(node.text);
  CHECK(named == allowed);
}

TEST_CASE("torch_archive: a dtype that torch has no storage of cannot be written", "[io]") {
  const TemporaryFolder folder;
  const std::map<std::string, Array> arrays = {
      {"counts", Array::of<uint32_t>({1}, std::vector<uint32_t>{1})}};
  check_error<FormatError>([&] { write_torch_archive(folder.path() / "a.pt", arrays); },
                           {"write_torch_archive", "a.pt", "'counts'", "uint32"});
  check_error<FormatError>(
      [&] {
        write_torch_archive(folder.path() / "a.pt",
                            {{"\xff", Array::of<float>({1}, std::vector<float>{1})}});
      },
      {"not UTF-8"});
}

TEST_CASE("torch_archive: plain values of every kind", "[io]") {
  const std::string value =
      "}(" + text("none") + 'N' + text("yes") + "\x88" + text("no") + "\x89" + text("small") +
      "K\xff" + text("middle") + "M\xff\xff" + text("negative") + whole(-5) + text("long") +
      "\x8a\x03\x01\x00\x80"s + text("large") + "\x8a\x09" + std::string(9, '\1') + text("real") +
      "G\x3f\xf8" + std::string(6, '\0') + text("bytes") + bytes("\xff\x01") + text("list") + "](" +
      whole(1) + text("x") + "e" + text("pair") + whole(1) + whole(2) + "\x86" + text("set") +
      global("__builtin__", "set") + "](" + text("y") + "e\x85R" + text("ordered") +
      global("collections", "OrderedDict") + ")R(" + text("k") + text("v") + "u}" +
      text("_metadata") + "}sb" + text("latin") + global("_codecs", "encode") + text("a\xc3\xbf") +
      text("latin1") + "\x86R" + "u";
  const Read read(pickled(value));
  const PickleValue root = read.root();
  CHECK(root.at("none").is(PickleKind::none));
  CHECK(root.at("yes").truth());
  CHECK_FALSE(root.at("no").truth());
  CHECK(root.at("small").integer() == 255);
  CHECK(root.at("middle").integer() == 65535);
  CHECK(root.at("negative").integer() == -5);
  CHECK(root.at("long").integer() == -8388607);
  CHECK(root.at("large").is(PickleKind::large_integer));
  CHECK(root.at("real").number() == 1.5);
  CHECK(root.at("negative").number() == -5);
  CHECK(root.at("bytes").node().text == "\xff\x01");
  CHECK(root.at("list")[0].integer() == 1);
  CHECK(root.at("list")[1].text() == "x");
  CHECK(root.at("pair")[1].integer() == 2);
  CHECK(root.at("set").texts() == std::vector<std::string>{"y"});
  CHECK(root.at("ordered").at("k").text() == "v");
  CHECK(root.at("latin").node().text == "a\xff");
  check_error<FormatError>([&] { root.at("gene_dim"); }, {"a.pkl", "'gene_dim'", "'none'"});
  check_error<FormatError>([&] { root.at("real").text(); }, {"a number", "a text", "byte"});
  check_error<FormatError>([&] { root.at("list").texts(); }, {"a whole number", "a text"});
  check_error<ShapeError>([&] { root.at("list")[2]; }, {"item", "2"});
}

TEST_CASE("torch_archive: protocols 4 and 5", "[io]") {
  const Read read(std::string("\x80\x05\x95") + std::string(8, '\1') + "}\x94(\x8c\x01k\x94\x8f(" +
                  "\x8c\x01m\x94\x90\x8c\x02it\x94(h\x01h\x02t" + "\x8c\x01g\x8c\x03mod\x8c\x01n" +
                  "\x93\x8c\x01z(\x8c\x01q\x91u.");
  CHECK(read.root().at("k").texts() == std::vector<std::string>{"m"});
  CHECK(read.root().at("it").texts() == std::vector<std::string>{"k", "m"});
  CHECK(read.root().at("g").class_name() == "mod n");
  CHECK(read.root().at("z").texts() == std::vector<std::string>{"q"});
}

TEST_CASE("torch_archive: nothing is executed; a class becomes an object with what it was given",
          "[io]") {
  const TemporaryFolder folder;
  const std::string mark = folder / "mark";
  const Read read(pickled('(' + global("posix", "system") + text("touch " + mark) + "\x85R" +
                          global("omegaconf", "DictConfig") + ")\x81}" + text("_content") +
                          text("x") + "sb" + text("k") + text("v") + 's' + text("a") + "a" + "l"));
  CHECK_FALSE(std::filesystem::exists(mark));
  const PickleValue system = read.root()[0], config = read.root()[1];
  CHECK(system.is(PickleKind::object));
  CHECK(system.class_name() == "posix system");
  CHECK(system[0][0].text() == "touch " + mark);
  CHECK(config.class_name() == "omegaconf DictConfig");
  CHECK(config[1].at("_content").text() == "x");
  CHECK(config[2].at("k").text() == "v");
  CHECK(config[3].texts() == std::vector<std::string>{"a"});
}

TEST_CASE("torch_archive: views of a storage, by their strides", "[io]") {
  const TemporaryFolder folder;
  const std::string data = floats({0, 1, 2, 3, 4, 5});
  const auto view = [&](int offset, const std::vector<int>& shape,
                        const std::vector<int>& strides) {
    std::string s = "(", t = "(";
    for (const int n : shape) s += whole(n);
    for (const int n : strides) t += whole(n);
    write_zip_form(folder.path() / "a.pt", tensor(storage("0", 6), whole(offset), s + 't', t + 't'),
                   data);
    TorchArchive archive(folder.path() / "a.pt");
    return archive.array(archive.root());
  };
  const auto expected = [](std::vector<size_t> shape, const std::vector<float>& values) {
    return Array::of<float>(std::move(shape), values);
  };
  CHECK(view(0, {2, 3}, {3, 1}) == expected({2, 3}, {0, 1, 2, 3, 4, 5}));
  CHECK(view(0, {3, 2}, {1, 3}) == expected({3, 2}, {0, 3, 1, 4, 2, 5}));
  CHECK(view(3, {2}, {2}) == expected({2}, {3, 5}));
  CHECK(view(5, {}, {}) == expected({}, {5}));
  CHECK(view(1, {2, 3}, {0, 1}) == expected({2, 3}, {1, 2, 3, 1, 2, 3}));
  CHECK(view(0, {2, 1, 3}, {3, 77, 1}) == expected({2, 1, 3}, {0, 1, 2, 3, 4, 5}));
  CHECK(view(6, {0, 4}, {4, 1}) == expected({0, 4}, {}));
  for (const auto& [offset, shape, strides] :
       std::vector<std::tuple<int, std::vector<int>, std::vector<int>>>{
           {1, {2, 3}, {3, 1}},
           {6, {1}, {1}},
           {7, {0}, {1}},
           {0, {2}, {6}},
           {0, {2147483647, 2147483647, 2147483647}, {0, 0, 0}},
           {0, {2147483647}, {0}},
           {0, {2, 3}, {2147483647, 2147483647}}})
    check_error<FormatError>([&, &o = offset, &s = shape, &t = strides] { view(o, s, t); },
                             {"a.pt", "tensor of shape"});
  check_error<FormatError>([&] { view(-1, {1}, {1}); }, {"-1", "whole number from 0"});
  check_error<FormatError>([&] { view(0, {2}, {-1}); }, {"-1", "whole number from 0"});
  check_error<FormatError>([&] { view(0, {2}, {1, 1}); }, {"more axes than strides"});
  check_error<FormatError>([&] { view(0, std::vector<int>(65, 1), {}); }, {"65 axes"});
}

TEST_CASE("torch_archive: torch's older form", "[io]") {
  const std::string value =
      "}(" + text("a") + whole_tensor("17", 2) + text("b") + whole_tensor("18", 1) + "u";
  const std::string data =
      bytes_of(int64_t(1)) + floats({5}) + bytes_of(int64_t(2)) + floats({1, 2});
  const std::string keys = "](" + text("18") + text("17") + "e";
  Read read(legacy_file(value, keys, data));
  const auto arrays = read.archive.arrays(read.root());
  CHECK(arrays.at("a").as<float>() == std::vector<float>{1, 2});
  CHECK(arrays.at("b").as<float>() == std::vector<float>{5});
  const auto fails_with = [&](const std::string& file, const std::string& what) {
    check_error<FormatError>([&] { Read{file}; }, {"a.pkl", what});
  };
  fails_with(legacy_file(value, keys, data.substr(0, data.size() - 1)), "storage '17'");
  fails_with(legacy_file(value, keys, data + "x"), "1 bytes after its end");
  fails_with(legacy_file(value, "](" + text("18") + "e", data.substr(0, 12)), "'17'");
  fails_with(legacy_file(value, "](" + text("18") + text("18") + "e", data), "'18'");
  fails_with(legacy_file(value, "](" + text("x") + "e", data), "'x'");
  fails_with(legacy_file(value, keys, bytes_of(int64_t(2)) + data.substr(8)), "'18'");
}

TEST_CASE("torch_archive: a pickle whose tensors are files of the older form within", "[io]") {
  const auto map_of = [](const std::string& inner) {
    const std::string load = global("torch.storage", "_load_from_bytes") + bytes(inner) + "\x85R";
    return pickled(
        "}(" + text("AAA") + tensor(load, whole(0), '(' + whole(2) + 't', '(' + whole(1) + 't') +
        text("BBB") + tensor(load, whole(0), '(' + whole(2) + 't', '(' + whole(1) + 't') + "u");
  };
  const std::string inner =
      legacy_file(storage("9", 2), "](" + text("9") + "e", bytes_of(int64_t(2)) + floats({0, 1}));
  Read read(map_of(inner));
  const auto arrays = read.archive.arrays(read.root());
  CHECK(arrays.at("AAA") == Array::of<float>({2}, std::vector<float>{0, 1}));
  CHECK(arrays.at("BBB") == arrays.at("AAA"));
  check_error<FormatError>([&] { Read{map_of("x")}; }, {"a.pkl", "storage at byte"});
  check_error<FormatError>([&] { Read{map_of(inner.substr(0, inner.size() - 1))}; }, {"'9'"});
  const std::string nest = global("torch.storage", "_load_from_bytes") + bytes(inner) + "\x85R";
  check_error<FormatError>([&] { Read{map_of(legacy_file(nest, "]", ""))}; },
                           {"a storage within a storage"});
  check_error<FormatError>([&] { Read{map_of(legacy_file("N", "]", ""))}; },
                           {"a storage that is something else"});
}

TEST_CASE("torch_archive: arrays, texts and numbers of numpy", "[io]") {
  const auto dtype = [](const std::string& name, const std::string& order = "<") {
    return global("numpy", "dtype") + text(name) + "\x89\x88\x87R(K\x03" + text(order) +
           "NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb"s;
  };
  const auto array = [&](const std::string& module, const std::string& shape,
                         const std::string& type, const std::string& columns,
                         const std::string& data) {
    return global(module, "_reconstruct") + global("numpy", "ndarray") + "K\0\x85"s + bytes("b") +
           "\x87R(K\x01" + shape + type + columns + data + "tb";
  };
  const std::string pair = '(' + whole(2) + 't', square = '(' + whole(2) + whole(2) + 't';
  const std::string utf32 = "A\0\0\0\0\0\0\0\xe9\0\0\0B\0\0\0"s;
  Read read(pickled(
      "}(" + text("f4") +
      array("numpy.core.multiarray", square, dtype("f4"), "\x89", bytes(floats({1, 2, 3, 4}))) +
      text("columns") +
      array("numpy._core.multiarray", square, dtype("f4"), "\x88", bytes(floats({1, 2, 3, 4}))) +
      text("big") +
      array("numpy._core.multiarray", pair, dtype("i2", ">"), "\x89", bytes("\0\1\xff\xfe"s)) +
      text("names") + array("numpy._core.multiarray", pair, dtype("U2"), "\x89", bytes(utf32)) +
      text("objects") + array("numpy._core.multiarray", pair, dtype("O8", "|"), "\x89", "](NK\1e") +
      text("scalar") + global("numpy.core.multiarray", "scalar") + dtype("i8") +
      bytes(bytes_of(int64_t(-9))) + "\x86R" + text("real") +
      global("numpy._core.multiarray", "scalar") + dtype("f8") + bytes(bytes_of(0.25)) + "\x86R" +
      text("buffer") + global("numpy._core.numeric", "_frombuffer") + '(' + bytes(floats({7, 8})) +
      dtype("f4") + pair + text("C") + "tR" + "u"));
  const PickleValue root = read.root();
  CHECK(root.at("f4").array() == Array::of<float>({2, 2}, std::vector<float>{1, 2, 3, 4}));
  CHECK(root.at("columns").array() == Array::of<float>({2, 2}, std::vector<float>{1, 3, 2, 4}));
  CHECK(root.at("big").array() == Array::of<int16_t>({2}, std::vector<int16_t>{1, -2}));
  CHECK(root.at("names").texts() == std::vector<std::string>{"A", "éB"});
  CHECK(root.at("objects")[1].integer() == 1);
  CHECK(root.at("scalar").integer() == -9);
  CHECK(root.at("real").number() == 0.25);
  CHECK(read.archive.array(root.at("buffer")).as<float>() == std::vector<float>{7, 8});
  const auto fails_with = [&](const std::string& value, const std::string& what) {
    check_error<FormatError>([&] { Read{pickled(value)}; }, {"a.pkl", what});
  };
  const auto f4 = dtype("f4");
  const std::string m = "numpy._core.multiarray";
  fails_with(array(m, square, f4, "\x89", bytes(floats({1}))), "do not fit");
  fails_with(array(m,
                   "(J\xff\xff\xff\x7f"
                   "J\xff\xff\xff\x7fJ\xff\xff\xff\x7ft",
                   f4, "\x89", bytes("")),
             "do not fit");
  fails_with(array(m, pair, dtype("V8"), "\x89", bytes("")), "dtype 'V8'");
  fails_with(array(m, pair, dtype("O8"), "\x89", "]"), "whose list");
  fails_with(array(m, pair, dtype("U1"), "\x89", bytes("\xff\xff\xff\xff\xff\xff\xff\xff")),
             "no Unicode");
  fails_with(array(m, pair, dtype("b1"), "\x89", bytes("\2\1")), "do not fit");
}

TEST_CASE("golden: State's checkpoints and maps", "[io][golden]") {
  const auto golden = golden_folder("state_transition");
  if (!golden || !std::filesystem::exists(*golden / "llama_small.pt"))
    VCELL_SKIP("no golden state_transition with checkpoints");
  TorchArchive plain(*golden / "llama_small.pt");
  CHECK(plain.arrays(plain.root()) ==
        read_safetensors(*golden / "llama_small.weights.safetensors").tensors);
  for (const char* variant : {"llama_small", "gpt2_bidirectional", "gene_decoder"}) {
    INFO(variant);
    TorchArchive checkpoint(*golden / message(variant, ".ckpt"));
    const auto state = checkpoint.arrays(checkpoint.root().at("state_dict"));
    const auto data = read_safetensors(*golden / message(variant, ".data.safetensors")).tensors;
    size_t compared = 0;
    for (const auto& [name, array] : data)
      if (name.starts_with("f32.final.")) {
        CHECK(state.at(name.substr(10)) == array);
        ++compared;
      }
    CHECK(compared > 10);
    CHECK(checkpoint.root().at("hyper_parameters").at("hidden_dim").integer() > 0);
  }
  const auto run = *golden / "run_folder/run";
  const auto expected = parse_json_object(read_text(*golden / "run_folder/expected.json"), "json");
  for (const char* map :
       {"pert_onehot_map.pt", "batch_onehot_map.torch", "cell_type_onehot_map.torch"}) {
    TorchArchive archive(run / map);
    const std::string kind = std::string(map).substr(0, std::string(map).find("_onehot"));
    const Json& names = *expected.find("maps")->find(kind);
    const auto vectors = archive.arrays(archive.root());
    REQUIRE(vectors.size() == names.items.size());
    for (size_t i = 0; i < names.items.size(); ++i) {
      std::vector<float> one_hot(names.items.size());
      one_hot[i] = 1;
      CHECK(vectors.at(names.items[i].text).as<float>() == one_hot);
    }
  }
  const TorchArchive sizes(run / "var_dims.pkl");
  const Json& dims = *expected.find("var_dims");
  for (const char* key :
       {"input_dim", "gene_dim", "hvg_dim", "output_dim", "pert_dim", "batch_dim"})
    CHECK(uint64_t(sizes.root().at(key).integer()) == dims.find(key)->whole());
  CHECK(sizes.root().at("pert_names").texts().size() == dims.find("pert_names")->items.size());
  const TorchArchive module(run / "data_module.torch");
  CHECK(module.root().is(PickleKind::dict));
}

TEST_CASE("golden: SE's checkpoint, whose classes are not built, and gene vectors",
          "[io][golden]") {
  const auto golden = golden_folder("state_embedding");
  if (!golden || !std::filesystem::exists(*golden / "tabular.ckpt"))
    VCELL_SKIP("no golden state_embedding with a checkpoint");
  TorchArchive genes(*golden / "gene_embeddings.pt");
  const auto vectors = genes.arrays(genes.root());
  const auto table = read_safetensors(*golden / "gene_embeddings.safetensors").tensors.at("table");
  const auto values = table.as<float>();
  REQUIRE(vectors.size() == table.shape.at(0));
  for (size_t i = 0; i < vectors.size(); ++i) {
    const size_t width = table.shape.at(1);
    CHECK(vectors.at(message("G", i)) ==
          Array::of<float>({width}, std::span(values).subspan(i * width, width)));
  }
  TorchArchive checkpoint(*golden / "tabular.ckpt");
  const auto weights = checkpoint.arrays(checkpoint.root().at("state_dict"));
  size_t compared = 0;
  for (const auto& [name, array] : read_safetensors(*golden / "tabular.data.safetensors").tensors)
    if (name.starts_with("f32.final.")) {
      CHECK(weights.at(name.substr(10)) == array);
      ++compared;
    }
  CHECK(compared > 10);
  bool opaque = false;
  for (const PickleNode& node : checkpoint.root().pickle().nodes)
    opaque = opaque || (node.kind == PickleKind::object && node.text.starts_with("omegaconf"));
  CHECK(opaque);
}
