#include "rt/frame_memory.h"

#include <array>
#include <new>
#include <utility>

namespace sovmesh::rt {
namespace {

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define SM_FRAMES_FROM_THE_HEAP 1  // so that the sanitizer sees who uses a frame too late
#endif
#endif

#ifdef SM_FRAMES_FROM_THE_HEAP
constexpr std::size_t kKeptPerSize = 0;
#else
constexpr std::size_t kKeptPerSize = 128;
#endif
// Frames are as large as what the general allocator makes of them anyway: 16n + 8 bytes.
constexpr std::size_t kStep = 16;
constexpr std::size_t kFirst = 8;
constexpr std::size_t kSizes = 256;  // up to 4 KiB; larger frames are rare and not kept

struct Free {
  Free* next;
};
struct List {
  Free* first;
  std::size_t length;
};
// Plain data, so that using it costs no check. What a thread keeps is lost with it, which is why
// only workers, who stay as long as the process, should run coroutines by the million.
constinit thread_local std::array<List, kSizes> lists{};

constexpr std::size_t index_of(std::size_t size) { return (size + kStep - 1 - kFirst) / kStep; }

}  // namespace

void* take_frame(std::size_t size) {
  const std::size_t index = index_of(size);
  if (index >= kSizes) return ::operator new(size);
  List& list = lists[index];
  if (list.first == nullptr) return ::operator new(index * kStep + kFirst);
  --list.length;
  return std::exchange(list.first, list.first->next);
}

void give_frame(void* frame, std::size_t size) noexcept {
  const std::size_t index = index_of(size);
  if (index >= kSizes || lists[index].length >= kKeptPerSize) {
    ::operator delete(frame);
    return;
  }
  List& list = lists[index];
  list.first = new (frame) Free{list.first};
  ++list.length;
}

}  // namespace sovmesh::rt
