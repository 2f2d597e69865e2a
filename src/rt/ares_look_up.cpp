#include "rt/ares_look_up.h"

#include <ares.h>
#include <netdb.h>

#include <algorithm>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "rt/sockaddr.h"

namespace sovmesh::rt {
namespace {

constexpr int kTimeoutMs = 2000;  // of the first try; c-ares lengthens it for the next ones
constexpr int kTries = 3;

class AresLookUp final : public LookUp {
 public:
  explicit AresLookUp(EpollLoop& loop) : loop_(loop), timer_(*this) {}
  ~AresLookUp() override {
    if (channel_ != nullptr) ::ares_destroy(channel_);  // ends every question and every socket
  }
  Result<void> open(const std::string& servers);
  void start(const std::string& host, Done done) override;

 private:
  struct Watch final : FdHandler {
    Watch(AresLookUp& l, ares_socket_t s) : look_up(l), socket(s) {}
    void on_events(std::uint32_t events) override { look_up.process(socket, events); }
    AresLookUp& look_up;
    ares_socket_t socket;
  };
  struct Expiry : Timer {
    explicit Expiry(AresLookUp& l) : Timer(&fired), look_up(l) {}
    static void fired(Timer& timer) {
      static_cast<Expiry&>(timer).look_up.process(ARES_SOCKET_BAD, 0);
    }
    AresLookUp& look_up;
  };

  static void socket_changed(void* self, ares_socket_t socket, int readable, int writable);
  static void answered(void* done, int status, int timeouts, ares_addrinfo* found);
  void process(ares_socket_t socket, std::uint32_t events);
  void arm_timer();

  EpollLoop& loop_;
  Expiry timer_;
  ares_channel channel_ = nullptr;
  std::unordered_map<ares_socket_t, std::unique_ptr<Watch>> sockets_;
};

Error ares_error(int status, std::string_view what) {
  return {Code::upstream_error, Blame::upstream,
          std::string(what) + ": " + std::string(::ares_strerror(status))};
}

Result<void> AresLookUp::open(const std::string& servers) {
  static std::once_flag initialised;
  std::call_once(initialised, [] { ::ares_library_init(ARES_LIB_INIT_ALL); });
  ares_options options{};
  options.timeout = kTimeoutMs;
  options.tries = kTries;
  options.sock_state_cb = &socket_changed;
  options.sock_state_cb_data = this;
  const int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
  if (const int status = ::ares_init_options(&channel_, &options, mask); status != ARES_SUCCESS) {
    channel_ = nullptr;
    return fail(ares_error(status, "starting the resolver"));
  }
  if (servers.empty()) return {};
  const int status = ::ares_set_servers_ports_csv(channel_, servers.c_str());
  if (status != ARES_SUCCESS) return fail(ares_error(status, "name servers"));
  return {};
}

void AresLookUp::start(const std::string& host, Done done) {
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;  // one entry per address
  auto owned = std::make_unique<Done>(std::move(done));
  ::ares_getaddrinfo(channel_, host.c_str(), nullptr, &hints, &answered, owned.release());
  arm_timer();
}

void AresLookUp::answered(void* done, int status, int /*timeouts*/, ares_addrinfo* found) {
  const std::unique_ptr<Done> owned(static_cast<Done*>(done));
  const std::unique_ptr<ares_addrinfo, decltype(&::ares_freeaddrinfo)> list(found,
                                                                            &::ares_freeaddrinfo);
  if (status != ARES_SUCCESS) {
    (*owned)(fail(ares_error(status, "looking up a host name")));
    return;
  }
  Answer answer;
  int ttl = 0;
  for (const ares_addrinfo_node* node = list->nodes; node != nullptr; node = node->ai_next) {
    const auto endpoint = to_ip(node->ai_addr);
    if (!endpoint) continue;
    answer.addresses.push_back(endpoint->ip);
    ttl = ttl == 0 ? node->ai_ttl : std::min(ttl, node->ai_ttl);
  }
  answer.ttl = std::chrono::seconds(std::max(ttl, 0));
  (*owned)(std::move(answer));
}

// Level-triggered: c-ares does not promise to read until nothing is left.
void AresLookUp::socket_changed(void* self, ares_socket_t socket, int readable, int writable) {
  auto& look_up = *static_cast<AresLookUp*>(self);
  const auto known = look_up.sockets_.find(socket);
  if (readable == 0 && writable == 0) {  // it is about to be closed
    if (known == look_up.sockets_.end()) return;
    look_up.loop_.remove(socket, *known->second);
    look_up.sockets_.erase(known);
    return;
  }
  const std::uint32_t events =
      (readable != 0 ? std::uint32_t{EPOLLIN} : 0) | (writable != 0 ? std::uint32_t{EPOLLOUT} : 0);
  if (known != look_up.sockets_.end()) {
    look_up.loop_.modify(socket, events, *known->second);
    return;
  }
  auto watch = std::make_unique<Watch>(look_up, socket);
  // When it cannot be watched the question runs into its timeout.
  if (look_up.loop_.add(socket, events, *watch)) look_up.sockets_.emplace(socket, std::move(watch));
}

// The watch that called may be gone when c-ares returns.
void AresLookUp::process(ares_socket_t socket, std::uint32_t events) {
  const bool in = (events & ~std::uint32_t{EPOLLOUT}) != 0;
  const bool out = (events & EPOLLOUT) != 0;
  ::ares_process_fd(channel_, in ? socket : ARES_SOCKET_BAD, out ? socket : ARES_SOCKET_BAD);
  arm_timer();
}

void AresLookUp::arm_timer() {
  timeval wait{};
  if (::ares_timeout(channel_, nullptr, &wait) == nullptr) {
    timer_.disarm();
    return;
  }
  const auto delay = std::chrono::seconds(wait.tv_sec) + std::chrono::microseconds(wait.tv_usec);
  loop_.timers().arm(timer_, loop_.now() + delay);
}

}  // namespace

Result<std::unique_ptr<LookUp>> make_ares_look_up(EpollLoop& loop, const std::string& servers) {
  auto look_up = std::make_unique<AresLookUp>(loop);
  TRY_VOID(look_up->open(servers));
  return look_up;
}

}  // namespace sovmesh::rt
