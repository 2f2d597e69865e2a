#include "routing/even_column.h"

#include <gtest/gtest.h>

#include "tests/support/seeded_random.h"

namespace sovmesh::routing {
namespace {

// Whatever the column takes for its tiles, they are its values.
TEST(EvenColumn, ATileHasTheValuesOfItsPlaces) {
  int even = 0;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SeededRandom random(seed);
    EvenColumn column;
    std::size_t size = 0;
    for (int step = 0; step < 300; ++step) {
      if (size == 0 || random.below(3) == 0) {
        column.push_back(0);
        column.set(size++, random.below(40) == 0 ? 2.0F : 1.0F);
      } else {
        column.set(random.below(static_cast<std::uint32_t>(size)),
                   random.below(40) == 0 ? 2.0F : 1.0F);
      }
      if (random.below(5) == 0) column.look();
      for (std::size_t begin = 0; begin < size; begin += EvenColumn::kTile) {
        const float* tile = column.tile(begin);
        even += tile != column.data() + begin;
        for (std::size_t i = 0; begin + i < size && i < EvenColumn::kTile; ++i)
          ASSERT_EQ(tile[i], column[begin + i]) << seed << ' ' << step;
      }
    }
  }
  EXPECT_GT(even, 1'000);
}

}  // namespace
}  // namespace sovmesh::routing
