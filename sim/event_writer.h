#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "sim/faults.h"
#include "sim/wire.h"

namespace sovmesh::sim {

// Writes server-sent events as HTTP chunks. One event is one chunk and one write, unless events
// are gathered. No allocation per event once the buffer has grown.
//
//   std::string& json = writer.begin(); append to json; writer.end();
class EventWriter {
 public:
  // `head`: the response head, sent with the first event.
  EventWriter(Wire& wire, const FaultSet& faults, std::size_t gather_bytes, std::string head);

  std::string& begin();
  void end();
  // Lines as they are, for comments and for what is no event at all.
  void raw(std::string_view lines);
  void done() { event("[DONE]"); }
  void event(std::string_view data);
  void send_gathered();
  // The last chunk: the body is complete.
  void finish();

 private:
  static constexpr std::size_t kSizeLine = 10;  // 8 hex digits, CR LF

  void unusual(std::size_t from);
  void send();

  Wire& wire_;
  const FaultSet& faults_;
  std::size_t gather_bytes_;
  std::string head_;
  std::string chunk_;  // room for its size line, then its data
  std::size_t event_begin_ = 0;
  bool is_plain_;  // no fault changes how events look
  bool bom_;
};

}  // namespace sovmesh::sim
