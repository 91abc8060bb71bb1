// vcell preprocess: steps by flags, and as a list.
#include "support/catch.hpp"
#include "support/program.hpp"
#include "vcell/io/h5ad.hpp"

using namespace vcell_test;

TEST_CASE("program: preprocess by flags is the list of the same steps", "[program]") {
  const TemporaryFolder folder("preprocess");
  const auto ran = [&](const std::string& words) {
    const auto r = run_vcell_in(folder, words);
    INFO(words << '\n' << r.err);
    CHECK(r.code == 0);
    return r.err;
  };
  ran("simulate --genes 30 --perturbations 4 --cells-per-perturbation 8 --control-cells 20 "
      "--out s.h5ad");
  const std::string said =
      ran("preprocess --adata s.h5ad --output flags.h5ad --num_hvgs 9 --qc --percent-top 3 "
          "--percent-top 7 --min-genes 4 --max-cells 100000 --exclude-highly-expressed "
          "--max-fraction 0.2 --filter-knockdown --residual-expression 2 "
          "--cell-residual-expression 3 --min-perturbation-cells 1 --perturbation-key perturbation "
          "--regress-out total_counts --scale-genes --max-value 4 --pca 3");
  CHECK_THAT(said, contains("knock-down: dropped") && contains("obsm X_hvg") &&
                       contains("3 principal components"));
  vcell::write_text(folder.path() / "steps.toml", R"(
[[step]]
name = "qc_metrics"
percent_top = [3, 7]
[[step]]
name = "filter_cells"
min_genes = 4
[[step]]
name = "filter_genes"
max_cells = 100000
[[step]]
name = "filter_on_target_knockdown"
residual_expression = 2
cell_residual_expression = 3
min_cells = 1
perturbation_key = "perturbation"
[[step]]
name = "preprocess_train"
n_top_genes = 9
exclude_highly_expressed = true
max_fraction = 0.2
[[step]]
name = "regress_out"
keys = ["total_counts"]
[[step]]
name = "scale_genes"
max_value = 4
[[step]]
name = "pca"
components = 3
gene_mask = "highly_variable"
)");
  ran("preprocess --data s.h5ad --out list.h5ad --steps steps.toml");
  const auto flags = vcell::read_text(folder.path() / "flags.h5ad");
  CHECK((flags == vcell::read_text(folder.path() / "list.h5ad")));
  CHECK_THAT(ran("preprocess --data s.h5ad --out blocks.h5ad --steps steps.toml --memory 1e-6"),
             contains("read in blocks"));
  CHECK((flags == vcell::read_text(folder.path() / "blocks.h5ad")));
}

TEST_CASE("program: preprocess says what is wrong with its steps", "[program]") {
  const TemporaryFolder folder("preprocess_wrong");
  REQUIRE(run_vcell_in(folder,
                       "simulate --genes 30 --perturbations 4 --cells-per-perturbation 8 "
                       "--control-cells 20 --out s.h5ad")
              .code == 0);
  vcell::write_text(folder.path() / "steps.toml",
                    "[[step]]\nname = \"log1p\"\n[[step]]\nname = \"regress_out\"\n"
                    "keys = [\"phase\"]\n");
  vcell::write_text(folder.path() / "slip.toml", "[[step]]\nname = \"filter_cell\"\n");
  const auto wrong = [&](const std::string& words, const std::vector<std::string>& texts) {
    const auto r = run_vcell_in(folder, "preprocess --data s.h5ad --out o.h5ad " + words);
    INFO(words << '\n' << r.err);
    CHECK(r.code == 2);
    for (const std::string& text : texts) CHECK_THAT(r.err, contains(text));
    CHECK(!std::filesystem::exists(folder.path() / "o.h5ad"));
  };
  wrong("--steps steps.toml", {"steps.toml, step 2", "regress_out", "'phase'"});
  wrong("--steps slip.toml", {"slip.toml, line 2", "'filter_cells'"});
  wrong("--steps none.toml", {"none.toml"});
  wrong("--steps steps.toml --min-genes 3", {"--min-genes", "--steps"});
  wrong("--min-genes many", {"--min-genes", "'many'"});
  wrong("--max-value 3", {"--max-value", "--scale-genes"});
  wrong("--regress-out phase", {"regress_out", "'phase'"});
  wrong("--pca 1.5", {"--pca is 1.5"});
  wrong("--qc", {"percent_top has 50", "1 .. 30"});
}
