#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/snapshot.h"
#include "config/config.h"
#include "engine/engine.h"
#include "http/client.h"
#include "identity/directory.h"
#include "rt/blocking.h"
#include "rt/task.h"
#include "store/ledger.h"

namespace sovmesh::compose {

// Exit codes that scripts rely on.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
// Nobody there; or an address that cannot be listened on.
inline constexpr int kExitUnreachable = 3;
inline constexpr int kExitConfig = 4;
inline constexpr int kExitDataDir = 5;
// The server is there, and cannot do it now: it answered 503. Of `ledger verify`: any refusal.
inline constexpr int kExitUnavailable = 6;
int exit_code_of(const Error& error);
Result<void> check_listen_address(const std::string& text);

struct Bound {
  std::vector<std::string> listen;
  std::vector<std::string> admin_listen;
  std::vector<std::string> metrics_listen;
};

// What a guest task (the demo) sees of the running process. Lives on worker 0.
struct Running {
  rt::Loop& loop;
  rt::Network& network;
  http::ClientPool& client;
  const Bound& bound;
  store::Ledger& ledger;
  const Snapshot<identity::Directory>& directory;
  rt::BlockingPool& pool;
  std::vector<std::shared_ptr<engine::Engine>> engines;
  rt::Event& stopping;  // the process has been asked to end
};

struct ServeOptions {
  config::Config config;
  std::string config_path;                // empty: nothing to reload
  std::vector<std::string> config_files;  // config::Loaded::files: a change of one reloads
  WallTime config_read_at{};              // when reading them began
  std::string data_dir;
  // config::fixed_parts of the file as it was read, before flags changed the configuration.
  std::map<std::string, std::string> fixed_parts;
  // A tenant that gets a key at its first start, printed once on standard error. Empty: none.
  std::string first_key_for;
  bool print_ready = true;    // the machine-readable first line on stdout
  bool stop_at_once = false;  // no grace for load balancers: a terminal program
  // Take the listening sockets of the server that uses the folder, and its place when it has ended.
  bool take_over = false;
  // Runs when all is ready; its result ends the process with that code, kKeepRunning does not.
  std::function<rt::Task<int>(Running&)> guest;
  static constexpr int kKeepRunning = -1;
  // For tests of tests: what the ledger is told differs from what was delivered.
  bool sabotage_drop_one_token = false;
};

WallTime wall_now();  // for main, which has no clock

// Runs the whole process until a signal or the guest ends it.
int serve(ServeOptions options);

}  // namespace sovmesh::compose
