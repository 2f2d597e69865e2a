#include "base/buffer_cache.h"

#include <array>
#include <utility>

#include "base/bytes.h"

namespace sovmesh {
namespace {

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define SM_BUFFERS_FROM_THE_HEAP 1  // so that the sanitizer sees who uses a buffer too late
#endif
#endif

#ifdef SM_BUFFERS_FROM_THE_HEAP
constexpr std::size_t kKeptMax = 0;
#else
constexpr std::size_t kKeptMax = 8;  // of a thread
#endif

struct Kept {
  std::array<std::string, kKeptMax> buffers;
  std::size_t count = 0;
};
thread_local Kept kept;

}  // namespace

std::string take_buffer(std::size_t capacity) {
  if (capacity <= kCachedBufferBytes && kept.count > 0)
    return std::exchange(kept.buffers[--kept.count], {});
  std::string fresh;
  // What is much smaller is not worth a place here.
  const bool is_usual = capacity > kCachedBufferBytes / 8 && capacity < kCachedBufferBytes;
  fresh.reserve(is_usual ? kCachedBufferBytes : capacity);
  return fresh;
}

void give_buffer(std::string& buffer) noexcept {
  const bool fits =
      buffer.capacity() >= kCachedBufferBytes && buffer.capacity() < 2 * kCachedBufferBytes;
  if (!fits || kept.count == kKeptMax) {
    release(buffer);
    return;
  }
  buffer.clear();
  kept.buffers[kept.count++].swap(buffer);
}

}  // namespace sovmesh
