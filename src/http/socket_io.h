#pragma once

#include <algorithm>
#include <span>
#include <string_view>

#include "rt/net.h"

namespace sovmesh::http {

// Reads unless the socket's event says already that nothing is there: saves the system call that
// would find that out.
inline rt::IoResult read_now(rt::Socket& socket, std::span<char> into) {
  return socket.readable().is_set() ? socket.try_read(into) : rt::IoResult::blocked();
}

inline iovec piece_of(std::string_view bytes) {
  return {.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};
}

// Two byte strings that go out one behind the other; what the socket took is dropped.
class TwoPieces {
 public:
  TwoPieces(std::string_view first, std::string_view second) : first_(first), second_(second) {}
  bool empty() const { return first_.empty() && second_.empty(); }
  rt::IoResult write_to(rt::Socket& socket) {
    if (!socket.writable().is_set()) return rt::IoResult::blocked();
    const iovec pieces[] = {piece_of(first_), piece_of(second_)};
    const std::size_t begin = first_.empty() ? 1 : 0;
    const std::size_t end = second_.empty() ? 1 : 2;
    const rt::IoResult sent = socket.try_write(std::span(pieces).subspan(begin, end - begin));
    if (sent.status == rt::IoResult::Status::ok) {
      const std::size_t of_first = std::min(sent.bytes, first_.size());
      first_.remove_prefix(of_first);
      second_.remove_prefix(sent.bytes - of_first);
    }
    return sent;
  }

 private:
  std::string_view first_;
  std::string_view second_;
};

}  // namespace sovmesh::http
