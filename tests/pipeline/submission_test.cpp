#include <fstream>
#include <functional>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/golden.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/io/csv.hpp"
#include "vcell/io/read_name_list.hpp"
#include "vcell/pipeline/pack_submission_2025.hpp"
#include "vcell/pipeline/pack_submission_2026.hpp"
#include "vcell/pipeline/unpack_submission.hpp"

using namespace vcell;
using vcell_test::check_error;
using vcell_test::TemporaryFolder;

namespace {

/// Takes the cells out of a container.
void unpack(const std::string& container, const std::string& h5ad) {
  for (const TarMember& member : read_tar(container)) {
    if (member.name != submission_member) continue;
    std::ofstream out(h5ad, std::ios::binary);
    decompress_zstd(container, member.offset, member.size, [&](std::string_view bytes) {
      out.write(bytes.data(), std::streamsize(bytes.size()));
    });
  }
}

/// Compares a container with that of the contest's own program, and with the list of its members
/// and elements beside it.
void require_container(const std::string& found, const std::filesystem::path& golden,
                       const TemporaryFolder& folder) {
  const Json expected =
      parse_json_object(read_text(std::filesystem::path(golden).replace_extension("json")), "json");
  const auto& members = expected.find("members")->items;
  const auto there = read_tar(found);
  REQUIRE(there.size() == members.size());
  for (size_t i = 0; i < members.size(); ++i) {
    CHECK(there[i].name == members[i].find("name")->text);
    const std::string bytes =
        read_text(found).substr(size_t(there[i].offset), size_t(there[i].size));
    if (const Json* content = members[i].find("content")) CHECK(bytes == content->text);
    if (members[i].find("zstd_magic")) CHECK(bytes.starts_with("\x28\xb5\x2f\xfd"));
    const std::string mode = read_text(found).substr(size_t(there[i].offset) - 512 + 100, 7);
    CHECK("0o" + mode.substr(4) == members[i].find("mode")->text);
  }
  unpack(found, folder / "found.h5ad");
  unpack(golden.string(), folder / "expected.h5ad");
  AnnData a = read_h5ad(folder / "found.h5ad"), b = read_h5ad(folder / "expected.h5ad");
  CHECK(a.obs.index == b.obs.index);
  CHECK(a.obs.names() == b.obs.names());
  for (const std::string& name : b.obs.names())
    CHECK(factor(a.obs.column(name)) == factor(b.obs.column(name)));
  CHECK(a.var == b.var);
  CHECK(a.X->dtype() == DType::f32);
  CHECK(a.X->layout == SparseLayout{});
  CHECK(a.X->take_csr<float>() == b.X->take_csr<float>());
  const auto elements = describe_h5ad(folder / "found.h5ad"),
             wanted = describe_h5ad(folder / "expected.h5ad");
  REQUIRE(elements.size() == wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) {
    INFO(wanted[i].path);
    CHECK(elements[i].path == wanted[i].path);
    CHECK(elements[i].encoding == wanted[i].encoding);
    CHECK(elements[i].dtype == wanted[i].dtype);
    CHECK(elements[i].shape == wanted[i].shape);
    CHECK(elements[i].filters.empty());
  }
}

std::vector<PanelPerturbation> panel_in(const std::filesystem::path& file) {
  const CsvTable table = read_csv(file);
  std::vector<PanelPerturbation> out;
  for (const auto& row : table.rows)
    out.push_back({row[table.column("target_gene")],
                   size_t(parse_number(row[table.column("n_cells")]).value())});
  return out;
}

/// 2 perturbations x 2 contexts x 3 cells, 4 genes, counts.
AnnData small_submission() {
  AnnData out;
  std::vector<std::string> targets, contexts;
  CsrMatrix<float> X;
  X.columns = 4;
  for (size_t i = 0; i < 12; ++i) {
    out.obs.index.push_back(message("cell_", i));
    targets.push_back(i % 2 ? "B" : "A");
    contexts.push_back(i < 6 ? "x" : "y");
    for (int32_t g = 0; g < 4; ++g) {
      X.indices.push_back(g);
      X.values.push_back(float(i + size_t(g)));
    }
    X.end_row();
  }
  out.obs.set("target_gene", targets);
  out.obs.set("context", contexts);
  out.obs.set("other", std::vector<float>(12, 1.5f));
  out.var.index = {"g0", "g1", "g2", "g3"};
  out.X = Matrix(std::move(X));
  return out;
}

PackSubmission2026Options small_options() {
  PackSubmission2026Options out;
  out.genes = {"g2", "g0", "g3", "g1"};
  out.panel = {{"A"}, {"B"}};
  out.cells_per_perturbation = 3;
  out.expected_genes = 4;
  return out;
}

}  // namespace

TEST_CASE("submission: the golden container of 2026", "[pipeline][golden]") {
  const auto golden = vcell_test::golden_folder("challenge");
  if (!golden) VCELL_SKIP("no folder challenge");
  const TemporaryFolder folder("submission");
  const auto at = *golden / "containers";
  const Json manifest = parse_json_object(read_text(at / "manifest.json"), "manifest.json");
  PackSubmission2026Options options;
  options.genes = read_name_list(at / "genes2026.csv");
  options.panel = panel_in(at / "perts2026.csv");
  for (const Json& context : manifest.find("contexts")->items)
    options.contexts.push_back(context.text);
  options.panel_id = manifest.find("panel_id")->text;
  options.expected_genes = {};
  pack_submission_2026(at / "input2026.h5ad", folder / "a.vcc", options);
  require_container(folder / "a.vcc", at / "submission2026.vcc", folder);
}

TEST_CASE("submission: the golden container of 2025", "[pipeline][golden]") {
  const auto golden = vcell_test::golden_folder("challenge");
  if (!golden) VCELL_SKIP("no folder challenge");
  const TemporaryFolder folder("submission");
  const auto at = *golden / "containers";
  PackSubmission2025Options options;
  options.genes = read_name_list(at / "genes2025.csv");
  options.cell_type_key = "line";
  options.expected_genes = {};
  options.scale = Scale::log1p;
  pack_submission_2025(at / "input2025.h5ad", folder / "a.vcc", options);
  require_container(folder / "a.vcc", at / "submission2025.vcc", folder);
}

TEST_CASE("submission: cells by rows, dense or of another type give one container", "[pipeline]") {
  const TemporaryFolder folder("submission");
  AnnData cells = small_submission();
  const auto pack = [&](const char* name) {
    write_h5ad(folder / "in.h5ad", cells);
    const uint64_t stored =
        pack_submission_2026(folder / "in.h5ad", folder / name, small_options());
    CHECK(!std::filesystem::exists(folder / "a.vcc.partial"));
    return std::pair(stored, read_text(folder / name));
  };
  const auto sparse = pack("a.vcc");
  CHECK(sparse.first == 48);
  const CsrMatrix<float> X = to_csr<float>(*cells.X);
  CsrMatrix<double> wide{X.rows, X.columns, X.indptr, X.indices,
                         std::vector<double>(X.values.begin(), X.values.end())};
  cells.X = Matrix(wide, {.index_type = DType::i64, .offset_type = DType::i64});
  CHECK(pack("b.vcc").second == sparse.second);
  // Zeros that are stored stay so; of a dense matrix they are left out.
  cells.X = Matrix(to_dense<float>(Matrix(X)));
  CHECK(pack("c.vcc").first == 47);
  unpack(folder / "a.vcc", folder / "a.h5ad");
  const AnnData found = read_h5ad(folder / "a.h5ad");
  CHECK(found.var.index == small_options().genes);
  CHECK(to_dense<float>(*found.X) ==
        to_dense<float>(select_columns(Matrix(X), std::vector<size_t>{2, 0, 3, 1})));
  // Nothing else is left in the folder.
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    files += entry.path().string().find("partial") != std::string::npos;
  CHECK(files == 0);
}

TEST_CASE("submission: counts of 2025 are normalised to the median total", "[pipeline]") {
  const TemporaryFolder folder("submission");
  AnnData cells = small_submission();
  auto labels = cells.obs.column("target_gene").text();
  labels[0] = "non-targeting";
  cells.obs.set("target_gene", labels);
  write_h5ad(folder / "in.h5ad", cells);
  PackSubmission2025Options options;
  options.genes = cells.var.index;
  options.expected_genes = 4;
  const auto done = pack_submission_2025(folder / "in.h5ad", folder / "a.vcc", options);
  CHECK(done.found.inferred);
  CHECK(done.target_sum == 28);  // the totals are 6, 10, ..., 50
  unpack(folder / "a.vcc", folder / "a.h5ad");
  const AnnData found = read_h5ad(folder / "a.h5ad");
  normalize_to_log1p(cells, {.library_log1p = true});
  CHECK(to_csr<float>(*found.X) == to_csr<float>(*cells.X));
  CHECK(found.obs.names() == std::vector<std::string>{"target_gene"});

  // log1p values that cell-eval takes for counts.
  AnnData large = cells;
  auto values = to_csr<float>(*large.X);
  values.values[0] = 15;
  values.values[5] = 29.5f;
  values.values[9] = 14.99f;
  large.X = Matrix(values);
  write_h5ad(folder / "large.h5ad", large);
  check_error<ConfigError>(
      [&] { pack_submission_2025(folder / "large.h5ad", folder / "b.vcc", options); },
      {"15 or more", "2 cells: 'cell_0', 'cell_1'"});
  CHECK(!std::filesystem::exists(folder / "b.vcc"));

  options.control = "ctrl";
  check_error<ConfigError>(
      [&] { pack_submission_2025(folder / "in.h5ad", folder / "b.vcc", options); },
      {"no cell is labelled 'ctrl'", "'non-targeting'"});
  options.control = "non-targeting";
  options.most_cells = 11;
  check_error<ConfigError>(
      [&] { pack_submission_2025(folder / "in.h5ad", folder / "b.vcc", options); },
      {"12 cells", "at most 11"});
}

TEST_CASE("submission: what the server would refuse is refused, and nothing is written",
          "[pipeline]") {
  const TemporaryFolder folder("submission");
  const auto refuse = [&](const std::function<void(AnnData&, PackSubmission2026Options&)>& change,
                          const std::vector<std::string>& said) {
    AnnData cells = small_submission();
    auto options = small_options();
    change(cells, options);
    write_h5ad(folder / "in.h5ad", cells);
    check_error<ConfigError>(
        [&] { pack_submission_2026(folder / "in.h5ad", folder / "a.vcc", options); }, said);
    CHECK(!std::filesystem::exists(folder / "a.vcc"));
  };
  const auto label = [](AnnData& cells, const char* key, std::vector<size_t> of, const char* name) {
    auto labels = cells.obs.column(key).text();
    for (const size_t i : of) labels[i] = name;
    cells.obs.set(key, labels);
  };
  const auto set = [](AnnData& cells, size_t at, float x) {
    auto X = to_csr<float>(*cells.X);
    X.values[at] = x;
    cells.X = Matrix(X);
  };
  using Options = PackSubmission2026Options;
  refuse([](AnnData&, Options& o) { o.genes.push_back("h"); }, {"the file lacks 1 gene: 'h'"});
  refuse([](AnnData&, Options& o) { o.genes.pop_back(); }, {"the list lacks 1 gene: 'g1'"});
  refuse([](AnnData&, Options& o) { o.genes[1] = "g2"; }, {"the list has twice 1 gene: 'g2'"});
  refuse([](AnnData& a, Options&) { a.var.index[1] = "g2"; }, {"the file has twice 1 gene: 'g2'"});
  refuse([](AnnData&, Options& o) { o.expected_genes = 18533; }, {"4 genes", "18533"});
  refuse(
      [&](AnnData& a, Options&) {
        label(a, "target_gene", {1, 4}, "non-targeting");
      },
      {"2 cells: 'cell_1', 'cell_4'", "no control cells"});
  refuse([](AnnData&, Options& o) { o.most_cells = 11; }, {"12 cells", "at most 11"});
  refuse([](AnnData&, Options& o) { o.panel.push_back({"C"}); },
         {"the file lacks 1 perturbation: 'C'"});
  refuse([](AnnData&, Options& o) { o.panel.pop_back(); }, {"the list lacks 1 perturbation: 'B'"});
  refuse([](AnnData&, Options& o) { o.panel.push_back({"A"}); }, {"twice 1 perturbation: 'A'"});
  refuse([](AnnData&, Options& o) { o.contexts = {"x"}; }, {"the manifest lacks 1 context: 'y'"});
  refuse(
      [](AnnData&, Options& o) {
        o.contexts = {"x", "y", "z"};
      },
      {"the file lacks 1 context: 'z'"});
  refuse([&](AnnData& a, Options&) { label(a, "target_gene", {0}, "B"); },
         {"2 perturbations: 'A in x: 2 cells, expected 3', 'B in x: 4 cells, expected 3'"});
  refuse([](AnnData&, Options& o) { o.panel[1].cells = 4; }, {"B in x: 3 cells, expected 4"});
  refuse([](AnnData&, Options& o) { o.most_values = 47; }, {"48 values", "at most 47"});
  refuse([](AnnData&, Options& o) { o.most_counts = 49; }, {"total above 49", "1 cell: 'cell_11'"});
  refuse(
      [&](AnnData& a, Options&) {
        set(a, 5, 1.5f);
        set(a, 47, -1);
      },
      {"2 cells: 'cell_1', 'cell_11'", "raw counts"});
  refuse([&](AnnData& a, Options&) { set(a, 5, INFINITY); }, {"1 cell: 'cell_1'"});
  refuse([&](AnnData& a, Options&) { set(a, 5, NAN); }, {"1 cell: 'cell_1'"});
  refuse([](AnnData&, Options& o) { o.context_key = "batch"; }, {"'batch'"});
}

TEST_CASE("submission: where it cannot be written is found before cells are", "[pipeline]") {
  const TemporaryFolder folder("submission");
  write_h5ad(folder / "in.h5ad", small_submission());
  std::filesystem::create_directory(folder / "a.vcc");
  auto options = small_options();
  bool wrote = false;
  options.callbacks.progress = [&](const ProgressUpdate& update) {
    wrote = wrote || update.stage == "write";
    return true;
  };
  for (const char* name : {"a.vcc", "none/a.vcc"}) {
    CHECK_THROWS_AS(pack_submission_2026(folder / "in.h5ad", folder / name, options), WriteError);
    CHECK_FALSE(wrote);
  }
  std::filesystem::remove(folder / "a.vcc");
  // What a writer that was killed left behind goes, beside a symbolic link too.
  std::filesystem::create_directory(folder / "elsewhere");
  write_text(folder / "elsewhere/b.vcc", "old");
  std::filesystem::create_symlink(folder / "elsewhere/b.vcc", folder / "a.vcc");
  const std::string left = ".0123456789abcdef.partial";
  write_text(folder / ("a.vcc" + left), "x");
  write_text(folder / ("elsewhere/b.vcc" + left), "x");
  pack_submission_2026(folder / "in.h5ad", folder / "a.vcc", options);
  CHECK(wrote);
  CHECK(std::filesystem::is_symlink(folder / "a.vcc"));
  CHECK(read_tar(folder / "elsewhere/b.vcc").size() == 2);
  CHECK_FALSE(std::filesystem::exists(folder / ("a.vcc" + left)));
  CHECK_FALSE(std::filesystem::exists(folder / ("elsewhere/b.vcc" + left)));
}

TEST_CASE("submission: a container that holds more than the disk is given up at once",
          "[pipeline]") {
  if (!std::filesystem::exists("/dev/full")) VCELL_SKIP("there is no /dev/full");
  const TemporaryFolder folder("submission");
  write_text(folder / "zeros", std::string(size_t(64) << 20, '\0'));
  std::string frame;
  compress_zstd(folder / "zeros", [&](std::string_view bytes) { frame += bytes; });
  {
    TarWriter tar(folder / "a.vcc");
    tar.begin(submission_member);
    for (size_t n = 0; n < (size_t(3) << 20); n += frame.size()) tar.append(frame);
    tar.end();
    tar.finish();
  }
  size_t blocks = 0;
  std::filesystem::create_symlink("/dev/full", folder / "cells");
  check_error<WriteError>(
      [&] {
        unpack_submission(folder / "a.vcc", folder / "cells", [&](const ProgressUpdate&) {
          ++blocks;
          return true;
        });
      },
      {"unpack_submission", "disk full"});
  CHECK(blocks <= 1);
}

TEST_CASE("submission: a watcher stops every stage, and nothing stays behind", "[pipeline]") {
  const TemporaryFolder folder("submission");
  write_h5ad(folder / "in.h5ad", small_submission());
  for (const std::string stage : {"read", "check", "write", "compress"}) {
    auto options = small_options();
    options.callbacks.progress = [&](const ProgressUpdate& update) {
      return update.stage != stage;
    };
    CHECK_THROWS_AS(pack_submission_2026(folder / "in.h5ad", folder / "a.vcc", options), Stopped);
    size_t files = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path()))
      ++files;
    CHECK(files == 1);
  }
}
