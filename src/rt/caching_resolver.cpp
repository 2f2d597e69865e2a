#include "rt/caching_resolver.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"

namespace sovmesh::rt {
namespace {

constexpr std::size_t kNameMax = 253;  // RFC 1035

// Letters, digits, hyphens and (as people have them in internal names) underscores.
bool is_host_name(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  };
  return !name.empty() && name.size() <= kNameMax && name.front() != '.' &&
         std::ranges::all_of(name, fits);
}

// RFC 6761: never a question for a server.
bool is_localhost(std::string_view name) {
  return name == "localhost" || name.ends_with(".localhost");
}

std::vector<IpAddress> loopbacks() {
  std::array<unsigned char, 16> v6{};
  v6.back() = 1;
  return {IpAddress::v4({127, 0, 0, 1}), IpAddress::v6(v6)};
}

}  // namespace

struct CachingResolver::Host {
  explicit Host(Loop& loop) : done(loop) {}
  std::vector<IpAddress> addresses;  // the last good ones
  Instant fresh_until{};
  Instant usable_until{};
  Instant retry_at{};            // after a failure
  std::optional<Error> failure;  // of the last look-up
  Instant used{};
  Event done;  // clear while a look-up runs
  bool asking = false;
  std::size_t waiting = 0;
};

// Keeps the entry from being forgotten while a coroutine waits on it.
class CachingResolver::Waiting {
 public:
  explicit Waiting(Host& host) : host_(host) { ++host_.waiting; }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() { --host_.waiting; }

 private:
  Host& host_;
};

CachingResolver::CachingResolver(Loop& loop, Random& random, std::unique_ptr<LookUp> look_up)
    : loop_(loop), random_(random), look_up_(std::move(look_up)) {}

CachingResolver::~CachingResolver() = default;

Task<Result<std::vector<IpAddress>>> CachingResolver::resolve(std::string host, Until until) {
  if (const auto literal = IpAddress::parse(host)) co_return std::vector<IpAddress>{*literal};
  std::string name = to_lower(host);
  if (name.ends_with('.')) name.pop_back();
  if (!is_host_name(name))
    co_return our_error(Code::config_invalid, "not a host name or address: " + host);
  if (is_localhost(name)) co_return loopbacks();

  Host* const entry = find_or_add(name);
  if (entry == nullptr)
    co_return our_error(Code::overloaded, "too many host names are being looked up");
  const Instant now = loop_.now();
  entry->used = now;
  if (now < entry->fresh_until) co_return entry->addresses;
  if (!entry->asking && entry->failure && now < entry->retry_at)
    co_return best_of(*entry, *entry->failure);
  if (!entry->asking) {
    if (asking_ >= kParallelMax) {
      Error full(Code::overloaded, Blame::us, "too many host names are being looked up");
      co_return best_of(*entry, std::move(full));
    }
    ask(name, *entry);
  }
  const Waiting waiting(*entry);
  const bool has_stale = !entry->addresses.empty() && now < entry->usable_until;
  const Deadline patience = has_stale ? loop_.in(kPatience) : until.deadline;
  const Until limits{until.deadline.earlier(patience), until.cancelled};
  const Wake wake = co_await entry->done.wait(limits);
  if (auto ended = to_result(wake, "looking up " + name); !ended) {
    if (wake == Wake::cancelled) co_return fail(std::move(ended).error());
    co_return best_of(*entry, std::move(ended).error());
  }
  if (entry->failure) co_return best_of(*entry, *entry->failure);
  co_return entry->addresses;
}

Result<std::vector<IpAddress>> CachingResolver::best_of(const Host& host, Error otherwise) const {
  if (host.addresses.empty() || loop_.now() >= host.usable_until) return fail(std::move(otherwise));
  return host.addresses;
}

CachingResolver::Host* CachingResolver::find_or_add(const std::string& name) {
  if (const auto found = hosts_.find(name); found != hosts_.end()) return found->second.get();
  if (hosts_.size() >= kHostsMax && !make_room()) return nullptr;
  return hosts_.emplace(name, std::make_unique<Host>(loop_)).first->second.get();
}

bool CachingResolver::make_room() {
  auto oldest = hosts_.end();
  for (auto it = hosts_.begin(); it != hosts_.end(); ++it) {
    if (it->second->asking || it->second->waiting > 0) continue;
    if (oldest == hosts_.end() || it->second->used < oldest->second->used) oldest = it;
  }
  if (oldest == hosts_.end()) return false;
  hosts_.erase(oldest);
  return true;
}

void CachingResolver::ask(const std::string& name, Host& host) {
  host.asking = true;
  host.done.clear();
  ++asking_;
  look_up_->start(
      name, [this, name](Result<LookUp::Answer> answer) { answered(name, std::move(answer)); });
}

void CachingResolver::answered(const std::string& name, Result<LookUp::Answer> answer) {
  --asking_;
  Host& host = *hosts_.at(name);  // an entry that is asked for stays
  host.asking = false;
  const Instant now = loop_.now();
  if (answer && answer->addresses.empty())
    answer = upstream_error(Code::upstream_error, "looking up " + name + ": no addresses");
  if (answer) {
    host.addresses = std::move(answer->addresses);
    host.failure.reset();
    // Up to a fifth longer, so that workers and hosts do not ask in step.
    const std::chrono::milliseconds ttl = std::clamp(answer->ttl, kTtlMin, kTtlMax);
    const auto jitter_max = static_cast<std::uint32_t>(ttl.count() / 5);
    host.fresh_until = now + ttl + std::chrono::milliseconds(random_.below(jitter_max));
    host.usable_until = now + kStale;
  } else {
    host.failure = std::move(answer).error();
    host.retry_at = now + kNegative;
  }
  host.done.set();
}

}  // namespace sovmesh::rt
