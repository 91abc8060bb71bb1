// The genes of the model by a list, and where they and the split are read from.
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/pipeline/read_inputs.hpp"
#include "vcell/preprocess/preprocess_train.hpp"
#include "vcell/simulate/simulate_screen.hpp"

using namespace vcell;
using namespace vcell_test;
namespace fs = std::filesystem;

namespace {

AnnData listed_screen() {
  return simulate_screen({.seed = 5, .genes = 30, .perturbations = 4, .cells_per_perturbation = 10})
      .screen;
}

Experiment listed_experiment() {
  Experiment e;
  e.labels.context_keys = {"context"};
  e.hvgs = 10;
  return e;
}

}  // namespace

TEST_CASE("prepare: the genes of a list are the model's, in its order", "[pipeline]") {
  const AnnData screen = listed_screen();
  Experiment e = listed_experiment();
  const auto& names = screen.var.index;
  PrepareInputs given;
  given.genes = {names[7], names[2], names[20]};
  CHECK(prepare(screen, e, given).screen.genes == given.genes);
  e.all_genes = true;
  const auto all = prepare(screen, e, given);
  CHECK(all.screen.genes == names);
  CHECK(all.model_genes == given.genes);

  given.genes = {names[7], "no such gene", "nor this"};
  check_error<ConfigError>([&] { prepare(screen, e, given); },
                           {"[data] gene_list", "2 genes", "no such gene", "nor this"});
  given.genes = {names[7], names[3], names[7]};
  check_error<ConfigError>([&] { prepare(screen, e, given); }, {names[7], "twice"});
}

TEST_CASE("read_inputs: a list of genes is a file, or in the screen", "[pipeline]") {
  const TemporaryFolder folder;
  AnnData screen = listed_screen();
  Experiment e = listed_experiment();
  e.data = folder / "screen.h5ad";
  e.gene_list = "uns:X_hvg_var_names";
  write_h5ad(e.data, screen);
  check_error<ConfigError>([&] { read_inputs(e); },
                           {"[data] gene_list", "uns:X_hvg_var_names", "vcell preprocess"});
  preprocess_train(screen, {.hvg = {.n_top_genes = 12}});
  write_h5ad(e.data, screen);
  const auto found = read_inputs(e).inputs.genes;
  CHECK(found.size() >= 12);  // and ties
  CHECK(found == *find(screen.uns, "X_hvg_var_names")->texts());
  screen.uns.insert_or_assign("X_hvg_var_names", Value(1.0));
  write_h5ad(e.data, screen);
  check_error<ConfigError>([&] { read_inputs(e); }, {"something else than"});

  e.gene_list = folder / "genes.txt";
  write_text(e.gene_list, " " + screen.var.index[3] + "\r\n\n" + screen.var.index[1]);
  CHECK(read_inputs(e).inputs.genes ==
        std::vector<std::string>{screen.var.index[3], screen.var.index[1]});
  write_text(e.gene_list, "\n \n");
  check_error<FormatError>([&] { read_inputs(e); }, {"genes.txt", "no names"});
  fs::remove(e.gene_list);
  check_error<IoError>([&] { read_inputs(e); }, {"genes.txt"});
}

TEST_CASE("read_inputs: a split's paths begin at its folder or the working directory",
          "[pipeline]") {
  const TemporaryFolder folder;
  fs::create_directory(folder.path() / "splits");
  Experiment e = listed_experiment();
  e.data = folder / "screen.h5ad";
  write_h5ad(e.data, listed_screen());
  e.split = folder / "splits/split.toml";
  write_text(e.split, "[datasets]\nmine = \"screen.h5ad\"\n[training]\nmine = \"train\"\n");
  const auto before = fs::current_path();
  fs::current_path(folder.path());
  const auto beside_file = read_inputs(e).inputs.dataset;
  e.split_paths = PathsBegin::working_directory;
  const auto here = read_inputs(e).inputs.dataset;
  fs::current_path(before);
  CHECK(beside_file == "screen");  // the file's own name: splits/screen.h5ad is another
  CHECK(here == "mine");
}

TEST_CASE("settings: controls are drawn within the batch where the model knows batches",
          "[pipeline]") {
  StateTransitionSettings s;
  CHECK(!s.pairs_within_batch());
  s.batch_encoder = true;
  CHECK(s.pairs_within_batch());
  s.pair_within = PairWithin::context;
  CHECK(!s.pairs_within_batch());
  s = {};
  s.pair_within = PairWithin::batch;
  CHECK(s.pairs_within_batch());
  check_error<ConfigError>([&] { check_settings(s, {}); }, {"[sets] pair_within", "batch_key"});
}
