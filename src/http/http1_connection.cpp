// One HTTP/1.1 connection from its first byte to its last.
#include <utility>

#include "http/http1_exchange.h"
#include "http/socket_io.h"

namespace sovmesh::http {

namespace {

using Status = rt::IoResult::Status;

// Gives an exchange back to its server when it is no longer needed.
class ExchangeLease {
 public:
  explicit ExchangeLease(ServerCore& core) : core_(core) {}
  ExchangeLease(const ExchangeLease&) = delete;
  ExchangeLease& operator=(const ExchangeLease&) = delete;
  ~ExchangeLease() { release(); }

  Http1Exchange& get(rt::Socket& socket, LiveConnection& live) {
    if (!exchange_) {
      exchange_ = core_.take_exchange();
      exchange_->attach(socket, live);
    }
    return *exchange_;
  }
  bool holds_pending() const { return exchange_ != nullptr && exchange_->has_pending(); }
  void release() {
    if (!exchange_) return;
    exchange_->detach();
    core_.give_back(std::move(exchange_));
  }

 private:
  ServerCore& core_;
  std::unique_ptr<Http1Exchange> exchange_;
};

enum class After : std::uint8_t { next_request, close, linger, http2 };

constexpr std::chrono::milliseconds kLingerTime{2'000};
constexpr std::size_t kLingerBytesMax = 1U << 20;

// Lets the client read our last answer: closing while it still sends would reset the connection
// and could destroy the answer on its way.
SM_OWN_FRAME rt::Task<void> linger(ServerCore& core, rt::Socket& socket) {
  socket.shutdown_write();
  const rt::Deadline end = core.loop.in(kLingerTime);
  std::size_t discarded = 0;
  while (discarded < kLingerBytesMax) {
    const rt::IoResult got = read_now(socket, core.loop.scratch());
    if (got.status == Status::would_block) {
      if (co_await socket.readable().wait({end, &core.cut_off}) != rt::Wake::ready) break;
    } else if (got.status != Status::ok) {
      break;
    }
    discarded += got.bytes;
  }
}

// The head of a request whose first bytes are `input`. next_request: it is complete.
SM_OWN_FRAME rt::Task<After> read_head(ServerCore& core, rt::Socket& socket,
                                       Http1Exchange& exchange, std::string_view input,
                                       rt::Deadline head_end, bool is_first) {
  while (true) {
    const auto complete = exchange.feed_head(input);
    if (!complete) {
      if (is_first && exchange.is_http2_preface() && !socket.is_tls()) co_return After::http2;
      co_await exchange.refuse(complete.error());
      co_return After::linger;
    }
    if (*complete) co_return After::next_request;
    rt::IoResult got = read_now(socket, core.loop.scratch());
    while (got.status == Status::would_block) {
      const rt::Wake wake = co_await socket.readable().wait({head_end, &core.cut_off});
      if (wake == rt::Wake::cancelled) co_return After::close;
      if (wake == rt::Wake::timed_out) {
        co_await exchange.refuse({.status = 408,
                                  .code = Code::request_timeout,
                                  .message = "The request header came too slowly."});
        co_return After::linger;
      }
      got = read_now(socket, core.loop.scratch());
    }
    if (got.status != Status::ok) co_return After::close;
    input = {core.loop.scratch().data(), got.bytes};
  }
}

// A request whose head is complete, to the end of its answer.
SM_OWN_FRAME rt::Task<After> answer(ServerCore& core, Http1Exchange& exchange) {
  ++core.counters.requests;
  bool threw = false;
  try {
    co_await core.handler.handle(exchange);
    if (exchange.goes_on()) co_await exchange.rest();
  } catch (...) {  // a bug of the handler ends its own request only
    threw = true;
  }
  co_await exchange.conclude(threw);
  if (exchange.keeps_alive()) co_return After::next_request;
  co_return exchange.wants_linger() ? After::linger : After::close;
}

SM_OWN_FRAME rt::Task<void> go_on_as_http2(ServerCore& core, std::unique_ptr<rt::Socket>& socket,
                                           std::unique_ptr<LiveConnection>& live,
                                           ExchangeLease& lease) {
  std::string first = lease.get(*socket, *live).take_everything();
  lease.release();
  co_await serve_http2(core, std::move(socket), std::move(live), std::move(first));
}

// A request that is on its way when a drain begins is still answered, as its connection's last.
constexpr std::chrono::milliseconds kLastRequest{1'000};

// The first bytes that come, in the worker's scratch; nothing at the end of an idle connection.
SM_OWN_FRAME rt::Task<std::string_view> first_bytes(ServerCore& core, rt::Socket& socket,
                                                    rt::Deadline end, rt::Event& stop) {
  rt::IoResult got = read_now(socket, core.loop.scratch());
  while (got.status == Status::would_block) {
    // Idle: nothing of ours exists but two frames.
    const rt::Wake wake = co_await socket.readable().wait({end, &stop});
    got = read_now(socket, core.loop.scratch());
    if (wake != rt::Wake::ready && got.status == Status::would_block) break;
  }
  if (got.status != Status::ok) co_return std::string_view();
  co_return std::string_view(core.loop.scratch().data(), got.bytes);
}

}  // namespace

rt::Task<void> serve_http1(ServerCore& core, std::unique_ptr<rt::Socket> socket,
                           std::unique_ptr<LiveConnection> live) {
  const ServerLimits& limits = core.options.limits;
  ExchangeLease lease(core);
  bool is_first = true;
  After after = After::next_request;
  // A new connection has as long for its first byte as for its head; an old one may be idle.
  rt::Deadline end = core.loop.in(limits.head_time);
  while (after == After::next_request) {
    std::string_view input;
    if (lease.holds_pending()) {
      lease.get(*socket, *live).begin_next();
    } else {
      lease.release();
      input = co_await first_bytes(core, *socket, end, is_first ? core.cut_off : core.draining);
      if (input.empty() && !is_first && core.draining.is_set()) {
        live->set_socket(nullptr);  // nothing is cut off when it ends
        input = co_await first_bytes(core, *socket, core.loop.in(kLastRequest), core.cut_off);
        live->set_socket(socket.get());
      }
      if (input.empty()) co_return;
    }
    if (!is_first) end = core.loop.in(limits.head_time);
    Http1Exchange& exchange = lease.get(*socket, *live);
    after = co_await read_head(core, *socket, exchange, input, end, is_first);
    if (after == After::next_request) after = co_await answer(core, exchange);
    is_first = false;
    end = core.loop.in(limits.keep_alive);
  }
  if (after == After::http2) {
    co_await go_on_as_http2(core, socket, live, lease);
    co_return;
  }
  lease.release();
  if (after == After::linger) co_await linger(core, *socket);
}

}  // namespace sovmesh::http
