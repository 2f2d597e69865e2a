#include "base/buffer_cache.h"

#include <gtest/gtest.h>

#include <vector>

namespace sovmesh {
namespace {

TEST(BufferCache, HasRoomAndIsEmptyWhateverWasGivenBack) {
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{100}, std::size_t{5'000}, kCachedBufferBytes,
        kCachedBufferBytes + 1, 10 * kCachedBufferBytes}) {
    for (int round = 0; round < 3; ++round) {
      std::string buffer = take_buffer(size);
      EXPECT_TRUE(buffer.empty());
      EXPECT_GE(buffer.capacity(), size);
      buffer.assign(size, 'x');
      give_buffer(buffer);
      EXPECT_TRUE(buffer.empty());
      EXPECT_LT(buffer.capacity(), 100U);
    }
  }
}

TEST(BufferCache, KeepsOnlyAFew) {
  std::vector<std::string> taken;
  for (int i = 0; i < 100; ++i)
    taken.push_back(take_buffer(5'000));
  for (auto& buffer : taken)
    give_buffer(buffer);
  for (auto& buffer : taken) {
    buffer = take_buffer(5'000);
    EXPECT_TRUE(buffer.empty());
    EXPECT_GE(buffer.capacity(), 5'000U);
  }
}

}  // namespace
}  // namespace sovmesh
