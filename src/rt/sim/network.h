#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "rt/net.h"
#include "rt/sim/world.h"

namespace sovmesh::rt::sim {

class Connection;
class SimListener;
class SimSocket;

// How the connections that begin from now on behave.
struct LinkOptions {
  std::chrono::nanoseconds delay_min = std::chrono::microseconds(20);  // one way
  std::chrono::nanoseconds delay_max = std::chrono::microseconds(400);
  std::size_t send_buffer = std::size_t{64} * 1024;
  std::size_t receive_buffer = std::size_t{64} * 1024;
  // Reads and writes take a random part of what they could take, one time in two, and sockets wake
  // for nothing now and then.
  bool split = true;
  // A broken path is noticed after this long, as TCP_USER_TIMEOUT and keep-alive do.
  std::chrono::nanoseconds broken_after = std::chrono::seconds(30);
};

// What a connect to an endpoint meets.
enum class Reach : std::uint8_t {
  normal,          // its listener, or "connection refused"
  refuse,          // always refused
  drop,            // nothing ever comes back: the connect lasts until its deadline
  accept_and_hang  // connected, then silence
};

using ConnectionId = std::uint64_t;

// The medium of a world: who listens where, which connections exist, and the faults that a test
// wants. SimNetwork is one worker's access to it.
class Wire {
 public:
  explicit Wire(SimWorld& world) : world_(world) {}

  LinkOptions options;  // for new connections
  // What the server side of a unix socket sees.
  Socket::PeerCredentials unix_peer{.pid = 4242, .uid = 1000};

  void set_reach(const Endpoint& endpoint, Reach reach) { reach_[endpoint] = reach; }

  // Connections with at least one open end, oldest first; of that endpoint's listener only when one
  // is given.
  std::vector<ConnectionId> connections() const;
  std::vector<ConnectionId> connections(const Endpoint& endpoint) const;
  static ConnectionId id_of(const Socket& socket);  // a socket of this simulation
  // Both ends see "connection reset by peer" now. Unknown and ended connections are ignored, here
  // and below.
  void reset(ConnectionId id);
  // Nothing passes either way, not even FIN and RST, until resume() or LinkOptions::broken_after.
  void stall(ConnectionId id);
  void resume(ConnectionId id);

  // For leak tests.
  std::size_t open_sockets() const { return open_sockets_; }
  std::size_t open_listeners() const { return open_listeners_; }

 private:
  friend class Connection;
  friend class SimListener;
  friend class SimNetwork;
  friend class SimSocket;
  friend std::pair<std::unique_ptr<Socket>, std::unique_ptr<Socket>> sim_socket_pair(
      SimWorld& world, SimLoop& first, SimLoop& second);
  struct Attempt;  // a connect that is under way
  struct Sockets;  // both ends of a new connection
  std::chrono::nanoseconds delay(const LinkOptions& link);
  Result<Endpoint> bind(SimListener& listener, const Endpoint& endpoint, bool reuse_port);
  void unbind(SimListener& listener);
  SimListener* listener_for(const Endpoint& endpoint);
  Sockets make_connection(const Endpoint& server, const std::optional<IpEndpoint>& client,
                          SimLoop& client_loop, SimLoop& server_loop);
  void start(const std::shared_ptr<Attempt>& attempt);
  void arrive(const std::shared_ptr<Attempt>& attempt);
  void finish(const std::shared_ptr<Attempt>& attempt, int error,
              std::unique_ptr<SimSocket> socket);
  Connection* find(ConnectionId id) const;
  std::uint16_t next_port();

  SimWorld& world_;
  std::map<Endpoint, std::vector<SimListener*>> listeners_;
  std::map<Endpoint, Reach> reach_;
  std::map<ConnectionId, Connection*> connections_;
  ConnectionId last_id_ = 0;
  std::uint16_t last_port_ = 49'151;
  std::size_t open_sockets_ = 0;
  std::size_t open_listeners_ = 0;
  // Peers of accept_and_hang. Bounded by the connects of one test.
  std::vector<std::unique_ptr<Socket>> silent_;
};

// In-memory TCP and unix sockets of one simulated worker. An endpoint with port 0 gets a free port;
// "*:PORT" listens on every address. Several hosts are just several addresses.
class SimNetwork final : public Network {
 public:
  explicit SimNetwork(SimWorld& world) : SimNetwork(world, world.loop()) {}
  SimNetwork(SimWorld& world, SimLoop& loop) : world_(world), loop_(loop) {}

  Result<std::unique_ptr<Listener>> listen(const Endpoint& endpoint,
                                           const ListenOptions& options) override;
  Task<Result<std::unique_ptr<Socket>>> connect(Endpoint endpoint, Until until) override;
  // Where connections of this worker come from; 127.0.0.1 unless set.
  void set_source(const IpAddress& ip) { source_ = ip; }

 private:
  SimWorld& world_;
  SimLoop& loop_;
  IpAddress source_ = IpAddress::v4({127, 0, 0, 1});
};

// Two connected TCP sockets on the world's first loop (or on two loops), with Wire::options.
std::pair<std::unique_ptr<Socket>, std::unique_ptr<Socket>> sim_socket_pair(SimWorld& world);
std::pair<std::unique_ptr<Socket>, std::unique_ptr<Socket>> sim_socket_pair(SimWorld& world,
                                                                            SimLoop& first,
                                                                            SimLoop& second);

}  // namespace sovmesh::rt::sim
