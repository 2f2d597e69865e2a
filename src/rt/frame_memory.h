#pragma once

#include <cstddef>

namespace sovmesh::rt {

// Memory for coroutine frames. A request needs some twenty of them, of the same few sizes each
// time, many larger than what a general allocator keeps at hand: so each thread keeps what was
// given back (a few of each size) and hands it out again. Any thread may give back any frame.
void* take_frame(std::size_t size);
void give_frame(void* frame, std::size_t size) noexcept;

}  // namespace sovmesh::rt
