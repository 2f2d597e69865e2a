#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "access/decision.h"
#include "base/hash.h"
#include "base/secret.h"
#include "control/admin_api.h"
#include "control/admin_streams.h"
#include "http/exchange.h"
#include "rt/blocking.h"
#include "store/audit.h"

namespace sovmesh::control {

// The handler of the admin listeners: settles who calls, then runs the call on the blocking pool.
// Callers are processes of root or of our own user on the unix socket, whoever shows the admin
// token, or people with the cookie of a session, whose writes also want the session's
// x-sm-csrf. Without any of these: signing in (POST sessions) and the first set-up. It also serves
// the audit log's files below /audit/, which any verifier of transparency logs can read. One
// worker.
class AdminHandler : public http::Handler {
 public:
  // `revision`: of the configuration in force; asked on this worker.
  // `audit`: where refused callers are counted, and what /audit/ serves. Null: neither.
  AdminHandler(AdminApi& api, rt::BlockingPool& pool, const Secret& token, unsigned own_uid,
               std::function<std::string()> revision, store::Audit* audit = nullptr);
  rt::Task<void> handle(http::Exchange& exchange) override;
  // From now on `live` and `events` can be had as streams. Outlives the handler.
  void stream_by(AdminStreams& streams) { streams_ = &streams; }

  static constexpr std::size_t kBodyBytesMax = 1U << 20;
  // Refused callers of a listener get one entry of the audit log together, at most so often.
  static constexpr std::chrono::seconds kRefusalsEvery{1};

 private:
  struct Who {
    store::AdminEntry::Actor type = store::AdminEntry::Actor::token;
    std::string name;
    std::string source;
    access::Caller caller;
    std::optional<AdminCall::SignedIn> signed_in = {};
    // Who that is by now; an error: nobody any more. Blocks. Empty: that cannot be asked.
    std::function<Result<access::Caller>()> again = {};
  };
  // Of the machine's owner; nothing for everybody else.
  std::optional<Who> owner(const http::Exchange& exchange) const;
  rt::Task<Result<Who>> identify(http::Exchange& exchange);
  rt::Task<Result<Who>> known_caller(http::Exchange& exchange);
  rt::Task<Result<void>> begin_stream(http::Exchange& exchange);
  static rt::Task<void> refuse_call(http::Exchange& exchange, const Error& error);
  rt::Task<Result<AdminReply>> sign_in(http::Exchange& exchange);
  rt::Task<Result<AdminReply>> set_up(http::Exchange& exchange);
  rt::Task<void> note_refusal(http::Exchange& exchange);
  rt::Task<void> serve_log(http::Exchange& exchange);
  rt::Task<Result<AdminReply>> answer(http::Exchange& exchange);

  AdminApi& api_;
  rt::BlockingPool& pool_;
  Digest token_;  // its SHA-256: compared in constant time whatever its length
  unsigned own_uid_;
  std::function<std::string()> revision_;
  store::Audit* audit_;
  AdminStreams* streams_ = nullptr;  // null: there are none
  // Refused callers of one listener.
  struct Refusals {
    std::string_view listener;
    std::uint64_t count = 0;  // not yet in the log
    Instant noted{};
  };
  Refusals over_network_{.listener = "listener/admin"};
  Refusals over_socket_{.listener = "listener/admin.sock"};
};

}  // namespace sovmesh::control
