#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <type_traits>

namespace sovmesh::routing {

// A fixed number of T, all bytes zero, beginning at a cache line. Memory that nobody has written
// costs nothing yet: the kernel gives pages at their first use.
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
  }
  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }
  std::size_t size() const { return size_; }
  std::size_t bytes() const { return size_ * sizeof(T); }

 private:
  static constexpr std::size_t kLine = 64;
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  std::unique_ptr<void, Free> memory_;
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace sovmesh::routing
