#include "vcell/pipeline/training_gene_names.hpp"

#include "support/errors.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/io/h5ad.hpp"

using namespace vcell;
using vcell_test::check_error;
using Names = std::vector<std::string>;

TEST_CASE("training_gene_names: of a list, or of the file that a model was trained on",
          "[pipeline]") {
  const vcell_test::TemporaryFolder folder;
  const auto list = folder.path() / "genes.txt", file = folder.path() / "data.h5ad";
  write_text(list, "B\nA\n");
  CHECK(training_gene_names(list, 2) == Names{"B", "A"});
  check_error<ConfigError>([&] { training_gene_names(list, 3); }, {"genes.txt", "2 names", "3"});
  AnnData data;
  data.obs.index = {"c"};
  data.var.index = {"A", "B", "C", "D"};
  data.var.set("highly_variable", Numbers::truths({1, 0, 1, 1}));
  data.uns.insert_or_assign("X_hvg_var_names", Names{"D", "A"});
  write_h5ad(file, data);
  CHECK(training_gene_names(file, 2) == Names{"D", "A"});
  CHECK(training_gene_names(file, 3) == Names{"A", "C", "D"});
  CHECK(training_gene_names(file, 4) == Names{"A", "B", "C", "D"});
  // What a file is says its content, not its name.
  const auto renamed = folder.path() / "data.txt", listed = folder.path() / "list.h5ad";
  std::filesystem::copy_file(file, renamed);
  std::filesystem::copy_file(list, listed);
  CHECK(training_gene_names(renamed, 4) == Names{"A", "B", "C", "D"});
  CHECK(training_gene_names(listed, 2) == Names{"B", "A"});
  check_error<ConfigError>([&] { training_gene_names(file, 5); },
                           {"data.h5ad", "4 genes, 3 of them marked", "2 named", "with 5"});
}
