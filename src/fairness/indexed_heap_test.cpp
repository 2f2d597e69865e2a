#include "fairness/indexed_heap.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace sovmesh::fairness {
namespace {

TEST(IndexedHeap, GivesWhatASortedListWouldWhateverIsMovedOrTakenOut) {
  std::mt19937 random(1);
  IndexedHeap<int> heap;
  std::vector<std::uint32_t> places(100, kNowhere);
  std::map<std::uint32_t, int> keys;
  const auto place = [&](std::uint32_t id) -> std::uint32_t& { return places[id]; };
  for (int step = 0; step < 20'000; ++step) {
    const std::uint32_t id = random() % 100;
    const int key = static_cast<int>(random() % 50);
    if (places[id] == kNowhere)
      heap.push(key, id, place);
    else if (random() % 2 == 0)
      heap.update(key, id, place);
    else
      heap.erase(id, place);
    if (places[id] == kNowhere)
      keys.erase(id);
    else
      keys[id] = key;
    ASSERT_EQ(heap.size(), keys.size());
    std::vector<int> sorted;
    for (const auto& [each, its_key] : keys) {
      ASSERT_EQ(heap.at(places[each]).id, each);
      sorted.push_back(its_key);
    }
    std::ranges::sort(sorted);
    std::vector<int> smallest;
    heap.smallest([&](const auto& entry) {
      smallest.push_back(entry.key);
      return smallest.size() < 10;
    });
    sorted.resize(std::min<std::size_t>(sorted.size(), 10));
    ASSERT_EQ(smallest, sorted);
  }
}

}  // namespace
}  // namespace sovmesh::fairness
