#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "gateway/data_plane.h"
#include "gateway/overload.h"
#include "http/client.h"
#include "http/server.h"
#include "rt/real.h"
#include "rt/task_group.h"

namespace sovmesh::compose {

// What a listener serves and how it listens.
struct ListenerPlan {
  rt::Endpoint endpoint;
  http::Handler* handler = nullptr;
  http::ServerOptions options;
  bool reuse_port = false;
  // Goes on until everything else has ended: for whoever watches the drain.
  bool outlives_drain = false;
  // Closes connections and stops to accept while the process is too full.
  bool can_wait = false;
  // Gets a handle on the socket, for whoever takes our place. Null: nobody does.
  std::vector<rt::SharedListener>* shared = nullptr;
};

// One thread's share of the process: its loop, its servers, its pool of upstream connections.
// Built and destroyed by the main thread; between start() and join() only its own thread touches
// it, except through post().
class Worker {
 public:
  Worker(rt::RealWorker machine, const http::ClientLimits& upstream);
  ~Worker();

  rt::RealWorker& machine() { return machine_; }
  rt::Loop& loop() { return *machine_.loop; }
  http::ClientPool& upstream() { return upstream_; }

  // The address really bound (port 0 resolved). `socket`: listens there already.
  Result<rt::Endpoint> add_listener(ListenerPlan plan, rt::Fd socket = {});
  void keep(std::unique_ptr<http::Handler> handler) { handlers_.push_back(std::move(handler)); }

  // Runs the servers until begin_stop() and the drain are over, on the calling thread.
  void run();
  void start() {
    thread_ = std::thread([this] { run(); });
  }
  void join() {
    if (thread_.joinable()) thread_.join();
  }

  // Asks for a drain that ends at `deadline`. `on_cut_off` runs on this worker at `cut_off`, early
  // enough for streams to say why they end. Any thread, several times: an earlier time wins.
  struct StopTimes {
    rt::Deadline accept_until;
    rt::Deadline cut_off;
    rt::Deadline deadline;
  };
  void begin_stop(const StopTimes& times);
  // http::Server::relieve() of those listeners that can wait. Any thread.
  void relieve(bool closes, bool accepts);
  // How late the loop is; any thread.
  std::chrono::nanoseconds lag() const {
    return std::chrono::nanoseconds(lag_ns_.load(std::memory_order_relaxed));
  }
  void on_cut_off(std::function<void()> action) { cut_off_.push_back(std::move(action)); }
  // Runs when this worker stops to accept.
  void on_last_accept(std::function<void()> action) { last_accept_ = std::move(action); }
  // Runs after the drain of this worker, before its loop ends.
  void on_drained(std::function<rt::Task<void>()> last) { last_ = std::move(last); }
  // Runs as a task of this worker until it ends by itself or the worker stops.
  void spawn(rt::Task<void> task) { tasks_.spawn(std::move(task)); }
  rt::TaskGroup& tasks() { return tasks_; }

 private:
  rt::Task<void> main();
  rt::Task<void> drain_all();
  rt::Task<void> end_watchers();
  rt::Task<void> measure_lag();

  rt::RealWorker machine_;
  http::ClientPool upstream_;
  std::vector<std::unique_ptr<http::Handler>> handlers_;
  std::vector<std::unique_ptr<http::Server>> servers_;
  std::vector<std::unique_ptr<http::Server>> watchers_;  // those that outlive the drain
  std::vector<http::Server*> can_wait_;
  std::atomic<std::int64_t> lag_ns_{0};
  std::vector<std::function<void()>> cut_off_;
  std::function<void()> last_accept_;
  std::function<rt::Task<void>()> last_;
  rt::TaskGroup tasks_;
  rt::TaskGroup serving_;
  rt::Event stop_;
  rt::Deadline accept_until_ = rt::Deadline::never();
  rt::Deadline cut_off_at_ = rt::Deadline::never();
  rt::Deadline deadline_ = rt::Deadline::never();
  std::thread thread_;
};

}  // namespace sovmesh::compose
