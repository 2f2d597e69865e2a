#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <ctime>
#include <utility>

#include "compose/process.h"
#include "rt/listen_sockets.h"

// Listening sockets that outlive a process: given by the service manager or by the server whose
// place we take, and passed on to the one that takes ours. Until its last request has ended the
// predecessor has the data folder; connections that come meanwhile wait in the sockets.
namespace sovmesh::compose {
namespace {

constexpr std::chrono::milliseconds kLook{10};
constexpr std::chrono::milliseconds kPatience{5'000};
constexpr std::chrono::milliseconds kMargin{30'000};  // engines that stop, the ledger's last words

std::string socket_in(const std::string& data_dir) { return data_dir + "/take-over.sock"; }

// Nobody holds the lock of the folder any more.
bool is_free(const std::string& data_dir) {
  const rt::Fd lock(::open((data_dir + "/lock").c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  return !lock.valid() || ::flock(lock.get(), LOCK_EX | LOCK_NB) == 0;
}

// There is no loop yet, and signals are blocked.
bool is_told_to_end_within(std::chrono::nanoseconds time) {
  sigset_t ends;
  ::sigemptyset(&ends);
  ::sigaddset(&ends, SIGTERM);
  ::sigaddset(&ends, SIGINT);
  const timespec patience{.tv_sec = 0, .tv_nsec = time.count()};
  return ::sigtimedwait(&ends, nullptr, &patience) > 0;
}

}  // namespace

// Before the first thread: it changes the environment.
Result<void> Process::take_sockets() {
  Result<rt::ListenSockets> given = rt::ListenSockets::from_environment();
  if (!given) return fail(std::move(given).error());
  sockets_outlive_us_ = !given->empty();
  if (sockets_outlive_us_ && options_.take_over) {
    return our_error(Code::config_invalid,
                     "--take-over and sockets of the service manager: only one of them");
  }
  given_sockets_ = *std::move(given);
  return {};
}

// What could be checked has been: from here on the predecessor ends.
Result<void> Process::take_place() {
  if (!options_.take_over) return {};
  auto taken = rt::ListenSockets::from_predecessor(socket_in(options_.data_dir));
  const bool is_nobody = !taken && taken.error().code() == Code::dependency_unavailable;
  if (!taken && !is_nobody) return fail(std::move(taken).error());
  if (taken) {
    TRY_VOID(taken->confirm());
    given_sockets_ = *std::move(taken);
  }
  const Instant latest = clock_->now() + options_.config.server.drain_time + kMargin;
  while (!is_free(options_.data_dir) && clock_->now() < latest) {
    if (is_told_to_end_within(kLook))
      return our_error(Code::cancelled, "told to end before the server before it had ended");
  }
  return {};
}

rt::Task<void> Process::pass_place_on() {
  Worker& first = *workers_.front();
  rt::Event& cancelled = first.tasks().cancelled();
  rt::Endpoint endpoint = rt::UnixEndpoint{socket_in(options_.data_dir)};
  Result<std::unique_ptr<rt::Listener>> listener =
      first.machine().network->listen(endpoint, {.backlog = 8});
  if (!listener) {
    log_->say(observe::Level::error, "take_over", listener.error().message());
    co_return;
  }
  while (!is_stopping_) {
    const rt::Until until{rt::Deadline::never(), &cancelled};
    auto peer = co_await (*listener)->accept(until);
    if (!peer) co_return;
    if (is_stopping_ || !co_await pass_to(**peer)) continue;
    log_->say(observe::Level::info, "take_over", "another process has our sockets");
    begin_stop(Stop::handed_over);
  }
}

rt::Task<bool> Process::pass_to(rt::Socket& peer) {
  const auto who = peer.peer_credentials();
  if (!who || (who->uid != 0 && who->uid != ::geteuid())) co_return false;
  std::vector<rt::Fd> sockets;
  for (const rt::SharedListener& shared : passable_) {
    auto socket = rt::duplicate(shared.socket.get());
    if (!socket) co_return false;
    sockets.push_back(*std::move(socket));
  }
  const rt::Until until{workers_.front()->loop().in(kPatience),
                        &workers_.front()->tasks().cancelled()};
  const Result<bool> passed = co_await rt::pass_sockets(peer, sockets, until);
  if (!passed || !*passed) co_return false;
  for (rt::SharedListener& shared : passable_)
    shared.file = {};  // the successor's now
  co_return true;
}

// On the first worker, when it stops to accept.
void Process::let_sockets_go() {
  for (const rt::SharedListener& shared : std::exchange(passable_, {}))
    shared.file.remove();
}

}  // namespace sovmesh::compose
