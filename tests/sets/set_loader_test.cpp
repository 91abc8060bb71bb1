#include "vcell/sets/set_loader.hpp"

#include <map>
#include <set>

#include "sets/small_screen.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"

using namespace vcell;
using vcell_test::check_error;
using vcell_test::small_screen;

namespace {

Screen loader_screen() {
  return small_screen({{"x", "ctrl", 11, "b1"},
                       {"x", "A", 10, "b1"},
                       {"x", "B", 3, "b2"},
                       {"y", "ctrl", 6, "b1"},
                       {"y", "ctrl", 6, "b2"},
                       {"y", "A", 5, "b2"},
                       {"y", "C", 1, "b1"}});
}

SetLoaderOptions options(size_t set_size = 4, size_t batch_size = 3) {
  SetLoaderOptions o;
  o.source.sets.set_size = set_size;
  o.source.batch_size = batch_size;
  o.source.seed = 5;
  return o;
}

std::vector<Part> trained(const Screen& s) { return std::vector<Part>(s.cells(), Part::train); }

bool same(const SetBatch& a, const SetBatch& b) {
  const auto equal = [](const auto& x, const auto& y) {
    return x.shape() == y.shape() &&
           std::equal(x.values().begin(), x.values().end(), y.values().begin());
  };
  return equal(a.input, b.input) && equal(a.target, b.target) && equal(a.batch, b.batch) &&
         equal(a.lengths, b.lengths) && a.perturbation == b.perturbation &&
         a.context == b.context && a.group == b.group && a.control_cells == b.control_cells &&
         a.target_cells == b.target_cells;
}

}  // namespace

TEST_CASE("set_loader: controls are drawn anew, kept, or taken in turn", "[sets]") {
  const Screen s = loader_screen();
  const auto parts = trained(s);
  for (const auto mapping :
       {ControlMapping::random, ControlMapping::cached, ControlMapping::cycle}) {
    auto o = options(4, 3);
    o.source.pairing.mapping = mapping;
    const SetSource source(s, parts, o.source);
    std::map<size_t, std::set<size_t>> controls_of;
    SetBatch batch, ahead;
    const size_t epochs = 4;
    std::vector<size_t> used(s.cells());
    for (size_t set = 0; set < epochs * source.sets(); ++set) {
      if (set % 3 == 0) source.read(set / 3, batch);
      const size_t b = set % 3;
      for (size_t i = b * 4; i < (b + 1) * 4; ++i) {
        const size_t cell = batch.target_cells[i], control = batch.control_cells[i];
        CHECK(s.is_control(control));
        CHECK(s.context.codes[control] == s.context.codes[cell]);
        controls_of[cell].insert(control);
        if (set < source.sets() && s.context.codes[cell] == 0) ++used[control];
      }
    }
    size_t most = 0;
    for (const auto& [cell, controls] : controls_of) most = std::max(most, controls.size());
    CHECK((most == 1) == (mapping == ControlMapping::cached));
    if (mapping == ControlMapping::cycle) {
      const auto [low, high] = std::minmax_element(used.begin(), used.begin() + 11);
      CHECK(*high - *low <= 1);  // the controls of x, within an epoch
    }
    // Whatever was read before, a batch is the same.
    const SetSource fresh(s, parts, o.source);
    fresh.read(5, ahead);
    source.read(5, batch);
    CHECK(same(ahead, batch));
  }
}

TEST_CASE("set_loader: cells, controls and labels belong together", "[sets]") {
  const Screen s = loader_screen();
  const auto parts = trained(s);
  SetLoader loader(s, parts, options());
  for (int step = 0; step < 20; ++step) {
    const SetBatch& batch = loader.next();
    REQUIRE(batch.input.shape() == Shape<3>{3, 4, 3});
    REQUIRE(batch.target.shape() == Shape<3>{3, 4, 3});
    REQUIRE(batch.batch.shape() == Shape<2>{3, 4});
    REQUIRE(batch.group.size() == 3);
    for (size_t b = 0; b < 3; ++b) {
      const auto& group = loader.source().cell_sets().groups()[batch.group[b]];
      CHECK(group.perturbation == batch.perturbation[b]);
      CHECK(group.context == batch.context[b]);
      for (size_t i = 0; i < 4; ++i) {
        const size_t target = batch.target_cells[b * 4 + i];
        const size_t control = batch.control_cells[b * 4 + i];
        CHECK(s.perturbation.codes[target] == batch.perturbation[b]);
        CHECK(s.context.codes[target] == batch.context[b]);
        CHECK(s.is_control(control));
        CHECK(s.context.codes[control] == batch.context[b]);
        CHECK(batch.batch(b, i) == s.batch.codes[control]);
        CHECK(batch.target(b, i, 0) == float(target + 1));
        CHECK(batch.target(b, i, 1) == 0);
        CHECK(batch.target(b, i, 2) == float(!s.is_control(target)));
        CHECK(batch.input(b, i, 0) == float(control + 1));
        CHECK(batch.input(b, i, 2) == 0);
      }
    }
  }
}

TEST_CASE("set_loader: an epoch visits every cell, weighted by nothing else", "[sets]") {
  const Screen s = loader_screen();
  SetLoader loader(s, trained(s), options(1, 4));
  REQUIRE(loader.source().sets() == s.cells());  // 42: batches run across the end of an epoch
  std::map<size_t, size_t> visits;
  for (size_t step = 0; step < s.cells(); ++step)  // four epochs
    for (const size_t cell : loader.next().target_cells) ++visits[cell];
  CHECK(visits.size() == s.cells());
  for (const auto& visit : visits) CHECK(visit.second == 4);
}

TEST_CASE("set_loader: controls are drawn anew at every visit", "[sets]") {
  const Screen s = loader_screen();
  SetLoader loader(s, trained(s), options());
  std::map<size_t, std::set<size_t>> controls;
  for (int step = 0; step < 600; ++step) {
    const SetBatch& batch = loader.next();
    for (size_t i = 0; i < batch.target_cells.size(); ++i)
      controls[batch.target_cells[i]].insert(batch.control_cells[i]);
  }
  for (const auto& [cell, drawn] : controls)
    CHECK(drawn.size() == (vcell_test::context_of(s, cell) == "x" ? 11 : 12));
}

TEST_CASE("set_loader: the same batches for any number of threads", "[sets]") {
  const Screen s = loader_screen();
  const auto parts = trained(s);
  SetLoader reference(s, parts, options());
  for (const size_t threads : {0, 1, 2, 4})
    for (const size_t ahead : {1, 5}) {
      SetLoaderOptions o = options();
      o.prefetch = {threads, ahead};
      SetLoader loader(s, parts, o);
      for (uint64_t step = 0; step < 40; ++step) {
        REQUIRE(loader.step() == step);
        REQUIRE(same(loader.next(), reference.batch(step)));
      }
    }
  SetLoaderOptions other = options();
  other.source.seed = 6;
  CHECK_FALSE(same(SetLoader(s, parts, other).next(), reference.batch(0)));
}

TEST_CASE("set_loader: resumed work goes on with the same batches", "[sets]") {
  const Screen s = loader_screen();
  const auto parts = trained(s);
  SetLoader whole(s, parts, options());
  for (int step = 0; step < 17; ++step) whole.next();
  SetLoader resumed(s, parts, options(), 17);
  CHECK(resumed.step() == 17);
  for (int step = 17; step < 40; ++step) CHECK(same(whole.next(), resumed.next()));
  CHECK(same(whole.batch(3), SetLoader(s, parts, options(), 3).next()));
}

TEST_CASE("set_loader: batches larger than an epoch", "[sets]") {
  const Screen s = small_screen({{"x", "ctrl", 2}, {"x", "A", 1}});
  SetLoaderOptions o = options(2, 9);
  SetLoader loader(s, trained(s), o);
  REQUIRE(loader.source().sets() == 2);
  const SetBatch& batch = loader.next();
  CHECK(batch.perturbation.size() == 9);
  CHECK(batch.batch.count() == 0);  // the screen has no batches
  CHECK(same(batch, loader.batch(0)));
  // One cell of A fills its set.
  for (size_t i = 0; i < 18; ++i)
    if (batch.perturbation[i / 2] == s.perturbation.code("A")) CHECK(batch.target_cells[i] == 2);
}

TEST_CASE("set_loader: one pass for validation is always the same", "[sets]") {
  const Screen s = loader_screen();
  auto parts = trained(s);
  for (size_t i = 11; i < 18; ++i) parts[i] = Part::validation;  // seven of x, A
  for (size_t i = 36; i < 38; ++i) parts[i] = Part::validation;  // two of y, A
  SetLoaderOptions o = options(3, 2);
  o.source.sets.part = Part::validation;
  const SetSource source(s, parts, o.source);
  REQUIRE(source.sets() == 4);
  REQUIRE(source.batches() == 2);
  std::set<size_t> cells;
  SetBatch a, b;
  for (size_t i = 0; i < source.batches(); ++i) {
    source.read_pass(i, a);
    CHECK(a.perturbation.size() == 2);
    cells.insert(a.target_cells.begin(), a.target_cells.end());
    source.read_pass(1 - i, b);
    source.read_pass(i, b);
    CHECK(same(a, b));
  }
  CHECK(cells.size() == 9);
  CHECK_THROWS_AS(source.read_pass(2, a), ShapeError);
  o.source.batch_size = 3;
  const SetSource uneven(s, parts, o.source);
  uneven.read_pass(1, a);  // the last batch is shorter
  CHECK(a.perturbation.size() == 1);
  CHECK(a.target.shape() == Shape<3>{1, 3, 3});
}

TEST_CASE("set_loader: within batches, controls and targets", "[sets]") {
  const Screen s = loader_screen();
  SetLoaderOptions o = options(2, 2);
  o.source.sets.by_batch = true;
  o.source.pairing.within_batch = true;
  SetLoader loader(s, trained(s), o);
  REQUIRE(loader.source().pairing().fallbacks().size() == 1);  // x has no controls in b2
  CHECK(loader.source().pairing().fallbacks()[0].cells == 3);
  const int32_t B = s.perturbation.code("B"), b1 = s.batch.code("b1");
  bool fell_back = false;
  for (int step = 0; step < 60; ++step) {
    const SetBatch& batch = loader.next();
    for (size_t i = 0; i < 4; ++i) {
      const int32_t own = s.batch.codes[batch.target_cells[i]];
      const int32_t index = batch.batch.data()[i];
      if (batch.perturbation[i / 2] == B) {
        CHECK(index == b1);  // that of the control cell, not of the cell
        fell_back = true;
      } else {
        CHECK(index == own);
      }
    }
  }
  CHECK(fell_back);
}

TEST_CASE("set_loader: sets of one stratum, and the group that tells which", "[sets]") {
  const Screen s = loader_screen();
  SetLoaderOptions o = options(3, 2);
  std::vector<int32_t> strata(s.cells());
  for (size_t i = 0; i < strata.size(); ++i) strata[i] = int32_t(i % 2);
  o.source.sets.strata = strata;
  SetLoader loader(s, trained(s), o);
  const std::vector<int32_t> kept = strata;
  strata.assign(strata.size(), 7);  // not needed after the constructor
  std::set<size_t> groups;
  for (int step = 0; step < 30; ++step) {
    const SetBatch& batch = loader.next();
    REQUIRE(batch.group.size() == 2);
    for (size_t i = 0; i < 6; ++i) {
      const auto& group = loader.source().cell_sets().groups()[batch.group[i / 3]];
      CHECK(kept[batch.target_cells[i]] == group.stratum);
      CHECK(std::count(group.cells.begin(), group.cells.end(), batch.target_cells[i]) == 1);
      groups.insert(batch.group[i / 3]);
    }
  }
  CHECK(groups.size() == loader.source().cell_sets().groups().size());
  // A pass whose last batch is shorter than the one before.
  SetSourceOptions pass = o.source;
  pass.sets.strata = kept;
  pass.batch_size = 4;
  const SetSource source(s, trained(s), pass);
  REQUIRE(source.sets() % 4 != 0);
  SetBatch batch;
  source.read_pass(0, batch);
  CHECK(batch.group.size() == 4);
  source.read_pass(source.batches() - 1, batch);
  CHECK(batch.group.size() == source.sets() % 4);
}

TEST_CASE("set_loader: nothing is allocated after the first steps", "[sets]") {
  const Screen s = loader_screen();
  SetLoader loader(s, trained(s), options());
  for (int step = 0; step < 8; ++step) loader.next();
  const size_t before = Memory<Cpu>::system_allocations();
  for (int step = 0; step < 100; ++step) loader.next();
  CHECK(Memory<Cpu>::system_allocations() == before);
}

TEST_CASE("set_loader: errors", "[sets]") {
  const Screen s = loader_screen();
  const auto parts = trained(s);
  SetLoaderOptions o = options();
  o.source.sets.part = Part::test;
  check_error<ConfigError>([&] { SetLoader(s, parts, o); }, {"no cell is in part test"});
  const SetSource empty(s, parts, o.source);
  CHECK(empty.batches() == 0);
  SetBatch batch;
  CHECK_THROWS_AS(empty.read(0, batch), ConfigError);
  CHECK_THROWS_AS(empty.read_pass(0, batch), ShapeError);
  CHECK_THROWS_AS(SetLoader(s, parts, options(0, 3)), ConfigError);
  CHECK_THROWS_AS(SetLoader(s, parts, options(3, 0)), ConfigError);
  const Screen without = small_screen({{"x", "ctrl", 1}, {"y", "A", 2}});
  check_error<ConfigError>([&] { SetLoader(without, trained(without), options()); },
                           {"context 'y' has no control cells"});
}

TEST_CASE("set_loader: short sets are padded where they are not filled up", "[sets]") {
  const Screen s = loader_screen();
  SetLoaderOptions o = options();
  const size_t sets = SetLoader(s, trained(s), o).source().sets();
  o.source.sets.fill = false;
  SetLoader loader(s, trained(s), o);
  CHECK(loader.source().sets() == sets);
  std::map<size_t, size_t> visits;
  size_t full = 0, seen = 0;
  for (; seen + 3 <= sets; seen += 3) {
    const SetBatch& batch = loader.next();
    for (size_t b = 0; b < 3; ++b) {
      const auto length = size_t(batch.lengths(b));
      REQUIRE(length >= 1);
      REQUIRE(length <= 4);
      full += length == 4;
      for (size_t i = 0; i < 4; ++i) {
        const size_t target = batch.target_cells[b * 4 + i],
                     control = batch.control_cells[b * 4 + i];
        CHECK((target == no_cell) == (i >= length));
        CHECK((control == no_cell) == (i >= length));
        if (target != no_cell) ++visits[target];
        for (size_t g = 0; g < 3 && i >= length; ++g) {
          CHECK(batch.input(b, i, g) == 0);
          CHECK(batch.target(b, i, g) == 0);
        }
        if (i >= length) CHECK(batch.batch(b, i) == 0);
      }
    }
  }
  CHECK(full > 0);
  CHECK(full < seen);
  for (const auto& visit : visits) CHECK(visit.second == 1);  // nobody twice within an epoch
  o.source.sets.fill = true;
  SetLoader filled(s, trained(s), o);
  for (int step = 0; step < 20; ++step)
    for (const int32_t n : filled.next().lengths.values()) CHECK(n == 4);
}

TEST_CASE("set_loader: input of another width, such as an embedding", "[sets]") {
  const Screen s = loader_screen();
  DenseMatrix<float> embedding{s.cells(), 2, {}};
  for (size_t cell = 0; cell < s.cells(); ++cell) {
    embedding.values.push_back(float(cell));
    embedding.values.push_back(-1);
  }
  SetLoaderOptions o = options();
  o.source.input = &embedding;
  SetLoader loader(s, trained(s), o);
  CHECK(loader.source().input_width() == 2);
  const SetBatch& batch = loader.next();
  REQUIRE(batch.input.shape() == Shape<3>{3, 4, 2});
  REQUIRE(batch.target.shape() == Shape<3>{3, 4, 3});
  for (size_t i = 0; i < 12; ++i) {
    CHECK(batch.input.values()[2 * i] == float(batch.control_cells[i]));
    CHECK(batch.input.values()[2 * i + 1] == -1);
  }
  embedding.rows -= 1;
  check_error<ShapeError>([&] { SetLoader(s, trained(s), o); }, {"SetSource", "rows of input"});
}
