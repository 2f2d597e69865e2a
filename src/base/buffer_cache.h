#pragma once

#include <cstddef>
#include <string>

namespace sovmesh {

// Memory for bodies. A request needs two buffers that are too large for what the C library's
// allocator keeps at hand, each for a moment: so each thread keeps a few that were given back. They
// hold what they were given back with until they are written again; nobody reads it.

inline constexpr std::size_t kCachedBufferBytes = std::size_t{8} * 1024;

// Empty, with room for `capacity` bytes at least.
std::string take_buffer(std::size_t capacity);
// Leaves `buffer` empty and without memory. Any string may be given.
void give_buffer(std::string& buffer) noexcept;

}  // namespace sovmesh
