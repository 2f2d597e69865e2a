#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "rt/loop.h"
#include "rt/net.h"
#include "rt/task.h"
#include "rt/task_group.h"

namespace sovmesh::flow {

// What a scripted engine answers, to the byte.
struct Script {
  enum class End : std::uint8_t { keep, fin, reset, hang };
  std::vector<std::string> parts;
  End end = End::keep;
  std::chrono::milliseconds pause{2};  // after each part
};

// An engine that knows no HTTP but where a request ends, and sends what the test says. Its
// connections end when serve() is stopped.
class ScriptedEngine {
 public:
  static constexpr std::size_t kConnectionsMax = 256;

  explicit ScriptedEngine(rt::Loop& loop)
      : loop_(loop), stopping_(loop), connections_(loop, kConnectionsMax) {}

  rt::Task<void> serve(std::unique_ptr<rt::Listener> listener);
  void stop() { stopping_.set(); }

  Script script;
  std::vector<std::string> bodies;  // of the requests that came in
  int gone = 0;                     // connections that the other side ended first

 private:
  rt::Task<void> talk(std::unique_ptr<rt::Socket> socket);
  // The next request's body; false when none comes.
  rt::Task<bool> read_request(rt::Socket& socket, std::string& body);
  rt::Task<bool> play(rt::Socket& socket, Script played);

  rt::Loop& loop_;
  rt::Event stopping_;
  rt::TaskGroup connections_;
};

}  // namespace sovmesh::flow
