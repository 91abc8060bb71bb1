#include <algorithm>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/small_experiment.hpp"
#include "support/temporary_folder.hpp"
#include "support/threads.hpp"
#include "vcell/pipeline/files_of_split.hpp"
#include "vcell/pipeline/run_in_folder.hpp"

using namespace vcell;
using namespace vcell_test;
namespace fs = std::filesystem;

namespace {

Experiment from_files_experiment() {
  Experiment e = small_experiment();
  e.hvgs = 12;
  e.methods = {"perturbation_mean", "control_copy"};
  e.ceiling = false;
  e.intervals = IntervalScope::none;
  return e;
}

/// Cells of some contexts, with genes in an order of their own and without some.
AnnData cells_of_contexts(const std::vector<std::string>& contexts,
                          const std::vector<size_t>& without, bool backwards) {
  const AnnData all = small_cells();
  const auto context = all.obs.column("context").text();
  std::vector<size_t> cells, genes;
  for (size_t i = 0; i < context.size(); ++i)
    if (std::find(contexts.begin(), contexts.end(), context[i]) != contexts.end())
      cells.push_back(i);
  for (size_t g = 0; g < all.genes(); ++g)
    if (std::find(without.begin(), without.end(), g) == without.end()) genes.push_back(g);
  if (backwards) std::reverse(genes.begin(), genes.end());
  return subset(all, cells, genes);
}

/// An experiment on two files: the first has two contexts, the second the third one.
Experiment on_two_files(const TemporaryFolder& folder) {
  const auto names = factor(small_cells().obs.column("context")).names;
  REQUIRE(names.size() == 3);
  Experiment e = from_files_experiment();
  e.data = folder / "a.h5ad";
  e.more_files = {folder / "b.h5ad"};
  write_h5ad(e.data, cells_of_contexts({names[0], names[1]}, {3}, false));
  write_h5ad(e.more_files[0], cells_of_contexts({names[2]}, {8, 11}, true));
  return e;
}

Prepared read_and_prepare(const Experiment& e, const Callbacks& callbacks = {}) {
  auto [cells, inputs] = read_inputs(e, callbacks);
  return prepare(std::move(cells), e, inputs, callbacks);
}

/// The same cells without X, and X beside them.
ScreenCells apart(AnnData cells) {
  AnyRows X = AnyRows::of(std::move(*cells.X));
  cells.X.reset();
  return {std::move(cells), std::move(X)};
}

/// X with other numbers of the same values.
template <class T>
AnnData with_values(AnnData cells, bool dense) {
  CsrMatrix<T> X = to_csr<T>(*cells.X);
  cells.X = dense ? Matrix(to_dense<T>(Matrix(X))) : Matrix(std::move(X));
  return cells;
}

void check_same(const Prepared& a, const Prepared& b) {
  CHECK(a.screen.expression == b.screen.expression);
  CHECK(a.screen.genes == b.screen.genes);
  CHECK(a.model_genes == b.model_genes);
  CHECK(a.parts == b.parts);
  CHECK(a.split == b.split);
  CHECK(a.genes_before == b.genes_before);
  CHECK(a.normalized.target_sum == b.normalized.target_sum);
  CHECK(a.normalized.empty_cells == b.normalized.empty_cells);
  CHECK(a.annotations.obs == b.annotations.obs);
  CHECK(a.annotations.var == b.annotations.var);
  CHECK(a.annotations.uns == b.annotations.uns);
  CHECK_FALSE(b.annotations.X);
}

}  // namespace

TEST_CASE("several files: as their cells in one file, in memory and in blocks", "[pipeline]") {
  const TemporaryFolder folder;
  Experiment e = on_two_files(folder);
  Experiment one = e;
  one.data = folder / "one.h5ad";
  one.more_files.clear();
  concat_files({e.data, e.more_files[0]}, one.data,
               {.label = "dataset", .keys = {"a", "b"}, .unique_names = true});
  const Prepared expected = read_and_prepare(one), memory = read_and_prepare(e);
  e.memory = 1e-6;  // GB
  std::vector<std::string> notes;
  const Prepared blocks =
      read_and_prepare(e, {{}, [&](const std::string& line) { notes.push_back(line); }});
  CHECK(std::any_of(notes.begin(), notes.end(), [](const std::string& line) {
    return line.find("read in blocks") != line.npos;
  }));
  for (const Prepared* p : {&memory, &blocks}) {
    CHECK(p->genes_before == 27);
    CHECK(p->screen.expression == expected.screen.expression);
    CHECK(p->screen.genes == expected.screen.genes);
    CHECK(p->screen.context == expected.screen.context);
    CHECK(p->parts == expected.parts);
    CHECK(p->normalized.target_sum == expected.normalized.target_sum);
    CHECK(p->annotations.obs == expected.annotations.obs);
    CHECK(p->annotations.var == expected.annotations.var);
    CHECK(p->dataset.names == std::vector<std::string>{"a", "b"});
    CHECK(p->split.training == std::set<std::string>{"a", "b"});
  }
  CHECK(expected.dataset.names.empty());
  CHECK(count_parts(expected.parts)[size_t(Part::test)] > 0);

  // What is told apart by its data set.
  e.labels.context_keys = {"dataset", "context"};
  CHECK(read_and_prepare(e).screen.context.names[2].starts_with("b|"));
  e.labels.context_keys = {"context"};
  e.all_genes = true;
  check_error<ConfigError>([&] { read_inputs(e); }, {"[data] all_genes", "[data] memory"});
  e.all_genes = false;
  e.hvgs = 0;
  check_error<ConfigError>([&] { read_inputs(e); }, {"[data] hvgs", "[data] memory"});
  e.memory = 0;
  CHECK(read_and_prepare(e).screen.genes.size() == 27);
  e.dataset_column = "context";
  check_error<ConfigError>([&] { read_inputs(e); }, {"[data] dataset_column", "'context'"});
  e.dataset_column = "";
  check_error<ConfigError>([&] { check_experiment(e); }, {"[data] dataset_column"});
  e.dataset_column = "dataset";
  e.more_files.push_back(e.data);
  check_error<ConfigError>([&] { read_inputs(e); }, {"[data] more_files", "a.h5ad", "twice"});
  e.more_files.clear();
  Experiment alone = e;
  alone.data.clear();
  alone.more_files = {e.data};
  check_error<ConfigError>([&] { check_experiment(alone); }, {"[data] more_files", "[data] path"});
}

TEST_CASE("several files: a split says what each data set holds out", "[pipeline]") {
  const TemporaryFolder folder;
  const auto contexts = factor(small_cells().obs.column("context")).names;
  // The same context in both files, other cells of it.
  Experiment e = from_files_experiment();
  e.data = folder / "a.h5ad";
  e.more_files = {folder / "b.h5ad"};
  const AnnData cells = cells_of_contexts({contexts[0], contexts[1]}, {}, false);
  write_h5ad(e.data, cells);
  write_h5ad(e.more_files[0], cells);
  e.split = folder / "split.toml";
  const auto perturbation = cells.obs.column("perturbation").text();
  const auto held = *std::find_if(perturbation.begin(), perturbation.end(),
                                  [&](const auto& name) { return name != e.labels.control; });
  const std::string sets = "[datasets]\nfirst = \"a.h5ad\"\nsecond = \"b.h5ad\"\n";
  write_text(e.split, message(sets, "[training]\nfirst = \"train\"\nsecond = \"train\"\n",
                              "[fewshot.\"second.", contexts[1], "\"]\ntest = [\"", held, "\"]\n"));
  std::vector<std::string> notes;
  const Prepared p =
      read_and_prepare(e, {{}, [&](const std::string& line) { notes.push_back(line); }});
  REQUIRE(p.screen.cells() == 2 * cells.cells());
  size_t test = 0;
  for (size_t i = 0; i < p.parts.size(); ++i) {
    const bool second = i >= cells.cells();
    const size_t row = i % cells.cells();
    const bool is_held = second && perturbation[row] == held &&
                         cells.obs.column("context").text()[row] == contexts[1];
    REQUIRE((p.parts[i] == Part::test) == is_held);
    REQUIRE(p.annotations.obs.column("dataset").text()[i] == (second ? "second" : "first"));
    REQUIRE(p.annotations.obs.index[i] == message(cells.obs.index[row], '-', int(second)));
    test += is_held;
  }
  CHECK(test > 0);
  CHECK(std::any_of(notes.begin(), notes.end(), [&](const std::string& line) {
    return line.find("several data sets have cells of '" + contexts[0]) != line.npos;
  }));
  write_text(e.split, "[datasets]\nfirst = \"a.h5ad\"\n[training]\nfirst = \"train\"\n");
  check_error<ConfigError>([&] { read_and_prepare(e); }, {"'b'", "[datasets]"});
}

TEST_CASE("several files: a run records and goes on with all of them", "[pipeline]") {
  const TemporaryFolder folder;
  Experiment e = on_two_files(folder);
  e.memory = 1e-6;
  e.methods = {"state_transition", "perturbation_mean"};
  e.training.max_steps = 2;
  const fs::path out = folder.path() / "run";
  const auto first = run_in_folder(e, out);
  const std::string stamps = read_text(out / "data.csv");
  CHECK(stamps.find("a.h5ad") != stamps.npos);
  CHECK(stamps.find("[data] more_files 1") != stamps.npos);
  CHECK(read_experiment(out / "experiment.toml").more_files == e.more_files);
  CHECK(read_split(out / "split.toml").datasets.size() == 2);
  const auto again = run_in_folder(e, out, {.old = OldRun::resume});
  CHECK(again.prepared.parts == first.prepared.parts);
  CHECK(again.predicted.cells == first.predicted.cells);
  CHECK(read_h5ad(out / "predictions.h5ad").obs.has("dataset"));
  // Another file in the place of the second.
  write_h5ad(e.more_files[0],
             cells_of_contexts({first.prepared.screen.context.names[2]}, {}, true));
  check_error<ConfigError>([&] { run_in_folder(e, out, {.old = OldRun::resume}); },
                           {"[data] more_files 1", "b.h5ad"});
}

TEST_CASE("several files: those of a split's data sets, a folder or a pattern", "[pipeline]") {
  const TemporaryFolder folder;
  Experiment e = on_two_files(folder);
  const auto contexts = factor(small_cells().obs.column("context")).names;
  const std::string held = factor(small_cells().obs.column("perturbation")).names[0];
  REQUIRE(held != e.labels.control);
  write_text(folder / "unused.h5ad", "no cells are read from here");
  e.split = folder / "split.toml";
  const auto with = [&](const std::string& path) {
    write_text(e.split,
               message("[datasets]\nboth = ", toml_string(path), "\nother = \"unused.h5ad\"",
                       "\n[training]\nboth = \"train\"\n[fewshot.\"both.", contexts[2],
                       "\"]\ntest = [\"", held, "\"]\n"));
  };
  with("[ab].h5ad");
  Experiment found = e;
  found.data.clear();
  found.more_files.clear();
  take_files_of_split(found);
  CHECK(found.data == e.data);
  CHECK(found.more_files == e.more_files);
  const auto p = read_and_prepare(found);
  CHECK(p.dataset.names == std::vector<std::string>{"both"});
  size_t test = 0;
  for (size_t i = 0; i < p.parts.size(); ++i) {
    const auto& s = p.screen;
    const bool is_held = s.context.names[size_t(s.context.codes[i])] == contexts[2] &&
                         s.perturbation.names[size_t(s.perturbation.codes[i])] == held;
    CHECK((p.parts[i] == Part::test) == is_held);
    test += is_held;
  }
  CHECK(test > 0);
  fs::create_directory(folder.path() / "folder");
  fs::rename(e.data, folder.path() / "folder/a.h5ad");
  fs::rename(e.more_files[0], folder.path() / "folder/b.h5ad");
  with("folder");
  found.data.clear();
  found.more_files.clear();
  take_files_of_split(found);
  CHECK(found.more_files.size() == 1);
  CHECK(read_and_prepare(found).parts == p.parts);
  // What is named stays; what has no file is said.
  Experiment named = e;
  named.more_files.clear();
  take_files_of_split(named);
  CHECK(named.data == e.data);
  CHECK(named.more_files.empty());
  with("absent/*.h5ad");
  found.data.clear();
  found.more_files.clear();
  check_error<ConfigError>([&] { take_files_of_split(found); }, {"[data] path", "absent"});
  CHECK(found.data.empty());
}

TEST_CASE("several files: an obs column says the part of every cell", "[pipeline]") {
  const TemporaryFolder folder;
  Experiment e = on_two_files(folder);
  e.validation = e.validation_pairs = 0;
  // Every third cell is test, also within a pair; every fourth of the others has no part.
  std::vector<Part> wanted;
  for (const std::string& file : {e.data, e.more_files[0]}) {
    AnnData cells = read_h5ad(file);
    std::vector<Part> parts(cells.cells(), Part::train);
    for (size_t i = 0; i < parts.size(); ++i)
      parts[i] = i % 3 == 0 ? Part::test : i % 4 == 0 ? Part::unused : Part::train;
    write_split_column(cells, "mine", parts);
    write_h5ad(file, cells);
    wanted.insert(wanted.end(), parts.begin(), parts.end());
  }
  e.split = "obs:mine";
  const fs::path out = folder.path() / "run";
  std::vector<std::string> notes;
  RunInFolderOptions options;
  options.callbacks.note = [&](const std::string& line) { notes.push_back(line); };
  const auto done = run_in_folder(e, out, options);
  CHECK(done.prepared.parts == wanted);
  CHECK(std::any_of(notes.begin(), notes.end(), [](const std::string& line) {
    return line.find("some cells train and others are tested") != line.npos;
  }));
  CHECK(done.report.warnings.back().find("obs column 'mine'") != std::string::npos);
  const SplitSpec kept = read_split(out / "split.toml");
  CHECK(kept.column == "mine");
  CHECK(parse_split(format_split(kept)) == kept);
  CHECK(read_experiment(out / "experiment.toml").split == "obs:mine");
  options.old = OldRun::resume;
  CHECK(run_in_folder(e, out, options).prepared.parts == wanted);

  e.split = "obs:none";
  check_error<ConfigError>([&] { read_and_prepare(e); }, {"'none'"});
  e.split = "obs:";
  check_error<ConfigError>([&] { read_inputs(e); }, {"[split] path", "obs:"});
  const std::string sets = "[datasets]\na = \"a.h5ad\"\n[cells]\ncolumn = \"mine\"\n";
  for (const std::string wrong : {"seed = 3\n", "[zeroshot]\n\"a.x\" = \"test\"\n"})
    check_error<FormatError>([&] { parse_split(sets + wrong); }, {"column", "mine"});
  check_error<ConfigError>([&] { assign_parts(done.prepared.screen, kept, "a"); },
                           {"assign_parts", "'mine'"});
}

TEST_CASE("prepare: X in blocks gives the bytes of X in memory", "[pipeline]") {
  const AnnData cells = small_cells();
  Experiment filtered = from_files_experiment();
  const auto above_least = [](Filtered judged) {  // which the least do not reach
    return size_t(*std::min_element(judged.numbers.begin(), judged.numbers.end())) + 1;
  };
  filtered.min_genes = above_least(filter_cells(*cells.X, {.min_genes = 0}));
  filtered.min_cells = above_least(filter_genes(*cells.X, {.min_cells = 0}));
  Experiment all = from_files_experiment();
  all.all_genes = true;
  all.choose_from = ChooseFrom::all;
  Experiment every = from_files_experiment();
  every.hvgs = 0;
  every.target_sum = 1000;
  for (const Experiment& e : {from_files_experiment(), filtered, all, every}) {
    const Prepared memory = prepare(cells, e);
    check_same(memory, prepare(apart(cells), e));
    CHECK(memory.screen.expression.values.size() > 100);
    check_same(prepare(with_values<double>(cells, false), e),
               prepare(apart(with_values<double>(cells, false)), e));
    check_same(memory, prepare(apart(with_values<float>(cells, true)), e));
  }
  REQUIRE(prepare(cells, filtered).parts.size() < cells.cells());
  REQUIRE(prepare(cells, filtered).genes_before < cells.genes());

  // Genes in an order of one's own, and X that is log1p already.
  PrepareInputs given;
  given.genes = {cells.var.index[7], cells.var.index[2], cells.var.index[20]};
  AnnData log1p = cells;
  normalize_to_log1p(log1p);
  for (const AnnData& some : {cells, log1p}) {
    const Prepared p = prepare(apart(some), from_files_experiment(), given);
    check_same(prepare(some, from_files_experiment(), given), p);
    CHECK(p.screen.genes == given.genes);
  }
  // A value that no gene of the model has is looked at, too.
  std::vector<float> values(log1p.X->values().size());
  log1p.X->values().copy(0, values.size(), values.data());
  values[11] = std::numeric_limits<float>::infinity();
  AnnData bad = cells;
  CsrMatrix<float> X = to_csr<float>(*log1p.X);
  X.values = values;
  bad.X = Matrix(std::move(X));
  bad.uns = log1p.uns;
  for (const bool blocks : {false, true})
    check_error<ConfigError>(
        [&] {
          blocks ? prepare(apart(bad), from_files_experiment())
                 : prepare(bad, from_files_experiment());
        },
        {"inf"});
}

TEST_CASE("run: X in blocks gives the scores of X in memory, on any threads", "[pipeline]") {
  Experiment e = from_files_experiment();
  e.methods = {"state_transition", "perturbation_mean"};
  e.training.max_steps = 2;
  const auto memory = run(small_cells(), e);
  check_same_on_any_threads([&] {
    const auto blocks = run(apart(small_cells()), e);
    REQUIRE(blocks.predicted.cells == memory.predicted.cells);
    const auto& scores = blocks.report.evaluation.contexts.at(0).scores;
    const auto& expected = memory.report.evaluation.contexts.at(0).scores;
    REQUIRE(scores.columns.size() == expected.columns.size());
    for (size_t i = 0; i < scores.columns.size(); ++i)
      REQUIRE(scores.columns[i].values == expected.columns[i].values);
    return blocks.predicted.cells.values;
  });
}
