#include "http/server.h"

#include <array>

#include "http/connection.h"
#include "http/error_reply.h"
#include "http/response_writer.h"

namespace sovmesh::http {

namespace {

// An error other than a cancelled wait does not end a listener; it only must not make it spin.
constexpr std::chrono::milliseconds kAcceptPause{100};

// Best effort: the client learns why, if its socket takes the answer at once.
void refuse_connection(ServerCore& core, rt::Socket& socket) {
  const Error error(Code::concurrency_limit_exceeded, Blame::client,
                    "Too many connections from this address.");
  const std::string body = error_json(error, nullptr);
  std::string answer;
  append_response_head(
      answer, error_head(error),
      {.kind = ResponseFraming::Kind::length, .length = body.size(), .close = true},
      core.date.get(core.loop));
  answer += body;
  const iovec piece{.iov_base = answer.data(), .iov_len = answer.size()};
  (void)socket.try_write(std::span(&piece, 1));
  socket.shutdown_write();
}

rt::Task<void> serve_tls(ServerCore& core, std::unique_ptr<rt::Socket> transport,
                         std::unique_ptr<LiveConnection> live) {
  live->set_socket(nullptr);
  const rt::Until until{core.loop.in(core.options.limits.handshake_time), &core.cut_off};
  auto context = core.options.tls();
  if (!context) co_return;
  auto socket = co_await rt::tls_accept(std::move(transport), std::move(context), until);
  if (!socket) co_return;
  live->set_socket(socket->get());
  const bool speaks_http2 = (*socket)->alpn() == "h2";
  if (speaks_http2) {
    co_await serve_http2(core, *std::move(socket), std::move(live), std::string());
  } else {
    co_await serve_http1(core, *std::move(socket), std::move(live));
  }
}

void serve(ServerCore& core, std::unique_ptr<rt::Socket> socket) {
  auto live = std::make_unique<LiveConnection>(core, *socket);
  if (!live->is_within_ip_limit()) {
    if (!core.options.tls) refuse_connection(core, *socket);
    return;
  }
  core.connections.spawn(core.options.tls ? serve_tls(core, std::move(socket), std::move(live))
                                          : serve_http1(core, std::move(socket), std::move(live)));
}

}  // namespace

struct Server::Impl {
  Impl(rt::Loop& loop, std::unique_ptr<rt::Listener> l, Handler& handler, ServerOptions options)
      : core(loop, handler, std::move(options)),
        listener(std::move(l)),
        local(listener->local()),
        stopped(loop),
        ended(loop) {}

  rt::Task<void> run() {
    while (!stopped.is_set()) {
      if (co_await core.has_room.wait({rt::Deadline::never(), &stopped}) != rt::Wake::ready) break;
      auto socket = co_await listener->accept({rt::Deadline::never(), &stopped});
      // One that comes when nobody may come in any more waits here instead of in the kernel.
      if (socket && !core.accepts) co_await core.has_room.wait({rt::Deadline::never(), &stopped});
      if (socket) {
        serve(core, *std::move(socket));
      } else if (!stopped.is_set()) {
        co_await rt::sleep(core.loop, {core.loop.in(kAcceptPause), &stopped});
      }
    }
    is_running = false;
    listener.reset();
    ended.set();
  }

  ServerCore core;
  std::unique_ptr<rt::Listener> listener;
  rt::Endpoint local;
  rt::Event stopped;
  rt::Event ended;  // run() touches nothing of ours any more
  bool is_running = false;
};

Server::Server(rt::Loop& loop, std::unique_ptr<rt::Listener> listener, Handler& handler,
               ServerOptions options)
    : impl_(std::make_unique<Impl>(loop, std::move(listener), handler, std::move(options))) {}

Server::~Server() = default;

rt::Endpoint Server::local() const { return impl_->local; }

const ServerCounters& Server::counters() const { return impl_->core.counters; }

rt::Task<void> Server::run() {
  impl_->is_running = true;
  return impl_->run();
}

void Server::stop_accepting() {
  impl_->stopped.set();
  if (!impl_->is_running) impl_->listener.reset();  // else run() closes it when it wakes
}

void Server::begin_drain() {
  impl_->core.drains = true;
  impl_->core.draining.set();
}

void Server::relieve(bool closes, bool accepts) {
  ServerCore& core = impl_->core;
  if (closes || core.drains) {
    core.draining.set();
  } else {
    core.draining.clear();
  }
  core.accepts = accepts;
  core.look_at_room();
}

rt::Task<void> Server::drain(rt::Deadline deadline) {
  ServerCore& core = impl_->core;
  stop_accepting();
  begin_drain();
  if (!co_await core.connections.join({deadline, nullptr})) {
    core.cut_off_all();
    co_await core.connections.join({rt::Deadline::never(), nullptr});
  }
  co_await core.flushers.join({rt::Deadline::never(), nullptr});
  if (impl_->is_running) co_await impl_->ended.wait({rt::Deadline::never(), nullptr});
}

}  // namespace sovmesh::http
