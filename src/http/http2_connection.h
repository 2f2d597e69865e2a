#pragma once

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/connection.h"
#include "http/frame_budget.h"
#include "http/stream_numbers.h"

namespace sovmesh::http {

class Http2Exchange;

// One HTTP/2 connection from its preface to its end. The framing library does no I/O: bytes read
// go in, and flush() sends what it has to say. run() reads; its helpers send what the socket did
// not take at once, watch for a drain and for streams whose client takes nothing; and each request
// has a task of its own.
class Http2Connection {
 public:
  Http2Connection(ServerCore& core, std::unique_ptr<rt::Socket> socket,
                  std::unique_ptr<LiveConnection> live);
  Http2Connection(const Http2Connection&) = delete;
  Http2Connection& operator=(const Http2Connection&) = delete;
  ~Http2Connection();

  rt::Task<void> run(std::string first);

  // --- for exchanges --------------------------------------------------------------------------
  ServerCore& core() { return core_; }
  rt::Socket& socket() { return *socket_; }
  nghttp2_session* session() { return session_.get(); }
  // Sends what is due, as far as the socket takes it now. Never from a callback of the library.
  void flush();
  // Some stream has bytes that its client does not take now.
  void watch_stalls() { behind_.set(); }
  void forget(Http2Exchange& exchange);

 private:
  struct SessionFree {
    void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
  };
  struct Callbacks;  // of the framing library
  friend struct Callbacks;

  bool make_session();
  void begin_head(std::int32_t stream);
  void finish_head(Http2Exchange& exchange, bool ends);
  void charge(std::uint32_t cost);
  bool feed(std::string_view input);
  void start_ready();
  bool collect();
  void send_some();
  void break_off();
  bool is_broken() const { return is_broken_ || core_.cut_off.is_set(); }
  bool is_over() const;
  rt::Deadline idle_end() const;
  bool takes_requests() const;
  rt::Task<void> read_all();
  rt::Task<void> linger();
  rt::Task<void> write_rest();
  rt::Task<void> watch_drain();
  rt::Task<void> cut_stalled();
  Http2Exchange* longest_stalled() const;
  rt::Task<void> serve(std::unique_ptr<Http2Exchange> exchange);

  ServerCore& core_;
  std::unique_ptr<rt::Socket> socket_;
  std::unique_ptr<LiveConnection> live_;
  std::unique_ptr<nghttp2_session, SessionFree> session_;
  std::map<std::int32_t, Http2Exchange*> exchanges_;  // all that exist
  // Header blocks that are not complete; HTTP/2 allows one at a time.
  std::unique_ptr<Http2Exchange> incoming_;
  std::vector<std::unique_ptr<Http2Exchange>> ready_;  // to be started after the current input
  std::string out_;
  std::size_t sent_ = 0;  // of out_
  bool is_broken_ = false;
  bool is_greeted_ = false;  // the client's preface is complete
  FrameBudget budget_;
  StreamNumbers numbers_;
  std::size_t continuations_ = 0;  // of the latest header block
  Instant idle_since_;
  Instant head_began_;
  rt::Event over_;     // nothing more is read: broken off, cut off, or said GOAWAY and done
  rt::Event blocked_;  // the socket takes nothing now; write_rest() has the turn
  rt::Event behind_;   // see watch_stalls()
  rt::Event ended_;    // the helpers have to end
  rt::TaskGroup helpers_;
  rt::TaskGroup requests_;
};

}  // namespace sovmesh::http
