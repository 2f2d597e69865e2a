#include "rt/sim/network.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <deque>

#include "rt/sim/connection.h"

namespace sovmesh::rt::sim {

class SimListener final : public Listener {
 public:
  SimListener(SimWorld& world, SimLoop& loop, const ListenOptions& options)
      : wire_(world.wire()),
        loop_(loop),
        backlog_max_(static_cast<std::size_t>(std::max(1, options.backlog))),
        reuse_port_(options.reuse_port),
        incoming_(loop) {
    ++wire_.open_listeners_;
  }
  ~SimListener() override {
    --wire_.open_listeners_;
    wire_.unbind(*this);
    for (const auto& socket : backlog_)
      socket->reset_on_close();  // connections that nobody will accept
  }
  SimListener(const SimListener&) = delete;
  SimListener& operator=(const SimListener&) = delete;

  Task<Result<std::unique_ptr<Socket>>> accept(Until until) override {
    while (backlog_.empty()) {
      const Wake wake = co_await incoming_.wait(until);
      CO_TRY_VOID(to_result(wake, "accept"));
    }
    std::unique_ptr<Socket> socket = std::move(backlog_.front());
    backlog_.pop_front();
    if (backlog_.empty()) incoming_.clear();
    co_return socket;
  }
  Endpoint local() const override { return bound_; }

  SimLoop& loop() const { return loop_; }
  bool full() const { return backlog_.size() >= backlog_max_; }
  bool reuse_port() const { return reuse_port_; }
  void bind_to(const Endpoint& endpoint) { bound_ = endpoint; }
  void push(std::unique_ptr<SimSocket> socket) {
    backlog_.push_back(std::move(socket));
    incoming_.set();
  }

 private:
  Wire& wire_;
  SimLoop& loop_;
  std::size_t backlog_max_;
  bool reuse_port_;
  Endpoint bound_;
  std::deque<std::unique_ptr<SimSocket>> backlog_;
  Event incoming_;
};

struct Wire::Attempt {
  Attempt(SimLoop& l, Endpoint e, IpAddress s)
      : loop(l), endpoint(std::move(e)), source(s), done(l) {}
  SimLoop& loop;
  Endpoint endpoint;
  IpAddress source;
  Event done;
  int error = 0;
  std::unique_ptr<SimSocket> socket;
};

struct Wire::Sockets {
  std::unique_ptr<SimSocket> client;
  std::unique_ptr<SimSocket> server;
};

std::chrono::nanoseconds Wire::delay(const LinkOptions& link) {
  return world_.random_delay(link.delay_min, link.delay_max);
}

std::uint16_t Wire::next_port() {
  constexpr std::uint16_t kFirst = 49'152;
  last_port_ = last_port_ == 65'535 ? kFirst : static_cast<std::uint16_t>(last_port_ + 1);
  return last_port_;
}

Result<Endpoint> Wire::bind(SimListener& listener, const Endpoint& endpoint, bool reuse_port) {
  Endpoint bound = endpoint;
  if (auto* ip = std::get_if<IpEndpoint>(&bound); ip != nullptr && ip->port == 0) {
    do {
      ip->port = next_port();
    } while (listeners_.contains(bound));
  }
  auto& here = listeners_[bound];
  const bool shared = reuse_port && std::ranges::all_of(here, &SimListener::reuse_port);
  if (!here.empty() && !shared) return fail(io_error(EADDRINUSE, "listen on " + to_text(bound)));
  here.push_back(&listener);
  world_.note("listen on " + to_text(bound));
  return bound;
}

void Wire::unbind(SimListener& listener) {
  const auto found = listeners_.find(listener.local());
  if (found == listeners_.end()) return;
  if (std::erase(found->second, &listener) > 0)
    world_.note("listener of " + to_text(found->first) + " closes");
  if (found->second.empty()) listeners_.erase(found);
}

SimListener* Wire::listener_for(const Endpoint& endpoint) {
  auto found = listeners_.find(endpoint);
  if (const auto* ip = std::get_if<IpEndpoint>(&endpoint)) {
    if (found == listeners_.end() && ip->ip.is_v4())
      found = listeners_.find(IpEndpoint{IpAddress::v4({}), ip->port});
    if (found == listeners_.end()) found = listeners_.find(IpEndpoint{IpAddress::v6({}), ip->port});
  }
  if (found == listeners_.end()) return nullptr;
  const auto& all = found->second;
  return all[all.size() == 1 ? 0 : world_.chaos().below(static_cast<std::uint32_t>(all.size()))];
}

Wire::Sockets Wire::make_connection(const Endpoint& server, const std::optional<IpEndpoint>& client,
                                    SimLoop& client_loop, SimLoop& server_loop) {
  const auto connection =
      std::make_shared<Connection>(world_, Connection::Names{.server = server, .client = client});
  return {.client = std::make_unique<SimSocket>(connection, 0, client_loop, *this),
          .server = std::make_unique<SimSocket>(connection, 1, server_loop, *this)};
}

void Wire::start(const std::shared_ptr<Attempt>& attempt) {
  world_.after(delay(options), [this, weak = std::weak_ptr(attempt)] {
    if (const auto alive = weak.lock()) arrive(alive);
  });
}

// The first packet of a connect reaches its destination.
void Wire::arrive(const std::shared_ptr<Attempt>& attempt) {
  const auto chosen = reach_.find(attempt->endpoint);
  const Reach reach = chosen == reach_.end() ? Reach::normal : chosen->second;
  if (reach == Reach::drop) return;
  const bool is_unix = std::holds_alternative<UnixEndpoint>(attempt->endpoint);
  const bool hang = reach == Reach::accept_and_hang;
  SimListener* const listener = reach == Reach::normal ? listener_for(attempt->endpoint) : nullptr;
  if (listener == nullptr && !hang) return finish(attempt, is_unix ? ENOENT : ECONNREFUSED, {});
  if (listener != nullptr && listener->full()) return;  // dropped: the backlog is a bound
  std::optional<IpEndpoint> client;
  if (!is_unix) client = IpEndpoint{.ip = attempt->source, .port = next_port()};
  SimLoop& server_loop = listener != nullptr ? listener->loop() : world_.loop();
  Sockets sockets = make_connection(attempt->endpoint, client, attempt->loop, server_loop);
  world_.note(fmt::format("connection {} to {}", sockets.client->id(), to_text(attempt->endpoint)));
  if (listener != nullptr) {
    listener->push(std::move(sockets.server));
  } else {
    silent_.push_back(std::move(sockets.server));
  }
  finish(attempt, 0, std::move(sockets.client));
}

// The answer travels back. A socket whose connect was given up meanwhile is reset.
void Wire::finish(const std::shared_ptr<Attempt>& attempt, int error,
                  std::unique_ptr<SimSocket> socket) {
  world_.after(delay(options),
               [weak = std::weak_ptr(attempt), error, socket = std::move(socket)]() mutable {
                 const auto alive = weak.lock();
                 if (alive == nullptr) {
                   if (socket != nullptr) socket->reset_on_close();
                   return;
                 }
                 alive->error = error;
                 alive->socket = std::move(socket);
                 alive->done.set();
               });
}

std::vector<ConnectionId> Wire::connections() const {
  std::vector<ConnectionId> ids;
  for (const auto& [id, connection] : connections_) {
    if (connection->is_open()) ids.push_back(id);
  }
  return ids;
}

std::vector<ConnectionId> Wire::connections(const Endpoint& endpoint) const {
  std::vector<ConnectionId> ids = connections();
  std::erase_if(ids, [&](ConnectionId id) { return find(id)->names().server != endpoint; });
  return ids;
}

Connection* Wire::find(ConnectionId id) const {
  const auto found = connections_.find(id);
  return found != connections_.end() ? found->second : nullptr;
}

ConnectionId Wire::id_of(const Socket& socket) {
  return dynamic_cast<const SimSocket&>(socket).id();
}

void Wire::reset(ConnectionId id) {
  if (Connection* connection = find(id)) connection->break_both(ECONNRESET);
}

void Wire::stall(ConnectionId id) {
  if (Connection* connection = find(id)) connection->stall();
}

void Wire::resume(ConnectionId id) {
  if (Connection* connection = find(id)) connection->resume();
}

Result<std::unique_ptr<Listener>> SimNetwork::listen(const Endpoint& endpoint,
                                                     const ListenOptions& options) {
  auto listener = std::make_unique<SimListener>(world_, loop_, options);
  TRY(const Endpoint bound, world_.wire().bind(*listener, endpoint, options.reuse_port));
  listener->bind_to(bound);
  return listener;
}

Task<Result<std::unique_ptr<Socket>>> SimNetwork::connect(Endpoint endpoint, Until until) {
  const auto attempt = std::make_shared<Wire::Attempt>(loop_, std::move(endpoint), source_);
  world_.wire().start(attempt);
  const Wake wake = co_await attempt->done.wait(until);
  CO_TRY_VOID(to_result(wake, "connect"));
  if (attempt->error != 0) co_return fail(io_error(attempt->error, "connect"));
  std::unique_ptr<Socket> socket = std::move(attempt->socket);
  co_return socket;
}

std::pair<std::unique_ptr<Socket>, std::unique_ptr<Socket>> sim_socket_pair(SimWorld& world) {
  return sim_socket_pair(world, world.loop(), world.loop());
}

std::pair<std::unique_ptr<Socket>, std::unique_ptr<Socket>> sim_socket_pair(SimWorld& world,
                                                                            SimLoop& first,
                                                                            SimLoop& second) {
  Wire& wire = world.wire();
  const IpAddress ip = IpAddress::v4({127, 0, 0, 1});
  const IpEndpoint client{.ip = ip, .port = wire.next_port()};
  const IpEndpoint server{.ip = ip, .port = wire.next_port()};
  Wire::Sockets sockets = wire.make_connection(server, client, first, second);
  return {std::move(sockets.client), std::move(sockets.server)};
}

}  // namespace sovmesh::rt::sim
