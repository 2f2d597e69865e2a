#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/server.h"
#include "rt/event.h"
#include "rt/loop.h"
#include "rt/task_group.h"

namespace sovmesh::http {

// Internal to the module: what every connection of one Server shares, whatever its protocol.

class Http1Exchange;
struct IncomingHead;
class LiveConnection;
struct Refusal;
using ConnectionsByIp = std::map<rt::IpAddress, std::uint32_t>;

// "Sun, 06 Nov 1994 08:49:37 GMT", written at most once per second.
class DateText {
 public:
  std::string_view get(const rt::Loop& loop);

 private:
  std::string text_;
  Instant valid_until_{};
};

struct ServerCore {
  ServerCore(rt::Loop& l, Handler& h, ServerOptions o);
  ~ServerCore();

  rt::Loop& loop;
  Handler& handler;
  ServerOptions options;
  ServerCounters counters;
  // Set by begin_drain(), and while there is too much to do: idle connections end, answers say that
  // theirs is the last.
  rt::Event draining;
  bool drains = false;  // for good
  bool accepts = true;
  // Set at the end of a drain: nothing waits any longer, whatever it waits for.
  rt::Event cut_off;
  // Set while another connection may be accepted.
  rt::Event has_room;
  void look_at_room();
  DateText date;

  // Every connection runs as one task of `connections`; `flushers` send what a slow client has not
  // taken yet, at most one per exchange.
  rt::TaskGroup connections;
  rt::TaskGroup flushers;

  // Sets client_gone of every open connection and makes its closing a reset.
  void cut_off_all();

  // HTTP/1 exchanges that wait for their next request, so that neither an idle connection holds
  // one nor each request makes one.
  static constexpr std::size_t kSpareMax = 128;
  std::unique_ptr<Http1Exchange> take_exchange();
  void give_back(std::unique_ptr<Http1Exchange> exchange);
  // The same for their heads, which an open stream does not hold.
  std::unique_ptr<IncomingHead> take_head();
  void give_back(std::unique_ptr<IncomingHead> head);

 private:
  friend class LiveConnection;
  LiveConnection* first_ = nullptr;
  ConnectionsByIp by_ip_;
  std::vector<std::unique_ptr<IncomingHead>> spare_heads_;
  std::vector<std::unique_ptr<Http1Exchange>> spare_;
};

// One connection from accept to close: counted, and known to a drain.
class LiveConnection {
 public:
  LiveConnection(ServerCore& core, rt::Socket& socket);
  LiveConnection(const LiveConnection&) = delete;
  LiveConnection& operator=(const LiveConnection&) = delete;
  ~LiveConnection();

  // False: its address has too many already.
  bool is_within_ip_limit() const;
  // The socket in use; nothing while TLS shakes hands (then the wait itself is cancelled).
  void set_socket(rt::Socket* socket) { socket_ = socket; }
  // What else a cut-off sets, for requests whose client_gone is not the socket's hung_up().
  void set_gone(rt::Event* gone) { gone_ = gone; }

 private:
  friend struct ServerCore;
  ServerCore& core_;
  rt::Socket* socket_;
  rt::Event* gone_ = nullptr;
  LiveConnection* previous_ = nullptr;
  LiveConnection* next_ = nullptr;
  ConnectionsByIp::iterator ip_;
};

// What is answered in either protocol to a request that is refused before it is one, and in place
// of a handler that gave no answer.
rt::Task<void> answer_refusal(Handler& handler, Exchange& exchange, const Refusal& refusal);
rt::Task<void> answer_for_handler(Exchange& exchange, bool handler_threw);

// The protocols. Each serves the connection to its end; `first` is what was read already.
rt::Task<void> serve_http1(ServerCore& core, std::unique_ptr<rt::Socket> socket,
                           std::unique_ptr<LiveConnection> live);
rt::Task<void> serve_http2(ServerCore& core, std::unique_ptr<rt::Socket> socket,
                           std::unique_ptr<LiveConnection> live, std::string first);

}  // namespace sovmesh::http
