#include "vcell/sets/cell_sentences.hpp"

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/golden.hpp"
#include "vcell/io/safetensors.hpp"
#include "vcell/sets/task_genes.hpp"

using namespace vcell;
using vcell_test::check_error;

namespace {

struct Sentence {
  std::vector<int32_t> genes;
  std::vector<float> values;
};

Sentence sentence_of(const SentenceCell& cell, const SentenceOptions& options, uint64_t seed = 1,
                     uint64_t number = 0) {
  Sentence out{std::vector<int32_t>(options.length), std::vector<float>(options.length)};
  Rng rng = sentence_rng(seed, number);
  write_sentence(cell, options, rng, out.genes, out.values);
  return out;
}

struct Tasks {
  std::vector<int32_t> genes;
  std::vector<float> targets;
  std::vector<uint8_t> hidden;
};

Tasks tasks_of(const std::vector<float>& x, const TaskGeneOptions& options,
               const std::vector<int32_t>& shared, uint64_t seed = 1) {
  const size_t n = task_gene_count(options, x.size());
  Tasks out{std::vector<int32_t>(n), std::vector<float>(n), std::vector<uint8_t>(x.size())};
  Rng rng = sentence_rng(seed, 0);
  draw_task_genes(x, options, shared, rng, out.genes, out.targets, out.hidden);
  return out;
}

}  // namespace

TEST_CASE("write_sentence golden: what is not drawn", "[sets][golden]") {
  const auto folder = vcell_test::golden_folder("state_embedding");
  if (!folder) VCELL_SKIP("golden folder state_embedding is absent");
  const auto cells = read_safetensors(*folder / "cells.safetensors");
  const auto data = read_safetensors(*folder / "tabular.data.safetensors");
  std::ifstream text(*folder / "index.json"), settings(*folder / "tabular.json");
  const auto index = nlohmann::json::parse(text);
  const auto dataset = nlohmann::json::parse(settings).at("configuration").at("dataset");
  const SentenceOptions options{.length = dataset.at("pad_length"),
                                .cls_gene = size_t(dataset.at("cls_token_idx"))};
  const size_t length = options.length;
  const auto tokens = data.tensors.at("batch.sentence").as<int32_t>();
  const auto shares = data.tensors.at("batch.sentence_values").as<float>();
  const auto task_rows = data.tensors.at("batch.task_genes").as<int32_t>();
  const auto targets = data.tensors.at("batch.task_targets").as<float>();
  const size_t tasks = data.tensors.at("batch.task_genes").shape.at(1);
  size_t compared = 0;
  for (size_t i = 0; i < index.at("cells").size(); ++i) {
    const std::string name = index.at("cells")[i].at("name");
    INFO(name);
    const std::string of = index.at("cells")[i].at("dataset");
    const auto rows = cells.tensors.at(of + ".gene_index").as<int32_t>();
    const auto given = cells.tensors.at(message("cell", i, ".values")).as<float>();
    std::vector<float> x;
    std::vector<int32_t> row_of;
    for (size_t g = 0; g < rows.size(); ++g) {
      if (rows[g] < 0) continue;
      x.push_back(name == "log1p" ? given[g] : std::log1p(given[g]));
      row_of.push_back(rows[g]);
    }
    const auto ours = sentence_of({x}, options);
    CHECK(row_of[size_t(ours.genes[0])] == tokens[i * length]);
    for (size_t k = 0; k < length; ++k) {
      CHECK(ours.values[k] == Approx(shares[i * length + k]).epsilon(1e-5));
      ++compared;
    }
    // Tokens of a value above the last one's are the same; equal values are in any order.
    std::map<float, std::multiset<int32_t>> sets, expected;
    for (size_t k = 1; k < length; ++k) {
      const float value = shares[i * length + k];
      if (value == shares[i * length + length - 1]) break;
      sets[value].insert(row_of[size_t(ours.genes[k])]);
      expected[value].insert(tokens[i * length + k]);
    }
    CHECK(sets == expected);
    for (size_t k = 0; k < tasks; ++k) {
      const auto at = std::ranges::find(row_of, task_rows[i * tasks + k]);
      const float value = at == row_of.end() ? 0.f : x[size_t(at - row_of.begin())];
      CHECK(targets[i * tasks + k] == Approx(value).epsilon(1e-6));
    }
  }
  CHECK(compared >= 5 * length);
}

TEST_CASE("write_sentence: order, shares, CLS", "[sets]") {
  const std::vector<float> x{0, 3, 1, 0, 2, 4};
  const auto s = sentence_of({x}, {.length = 4, .cls_gene = 2});
  CHECK(s.genes == std::vector<int32_t>{2, 5, 1, 4});
  CHECK(s.values == std::vector<float>{10, 40, 30, 20});
  CHECK(sentence_of({x}, {.length = 4}).values[0] == 0);
  CHECK(sentence_of({x}, {.length = 1}).genes == std::vector<int32_t>{0});
  const std::vector<float> zeros(8);
  const auto nothing = sentence_of({zeros}, {.length = 9, .cls_gene = 0});
  for (const float v : nothing.values) CHECK(v == 12.5f);
  CHECK(std::set<int32_t>(nothing.genes.begin() + 1, nothing.genes.end()).size() == 8);
}

TEST_CASE("write_sentence: equal values in an order of the seed, the cell and the copy", "[sets]") {
  const std::vector<float> x(30, 1.f);
  const auto order = [&](uint64_t seed, uint64_t cell) {
    return sentence_of({x}, {.length = 31}, seed, cell).genes;
  };
  CHECK(order(1, 2) == order(1, 2));
  CHECK(order(1, 2) != order(2, 2));
  CHECK(order(1, 2) != order(1, 3));
  std::vector<int> first(30);  // every gene comes first about as often
  for (uint64_t cell = 0; cell < 3000; ++cell) ++first[size_t(order(5, cell)[1])];
  CHECK(*std::ranges::min_element(first) > 60);
  CHECK(*std::ranges::max_element(first) < 145);
}

TEST_CASE("write_sentence: fewer genes than tokens are filled up with unexpressed ones", "[sets]") {
  const std::vector<float> x{2, 0, 3, 0}, full{1, 2};
  const auto s = sentence_of({x}, {.length = 12});
  CHECK(s.genes[1] == 2);
  CHECK(s.genes[2] == 0);
  for (size_t i = 3; i < 12; ++i) {
    CHECK(s.genes[i] % 2 == 1);
    CHECK(s.values[i] == 0);
  }
  CHECK(s.genes[3] != s.genes[4]);  // each once before any comes again
  const auto repeated = sentence_of({full}, {.length = 6});
  for (size_t i = 3; i < 6; ++i)
    CHECK(repeated.values[i] == Approx(repeated.genes[i] == 1 ? 200. / 3 : 100. / 3));
}

TEST_CASE("write_sentence: hidden genes are not there and have no share", "[sets]") {
  const std::vector<float> x{4, 3, 1, 0};
  const std::vector<uint8_t> hidden{1, 0, 0, 0}, all(4, 1);
  const auto s = sentence_of({x, hidden}, {.length = 4, .cls_gene = 0});
  CHECK(s.genes == std::vector<int32_t>{0, 1, 2, 3});
  CHECK(s.values == std::vector<float>{0, 75, 25, 0});
  check_error<ConfigError>([&] { sentence_of({x, all}, {.length = 4}); }, {"all 4 genes"});
  check_error<ConfigError>([&] { sentence_of({x}, {.length = 4, .cls_gene = 4}); },
                           {"number 4 of 4"});
  check_error<ConfigError>([&] { sentence_of({x}, {.length = 0}); }, {"options.length"});
  check_error<ConfigError>([&] { sentence_of({}, {.length = 4}); }, {"number of genes"});
  const std::vector<float> wrong{1, -2, 3};
  check_error<ConfigError>([&] { sentence_of({wrong}, {.length = 4}); }, {"gene 1", "-2"});
}

TEST_CASE("draw_task_genes: the package's rule", "[sets]") {
  std::vector<float> x(40);
  for (size_t g = 0; g < 12; ++g) x[g] = g < 4 ? 0.7f : 2.f;
  const TaskGeneOptions options{.expressed = 8, .unexpressed = 20, .shared = 3};
  const std::vector<int32_t> shared{39, 5, 0};
  const auto t = tasks_of(x, options, shared);
  REQUIRE(t.genes.size() == 31);
  for (size_t k = 0; k < 31; ++k) {
    CHECK(t.targets[k] == x[size_t(t.genes[k])]);
    if (k < 8) CHECK(x[size_t(t.genes[k])] > 0);
    if (k >= 8 && k < 28) CHECK(x[size_t(t.genes[k])] < 1);
  }
  CHECK(std::vector<int32_t>(t.genes.end() - 3, t.genes.end()) == shared);
  CHECK(std::set<int32_t>(t.genes.begin(), t.genes.begin() + 8).size() == 8);
  CHECK(std::set<int32_t>(t.genes.begin() + 8, t.genes.end() - 3).size() == 20);
  CHECK(std::ranges::count(t.hidden, 1) == 0);
  CHECK(tasks_of(x, options, shared, 2).genes != t.genes);

  const auto many = tasks_of(x, {.expressed = 50, .unexpressed = 1, .shared = 0}, {});
  CHECK(std::set<int32_t>(many.genes.begin(), many.genes.begin() + 50).size() <= 12);
  const auto zero =
      tasks_of(std::vector<float>(5), {.expressed = 3, .unexpressed = 2, .shared = 0}, {});
  CHECK(std::vector<int32_t>(zero.genes.begin(), zero.genes.begin() + 3) ==
        std::vector<int32_t>{0, 0, 0});
  const auto high = tasks_of({5, 3, 4, 9}, {.expressed = 1, .unexpressed = 2, .shared = 0}, {});
  CHECK(std::set<int32_t>(high.genes.begin() + 1, high.genes.end()) == std::set<int32_t>{1, 2});
  const auto binary =
      tasks_of(x, {.expressed = 2, .unexpressed = 0, .shared = 1, .binary = true}, {30});
  CHECK(binary.targets == std::vector<float>{1, 1, 0});
}

TEST_CASE("draw_task_genes: masked genes span the range of expression and leave the sentence",
          "[sets]") {
  std::vector<float> x(1000);
  for (size_t g = 0; g < 600; ++g) x[g] = float(g + 1) / 100;
  const TaskGeneOptions options{.rule = TaskRule::masked, .masked = 100, .shared = 4};
  const std::vector<int32_t> shared{1, 2, 3, 900};
  const auto t = tasks_of(x, options, shared);
  REQUIRE(t.genes.size() == 104);
  CHECK(std::ranges::count(t.hidden, 1) == 104);
  CHECK(std::set<int32_t>(t.genes.begin(), t.genes.end()).size() == 104);
  for (size_t k = 0; k < 50; ++k) {  // one of each twelve of 597, the most expressed first
    CHECK(t.targets[k] > float(600 - 11.94 * double(k + 1)) / 100 - 0.02f);
    CHECK(t.targets[k] < float(600 - 11.94 * double(k)) / 100 + 0.02f);
  }
  for (size_t k = 50; k < 100; ++k) CHECK(t.targets[k] == 0);
  const auto s = sentence_of({x, t.hidden}, {.length = 800});
  for (size_t i = 1; i < 800; ++i) CHECK(t.hidden[size_t(s.genes[i])] == 0);

  const std::vector<float> all(10, 1.f), none(10);
  const TaskGeneOptions few{.rule = TaskRule::masked, .masked = 1280, .shared = 0};
  CHECK(task_gene_count(few, 10) == 5);
  for (const auto& cell : {all, none})
    CHECK(std::ranges::count(tasks_of(cell, few, {}).hidden, 1) == 5);
}

TEST_CASE("redraw_counts: a share of all, as the counts say", "[sets]") {
  const std::vector<float> counts{100, 0, 300, 600};
  std::vector<double> sums(4);
  for (uint64_t i = 0; i < 400; ++i) {
    auto drawn = counts;
    Rng rng = sentence_rng(1, i);
    redraw_counts(drawn, 0.5, rng);
    double total = 0;
    for (size_t g = 0; g < 4; ++g) {
      total += drawn[g];
      sums[g] += drawn[g];
    }
    CHECK(total == 500);
  }
  CHECK(sums[0] / 400 == Approx(50).epsilon(0.03));
  CHECK(sums[1] == 0);
  CHECK(sums[2] / 400 == Approx(150).epsilon(0.03));
  auto wrong = counts;
  wrong[2] = 1.5f;
  Rng rng = sentence_rng(1, 1);
  check_error<ConfigError>([&] { redraw_counts(wrong, 0.5, rng); }, {"gene 2 has 1.5", "counts"});
  check_error<ConfigError>([&] { redraw_counts(wrong, 0, rng); }, {"fraction is 0"});
  std::vector<float> nothing(3);
  redraw_counts(nothing, 0.5, rng);
  CHECK(nothing == std::vector<float>(3));
}
