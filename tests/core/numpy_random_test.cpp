#include "vcell/core/numpy_random.hpp"

#include <algorithm>
#include <fstream>
#include <limits>
#include <map>
#include <sstream>
#include <string>

#include "support/catch.hpp"
#include "support/golden.hpp"

using namespace vcell;

// The expected numbers are numpy 2.4.6's: numpy.random.SeedSequence(seed).generate_state(n),
// default_rng(seed).permutation(n), .integers(low, high, size=n), .bit_generator.random_raw().

namespace {

uint64_t hash_of(const std::vector<size_t>& numbers) {
  uint64_t hash = 0;
  for (const size_t x : numbers) hash = hash * 1000003 + x;
  return hash;
}

using Words = std::vector<uint32_t>;
using Places = std::vector<size_t>;
using Whole = std::vector<int64_t>;

}  // namespace

TEST_CASE("numpy_random: seeds are spread as SeedSequence does", "[core]") {
  CHECK(numpy_seed_states(0, 6) ==
        Words{2968811710, 3677149159, 745650761, 2884920346, 2642120001, 549907821});
  CHECK(numpy_seed_states(1, 6) ==
        Words{1835504127, 1731038949, 1320224556, 2330041505, 321059914, 1226144109});
  CHECK(numpy_seed_states(4294967295, 6) ==
        Words{1992424968, 705021410, 3255730584, 540206095, 2021606294, 3981099117});
  CHECK(numpy_seed_states(4294967296, 6) ==
        Words{3964924996, 1358922860, 3894904162, 2051610843, 908995353, 1006608236});
  CHECK(numpy_seed_states(UINT64_MAX, 6) ==
        Words{2458692877, 2931597649, 2251873402, 295448644, 1508262567, 465245526});
  CHECK(numpy_seed_states(3, 0).empty());
}

TEST_CASE("numpy_random: bits are those of PCG64", "[core]") {
  const auto draws = [](uint64_t seed) {
    NumpyRandom random(seed);
    const uint64_t a = random.next(), b = random.next(), c = random.next();
    return std::vector<uint64_t>{a, b, c};
  };
  CHECK(draws(0) ==
        std::vector<uint64_t>{11749869230777074271u, 4976686463289251617u, 755828109848996024u});
  CHECK(draws(7) ==
        std::vector<uint64_t>{11530976094092348043u, 16550673365885938325u, 14308875409591826786u});
  CHECK(draws(1099511627779) ==
        std::vector<uint64_t>{14271435802380633900u, 18370326226487632705u, 8728610338774297736u});
}

TEST_CASE("numpy_random: permutations are those of default_rng", "[core]") {
  CHECK(NumpyRandom(0).permutation(0).empty());
  CHECK(NumpyRandom(0).permutation(1) == Places{0});
  CHECK(NumpyRandom(3).permutation(2) == Places{1, 0});
  CHECK(NumpyRandom(5).permutation(3) == Places{1, 2, 0});
  CHECK(NumpyRandom(2968811710).permutation(10) == Places{7, 6, 8, 9, 0, 5, 2, 4, 3, 1});
  CHECK(NumpyRandom(2884920346).permutation(17) ==
        Places{1, 16, 5, 15, 3, 2, 8, 11, 13, 14, 10, 7, 12, 4, 9, 0, 6});
  CHECK(hash_of(NumpyRandom(11).permutation(1000)) == 12656363468265368416u);
  CHECK(hash_of(NumpyRandom(12).permutation(65537)) == 9725722299322030396u);
  CHECK(hash_of(NumpyRandom(13).permutation(200001)) == 4171245792429582148u);
}

TEST_CASE("numpy_random: bounded integers are those of default_rng", "[core]") {
  const auto draw = [](uint64_t seed, int64_t low, int64_t high, size_t n, uint64_t then) {
    NumpyRandom random(seed);
    auto out = random.integers(low, high, n);
    CHECK(random.next() == then);  // as many bits were taken
    return out;
  };
  CHECK(draw(0, 0, 1, 3, 11749869230777074271u) == Whole{0, 0, 0});
  CHECK(draw(0, 0, 100, 9, 16837368535893154894u) == Whole{85, 63, 51, 26, 30, 4, 7, 1, 17});
  CHECK(draw(1, -5, 6, 9, 7808994663829368904u) == Whole{0, 0, 3, 5, -5, -4, 4, 5, -3});
  // A range just above 2^31: half of all draws are drawn again.
  CHECK(draw(2, 0, 2147483649, 5, 10371970782745235129u) ==
        Whole{641004849, 969095166, 197387982, 719155818, 432399589});
  CHECK(draw(3, 0, 4294967295, 4, 14780904992460893238u) ==
        Whole{3485385463, 367860370, 770692084, 1017093380});
  CHECK(draw(3, 0, 4294967296, 4, 14780904992460893238u) ==
        Whole{3485385464, 367860371, 770692085, 1017093381});
  CHECK(draw(4, 0, 4294967297, 4, 11203737594487247795u) ==
        Whole{4050395132, 2196135117, 4192934789, 347188079});
  CHECK(draw(5, -4611686018427387904, 4611686018427387909, 4, 12034086043056879189u) ==
        Whole{2840252469062552830, 141353351165204194, -4114263086152480650, 4604087021156981836});
  CHECK(draw(6, std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max(), 3,
             6908245991231664997u) ==
        Whole{704008024342037245, -2891142153448451874, -2415283118359038994});
  CHECK(draw(8, 0, 6917529027641081856, 4, 16046758321872785889u) ==
        Whole{2261840214652855675, 6829516222107957069, 2204691476647390837, 5454810153250535354});
}

TEST_CASE("numpy_random: the other half of a draw waits for the next that needs 32 bits",
          "[core]") {
  NumpyRandom random(9);
  CHECK(random.integer(0, 10) == 4);
  CHECK(random.integer(0, int64_t(1) << 40) == 315358856438);
  CHECK(random.integer(0, 10) == 8);
  CHECK(random.permutation(5) == Places{4, 2, 1, 0, 3});
  CHECK(random.integer(0, 10) == 7);
}

TEST_CASE("numpy_random: an empty range is refused", "[core]") {
  NumpyRandom random(1);
  CHECK_THROWS_AS(random.integers(4, 4, 1), ConfigError);
  CHECK_THROWS_AS(random.integers(4, 4, 0), ConfigError);
  CHECK_THROWS_WITH(random.integer(4, 3),
                    vcell_test::contains("high is 3") && vcell_test::contains("above low, 4"));
}

TEST_CASE("numpy_random: the halves of the challenge's goldens", "[core][golden]") {
  const auto folder = vcell_test::golden_folder("challenge");
  if (!folder) VCELL_SKIP("no folder challenge");
  size_t contexts = 0;
  for (const auto& entry : std::filesystem::directory_iterator(*folder / "2026")) {
    const auto path = entry.path() / "splits.csv";
    if (!std::filesystem::exists(path)) continue;
    ++contexts;
    std::ifstream in(path);
    std::string line;
    std::getline(in, line);
    const size_t splits = size_t(std::count(line.begin(), line.end(), ',')) - 1;
    std::map<std::string, std::vector<size_t>> rows;  // by label
    std::vector<std::string> halves(splits);
    for (size_t row = 0; std::getline(in, line); ++row) {
      std::istringstream fields(line);
      std::string cell, label, half;
      std::getline(fields, cell, ',');
      std::getline(fields, label, ',');
      rows[label].push_back(row);
      for (auto& of_split : halves) std::getline(fields, half, ','), of_split += half[0];
    }
    const auto seeds = numpy_seed_states(0, splits);
    for (size_t split = 0; split < splits; ++split) {
      std::string found(halves[split].size(), '-');
      NumpyRandom random(seeds[split]);
      for (const auto& [label, of_label] : rows) {
        const auto order = random.permutation(of_label.size());
        const size_t half = order.size() / 2;
        for (size_t i = 0; i < 2 * half; ++i) found[of_label[order[i]]] = i < half ? 'a' : 'b';
      }
      CHECK(found == halves[split]);
    }
  }
  CHECK(contexts > 0);
}
