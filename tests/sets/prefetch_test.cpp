#include "vcell/sets/prefetch.hpp"

#include <atomic>
#include <chrono>
#include <stdexcept>

#include "support/catch.hpp"

using namespace vcell;

TEST_CASE("prefetch: items in their order for any number of threads", "[sets]") {
  for (const size_t threads : {0, 1, 2, 5})
    for (const size_t ahead : {0, 1, 3}) {
      Prefetch<uint64_t> items(
          [](uint64_t number, uint64_t& item) {
            // The later ones of a few are done first.
            std::this_thread::sleep_for(std::chrono::microseconds(200 * (3 - number % 4)));
            item = number * number;
          },
          10, {threads, ahead});
      for (uint64_t i = 10; i < 60; ++i) {
        REQUIRE(items.number() == i);
        REQUIRE(items.next() == i * i);
      }
    }
}

TEST_CASE("prefetch: no further ahead than asked, and the item in use is left alone", "[sets]") {
  std::atomic<uint64_t> made{0};
  Prefetch<uint64_t> items(
      [&](uint64_t number, uint64_t& item) {
        item = number;
        ++made;
      },
      0, {2, 3});
  const auto settle = [] { std::this_thread::sleep_for(std::chrono::milliseconds(30)); };
  settle();
  CHECK(made <= 4);
  for (uint64_t i = 0; i < 5; ++i) {
    const uint64_t& item = items.next();
    settle();
    CHECK(item == i);
    CHECK(made == i + 4);  // this one and three ahead
  }
}

TEST_CASE("prefetch: what making throws arrives with its item", "[sets]") {
  for (const size_t threads : {0, 1, 3}) {
    Prefetch<int> items(
        [](uint64_t number, int& item) {
          if (number == 4) throw std::runtime_error("item 4");
          item = int(number);
        },
        0, {threads, 2});
    for (int i = 0; i < 4; ++i) CHECK(items.next() == i);
    CHECK_THROWS_WITH(items.next(), "item 4");
    CHECK_THROWS_WITH(items.next(), "item 4");
    CHECK(items.number() == 4);
  }
}

TEST_CASE("prefetch: stops cleanly at any moment", "[sets]") {
  for (int i = 0; i < 200; ++i) {
    Prefetch<std::vector<int>> items([](uint64_t, std::vector<int>& item) { item.assign(100, 1); },
                                     0, {size_t(i % 4), 2});
    for (int k = 0; k < i % 3; ++k) items.next();
  }
  SUCCEED();
}
