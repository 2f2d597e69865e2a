#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "rt/blocking.h"
#include "rt/fd.h"
#include "rt/listen_sockets.h"
#include "rt/loop.h"
#include "rt/net.h"
#include "rt/process.h"

namespace sovmesh::rt {

// The real machine. Only compose/ and main name these; everything else sees the interfaces.

std::unique_ptr<Clock> make_system_clock();
std::unique_ptr<Random> make_system_random();

// An epoll loop with what is bound to it.
struct RealWorker {
  std::unique_ptr<Loop> loop;
  std::unique_ptr<Network> network;
  std::unique_ptr<Resolver> resolver;         // c-ares on this loop
  std::unique_ptr<ProcessSpawner> processes;  // pidfd on this loop
};
Result<RealWorker> make_worker(const Clock& clock, Random& random);
// Listens on a socket that listens already, as the Network of `worker` would on `endpoint`.
Result<std::unique_ptr<Listener>> adopt_listener(RealWorker& worker, Fd socket,
                                                 const Endpoint& endpoint);
// A second handle on what `listener` listens on, for whoever takes its place; the file of a unix
// socket is then the handle's to remove.
struct SharedListener {
  Fd socket;
  ListenerFile file;
};
Result<SharedListener> share_listener(Listener& listener);
// Runs the loop of `worker` on this thread until Loop::stop().
void run(RealWorker& worker);

std::unique_ptr<BlockingPool> make_blocking_pool(std::size_t threads, std::size_t queue_max);

// Blocks `signals` in the whole process (call before any thread starts) and delivers them to `loop`
// by calling `on_signal(number)`.
class SignalWatch {
 public:
  virtual ~SignalWatch() = default;
};
Result<std::unique_ptr<SignalWatch>> watch_signals(Loop& loop, const std::vector<int>& signals,
                                                   std::function<void(int)> on_signal);

// Calls `on_change` when any of `paths` has been written and closed, replaced or removed (inotify
// on their folders), never while one of them may be half written. Where inotify says nothing, a
// poll takes a change that is the same twice and was written `rest` ago. A change at `read_since`
// or later, of which the caller may have read either side, counts as one.
class FileWatch {
 public:
  virtual ~FileWatch() = default;
};
struct FileWatchTimes {
  std::chrono::milliseconds poll{5'000};
  std::chrono::milliseconds rest{3'000};
  WallTime read_since = WallTime::max();
};
Result<std::unique_ptr<FileWatch>> watch_files(Loop& loop, const std::vector<std::string>& paths,
                                               std::function<void()> on_change,
                                               FileWatchTimes times = {});

}  // namespace sovmesh::rt
