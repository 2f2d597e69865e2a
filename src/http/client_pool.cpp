#include "http/client_pool.h"

#include <algorithm>
#include <utility>

namespace sovmesh::http {

ClientPool::Impl::Impl(rt::Loop& l, rt::Network& n, rt::Resolver& r, ClientLimits lim)
    : loop(l), network(n), resolver(r), limits(lim) {}

ClientPool::Impl::~Impl() = default;

std::unique_ptr<rt::Socket> ClientPool::Impl::take(const Origin& origin) {
  const auto found = idle_.find(key_of(origin));
  if (found == idle_.end()) return nullptr;
  std::vector<Idle>& kept = found->second;
  std::unique_ptr<rt::Socket> socket;
  // The one used last is the least likely to be closed by its server.
  while (!kept.empty() && !socket) {
    if (kept.back().socket->is_idle_and_open()) socket = std::move(kept.back().socket);
    kept.pop_back();
    --idle_count;
  }
  if (kept.empty()) idle_.erase(found);
  return socket;
}

void ClientPool::Impl::put(const Origin& origin, std::unique_ptr<rt::Socket> socket) {
  if (limits.idle_max == 0 || !socket->is_idle_and_open()) return;
  auto found = idle_.find(key_of(origin));
  if (found == idle_.end()) found = idle_.emplace(Key(key_of(origin)), std::vector<Idle>()).first;
  std::vector<Idle>& kept = found->second;
  if (kept.size() >= limits.idle_max) return;
  const Instant expires = loop.now() + limits.idle_time;
  kept.push_back({std::move(socket), expires});
  ++idle_count;
  if (!sweep_.armed()) loop.timers().arm(sweep_, expires);
}

// Closes what has been idle too long, and comes again for what has not.
void ClientPool::Impl::sweep() {
  const Instant now = loop.now();
  Instant next = Instant::max();
  for (auto entry = idle_.begin(); entry != idle_.end();) {
    std::vector<Idle>& kept = entry->second;
    const auto first_good =
        std::ranges::find_if(kept, [now](const Idle& idle) { return idle.expires > now; });
    idle_count -= static_cast<std::size_t>(first_good - kept.begin());
    kept.erase(kept.begin(), first_good);
    if (!kept.empty()) next = std::min(next, kept.front().expires);
    entry = kept.empty() ? idle_.erase(entry) : std::next(entry);
  }
  if (next != Instant::max()) loop.timers().arm(sweep_, next);
}

void ClientPool::Impl::close_idle() {
  idle_.clear();
  idle_count = 0;
  sweep_.disarm();
}

std::unique_ptr<ClientPool::Impl::Buffers> ClientPool::Impl::take_buffers() {
  if (spare_.empty()) return std::make_unique<Buffers>();
  auto buffers = std::move(spare_.back());
  spare_.pop_back();
  return buffers;
}

void ClientPool::Impl::give_back(std::unique_ptr<Buffers> buffers) {
  constexpr std::size_t kKeptBytes = std::size_t{16} * 1024;
  if (spare_.size() >= kSpareMax) return;
  buffers->reader.clear();
  buffers->request.clear();
  buffers->pending.clear();
  buffers->fields.clear();
  if (buffers->request.capacity() > kKeptBytes) buffers->request.shrink_to_fit();
  if (buffers->pending.capacity() > kKeptBytes) buffers->pending.shrink_to_fit();
  spare_.push_back(std::move(buffers));
}

rt::Task<Result<std::unique_ptr<rt::Socket>>> ClientPool::Impl::connect(
    const Origin& origin, std::chrono::milliseconds longest, rt::Until until) {
  const rt::Deadline own = loop.in(longest);
  const rt::Until limited{until.deadline.earlier(own), until.cancelled};
  auto socket = co_await connect_transport(origin, limited);
  if (socket && origin.tls)
    socket = co_await rt::tls_connect(*std::move(socket), origin.tls, origin.host, limited);
  // Our own limit is the other side's failure; the caller's is what the caller knows about.
  if (!socket && socket.error().code() == Code::timed_out && own.when() < until.deadline.when())
    co_return upstream_error(Code::io_error, "connecting took too long");
  co_return socket;
}

rt::Task<Result<std::unique_ptr<rt::Socket>>> ClientPool::Impl::connect_transport(
    const Origin& origin, rt::Until until) {
  if (!origin.unix_path.empty()) {
    rt::Endpoint endpoint = rt::UnixEndpoint{origin.unix_path};
    co_return co_await network.connect(std::move(endpoint), until);
  }
  CO_TRY(const std::vector<rt::IpAddress> addresses, co_await resolver.resolve(origin.host, until));
  Result<std::unique_ptr<rt::Socket>> socket =
      upstream_error(Code::upstream_error, "the name has no address");
  for (const rt::IpAddress& address : addresses) {
    rt::Endpoint endpoint = rt::IpEndpoint{.ip = address, .port = origin.port};
    socket = co_await network.connect(std::move(endpoint), until);
    if (socket || socket.error().code() == Code::cancelled) break;
  }
  co_return socket;
}

ClientPool::ClientPool(rt::Loop& loop, rt::Network& network, rt::Resolver& resolver,
                       ClientLimits limits)
    : impl_(std::make_shared<Impl>(loop, network, resolver, limits)) {}

ClientPool::~ClientPool() = default;

void ClientPool::close_idle() { impl_->close_idle(); }

std::size_t ClientPool::idle() const { return impl_->idle_count; }

}  // namespace sovmesh::http
