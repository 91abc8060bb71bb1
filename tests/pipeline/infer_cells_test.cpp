#include "vcell/pipeline/infer_cells.hpp"

#include "support/errors.hpp"
#include "support/golden.hpp"
#include "support/largest_error.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/train/import_state.hpp"

using namespace vcell;
using vcell_test::check_error;

namespace {

std::filesystem::path golden_run() {
  const auto golden = vcell_test::golden_folder("state_transition");
  return golden && std::filesystem::exists(*golden / "run_folder") ? *golden / "run_folder"
                                                                   : std::filesystem::path();
}

}  // namespace

TEST_CASE("infer_cells: what the reference's infer writes, with its control cells",
          "[pipeline][golden]") {
  if (golden_run().empty()) VCELL_SKIP("no golden run_folder");
  const vcell_test::TemporaryFolder folder;
  const TrainedModel m = import_state(golden_run() / "run").model;
  const AnnData query = read_h5ad(golden_run() / "query.h5ad"),
                inferred = read_h5ad(golden_run() / "infer.h5ad");
  const auto rows = read_safetensors(golden_run() / "expected.safetensors")
                        .tensors.at("infer.control_row")
                        .as<size_t>();
  std::string csv = "row,control_row\n";
  for (size_t i = rows.size(); i-- > 0;) csv += message(i, ',', rows[i], '\n');
  write_text(folder.path() / "controls.csv", csv);
  std::vector<std::string> said;
  InferOptions options{.embedding = "X_hvg",
                       .controls = read_control_rows(folder.path() / "controls.csv", rows.size())};
  options.callbacks.note = [&](const std::string& line) { said.push_back(line); };
  const auto made = infer_cells(m, query, options);
  const auto expected = to_dense<float>(matrix(inferred.obsm, "X_hvg", "obsm"));
  CHECK(vcell_test::largest_magnitude(expected.values) > 0.1);
  CHECK(vcell_test::relative_error(made.values, expected.values) <= 1e-5);
  REQUIRE(said.size() == 1);
  CHECK_THAT(said[0], vcell_test::contains("'ZZZ'"));

  options.controls.clear();  // drawn: by the seed, and among controls alone
  const auto one = infer_cells(m, query, options), again = infer_cells(m, query, options);
  options.seed = 7;
  CHECK(one == again);
  CHECK_FALSE(infer_cells(m, query, options) == one);
  options.most = 0.5;
  CHECK(std::ranges::max(infer_cells(m, query, options).values) <= 0.5f);
  options.embedding = "X_state";
  check_error<ConfigError>([&] { infer_cells(m, query, options); }, {"X_state", "X_hvg"});
}

TEST_CASE("infer_cells: batches and contexts that the model does not know are said",
          "[pipeline][golden]") {
  if (golden_run().empty()) VCELL_SKIP("no golden run_folder");
  const TrainedModel m = import_state(golden_run() / "run").model;
  AnnData query = read_h5ad(golden_run() / "query.h5ad");
  auto batch = query.obs.column("gem_group").text(), context = query.obs.column("cell_type").text();
  const auto perturbation = query.obs.column("gene").text();
  const size_t treated = size_t(std::find_if(perturbation.begin(), perturbation.end(),
                                             [&](const auto& p) { return p != m.labels.control; }) -
                                perturbation.begin());
  batch[treated] = "new_batch";
  context[treated] = "new_context";
  query.obs.set("gem_group", batch);
  query.obs.set("cell_type", context);
  std::string said;
  InferOptions options{.embedding = "X_hvg"};
  options.callbacks.note = [&](const std::string& line) { said += line + '\n'; };
  infer_cells(m, query, options);
  CHECK_THAT(said, vcell_test::contains("'new_batch'") && vcell_test::contains("'new_context'"));
  query.obs.set("gene", std::vector<std::string>(query.cells(), "AAA"));
  check_error<ConfigError>([&] { infer_cells(m, query, options); }, {"'non-targeting'"});
}

TEST_CASE("infer_cells: lists of control rows that do not fit are refused", "[pipeline]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "controls.csv";
  const auto fails_with = [&](const std::string& text, const std::string& what) {
    write_text(path, text);
    check_error<FormatError>([&] { read_control_rows(path, 2); }, {"controls.csv", what});
  };
  write_text(path, "row,control_row\n1,0\n0,1\n");
  CHECK(read_control_rows(path, 2) == std::vector<size_t>{1, 0});
  fails_with("row,control_row\n0,1\n", "no control for row 1");
  fails_with("row,control_row\n0,1\n0,1\n", "0 comes twice");
  fails_with("row,control_row\n0,2\n1,0\n", "below 2");
  fails_with("row,control_row\n0.5,1\n1,0\n", "whole numbers");
  fails_with("row\n0\n", "control row");
}
