#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>
#include <vector>

namespace sovmesh::routing {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

// Zeroed memory for many arrays, cut from huge pages: arrays that are read at random, each smaller
// than such a page, would otherwise cost looking for the page at each access. What is given back is
// kept for arrays of the same size.
class ZeroedArena {
 public:
  // A power of two of bytes, up to kHugePage.
  void* take(std::size_t bytes) {
    std::vector<void*>& free = free_[class_of(bytes)];
    if (!free.empty()) {
      void* memory = free.back();
      free.pop_back();
      return memory;
    }
    used_ = (used_ + bytes - 1) & ~(bytes - 1);
    if (pages_.empty() || used_ + bytes > kHugePage) add_page();
    void* memory = pages_.back().get() + used_;
    used_ += bytes;
    return memory;
  }
  void give_back(void* memory, std::size_t bytes) {
    std::memset(memory, 0, bytes);
    free_[class_of(bytes)].push_back(memory);
  }

 private:
  struct Unmap {
    void operator()(char* page) const { ::munmap(page, kHugePage); }
  };
  static std::size_t class_of(std::size_t bytes) {
    assert(std::has_single_bit(bytes) && bytes <= kHugePage);
    return static_cast<std::size_t>(std::countr_zero(bytes));
  }
  // Fresh memory is zero, and costs nothing until it is written. Of twice as much as is wanted the
  // part is kept that begins where a huge page may.
  void add_page() {
    void* memory =
        ::mmap(nullptr, 2 * kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    char* begin = static_cast<char*>(memory);
    const std::size_t before = -reinterpret_cast<std::uintptr_t>(begin) & (kHugePage - 1);
    if (before > 0) ::munmap(begin, before);
    pages_.emplace_back(begin + before);
    ::munmap(begin + before + kHugePage, kHugePage - before);
    // Not the first one: a pool of few endpoints fills little of it.
    if (pages_.size() > 1) ::madvise(pages_.back().get(), kHugePage, MADV_HUGEPAGE);
    used_ = 0;
  }

  std::vector<std::unique_ptr<char, Unmap>> pages_;
  std::size_t used_ = 0;  // of the last page
  std::array<std::vector<void*>, 22> free_;
};

// A fixed number of T, all bytes zero, beginning at a cache line. Memory that nobody has written
// costs nothing yet: the kernel gives pages at their first use. Large arrays ask for huge pages, as
// they are read at random and most of that would be looking for the page.
template <class T>
class ZeroedArray {
  static_assert(std::is_trivially_destructible_v<T> && std::is_trivially_copyable_v<T>);

 public:
  ZeroedArray() = default;
  explicit ZeroedArray(std::size_t size)
      : memory_(std::calloc(size * sizeof(T) + kLine, 1)), size_(size) {
    if (!memory_) throw std::bad_alloc();
    void* begin = memory_.get();
    std::size_t space = size * sizeof(T) + kLine;
    data_ = static_cast<T*>(std::align(kLine, size * sizeof(T), begin, space));
    const std::uintptr_t first =
        (reinterpret_cast<std::uintptr_t>(data_) + kHugePage - 1) & ~(kHugePage - 1);
    const std::uintptr_t last = reinterpret_cast<std::uintptr_t>(data_ + size) & ~(kHugePage - 1);
    // A hint: where the kernel does not take it all is as before.
    if (last > first) ::madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
  }
  // From the arena, which lives longer, if that has arrays of this size.
  ZeroedArray(std::size_t size, ZeroedArena& arena) {
    const std::size_t bytes = std::bit_ceil(std::max(size * sizeof(T), kLine));
    if (bytes > kHugePage) {
      *this = ZeroedArray(size);
      return;
    }
    memory_ = {arena.take(bytes), GiveBack{&arena, bytes}};
    data_ = static_cast<T*>(memory_.get());
    size_ = size;
  }
  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }
  std::size_t size() const { return size_; }
  std::size_t bytes() const { return size_ * sizeof(T); }

 private:
  static constexpr std::size_t kLine = 64;
  struct GiveBack {
    ZeroedArena* arena = nullptr;  // none: from the heap
    std::size_t bytes = 0;
    void operator()(void* memory) const {
      arena == nullptr ? std::free(memory) : arena->give_back(memory, bytes);
    }
  };
  std::unique_ptr<void, GiveBack> memory_;
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace sovmesh::routing
