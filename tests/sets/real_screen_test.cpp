// A real screen from its file to batches: replicates as contexts.
#include <set>

#include "sets/small_screen.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/preprocess/normalize_to_log1p.hpp"
#include "vcell/sets/default_split.hpp"
#include "vcell/sets/set_loader.hpp"
#include "vcell/sets/split.hpp"
#include "vcell/sets/split_toml.hpp"
#include "vcell/sets/validation_cells.hpp"

using namespace vcell;

TEST_CASE("real_screen: ten perturbations of a replicate held out", "[sets]") {
  const auto folder = vcell_test::folder_from("VCELL_DATA");
  if (!folder) VCELL_SKIP("VCELL_DATA names no folder");
  const auto file = *folder / "papalexi2021_lowmoi_demo.h5ad";
  if (!std::filesystem::exists(file)) VCELL_SKIP(file.string() + " is absent");
  AnnData adata = read_h5ad(file);
  normalize_to_log1p(adata, {.scale = Scale::counts});
  ScreenOptions options;
  options.context_keys = {"batch"};
  options.batch_key = "batch";
  const Screen screen = make_screen(adata, options);
  CHECK(screen.cells() == 6343);
  CHECK(screen.genes.size() == 299);
  CHECK(screen.perturbation.names.size() == 24);
  CHECK(screen.context.names == std::vector<std::string>{"rep_1", "rep_2", "rep_3"});

  const SplitSpec spec = parse_split(R"(
[datasets]
screen = "papalexi2021_lowmoi_demo.h5ad"
[training]
screen = "train"
[fewshot."screen.rep_3"]
test = ["IFNGR1", "JAK2", "STAT1", "SMAD4", "IRF1", "CD86", "ATF2", "STAT2", "CAV1", "BRD4"]
)");
  CHECK(check_split(screen, spec, "screen").empty());
  auto parts = assign_parts(screen, spec, "screen");
  const auto test = parts;
  std::set<std::string> held;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i] != Part::test) continue;
    CHECK(vcell_test::context_of(screen, i) == "rep_3");
    held.insert(vcell_test::perturbation_of(screen, i));
  }
  CHECK(held.size() == 10);
  CHECK(unseen_perturbations(screen, parts).empty());
  const size_t validation = add_validation_cells(screen, parts);
  const auto trained = count_parts(test)[size_t(Part::train)] - 900;
  CHECK(std::abs(double(validation) / double(trained) - 0.1) < 0.01);
  for (size_t i = 0; i < parts.size(); ++i)
    CHECK((test[i] == Part::test) == (parts[i] == Part::test));

  SetLoader loader(screen, parts);
  std::set<size_t> cells;
  for (size_t step = 0; step < loader.source().batches() + 1; ++step) {
    const SetBatch& batch = loader.next();
    for (const size_t cell : batch.target_cells) {
      CHECK(parts[cell] == Part::train);
      cells.insert(cell);
    }
    for (size_t i = 0; i < batch.control_cells.size(); ++i) {
      CHECK(screen.is_control(batch.control_cells[i]));
      CHECK(screen.context.codes[batch.control_cells[i]] == batch.context[i / 32]);
    }
  }
  CHECK(cells.size() == count_parts(parts)[size_t(Part::train)]);

  const auto made = default_split(screen, {"screen", file.string()});
  CHECK(made.spec.fewshot.at("screen.rep_3").test.size() == 17);  // 6 of 23 stay
}
