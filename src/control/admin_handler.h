#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "access/call_rate.h"
#include "access/decision.h"
#include "base/hash.h"
#include "base/secret.h"
#include "control/admin_api.h"
#include "control/admin_streams.h"
#include "http/exchange.h"
#include "observe/metrics.h"
#include "rt/blocking.h"
#include "store/audit.h"

namespace sovmesh::control {

// The handler of the admin listeners: settles who calls, then runs the call on the blocking pool.
// Callers are processes of root or of our own user on the unix socket, whoever shows the admin
// token, programs with the access token of a user, or people with the cookie of a session, whose
// writes also want the session's x-sm-csrf. Without any of these: signing in (POST sessions) and
// the first set-up. All but the socket's may call so often: each session, each token, and each
// address that shows neither. It also serves the audit log's files below /audit/, which any
// verifier of transparency logs can read. One worker.
class AdminHandler : public http::Handler {
 public:
  // `revision`: of the configuration in force; asked on this worker.
  // `audit`: where refused callers are counted, and what /audit/ serves. Null: neither.
  struct Rate {
    access::CallRate::Bounds bounds;
    observe::Family<observe::Counter>* refused = nullptr;  // by kind of caller
  };
  AdminHandler(AdminApi& api, rt::BlockingPool& pool, const Secret& token, unsigned own_uid,
               std::function<std::string()> revision, store::Audit* audit, const Rate& rate);
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
    // Who that is by now; an error: nobody any more. Blocks.
    std::function<Result<access::Caller>()> again;
    bool by_token = false;
    std::string_view kind;   // of credential, a label
    std::string credential;  // whose calls are counted together; empty: they are not
  };
  // Of the machine's owner; nothing for everybody else.
  std::optional<Who> owner(const http::Exchange& exchange) const;
  rt::Task<Result<Who>> identify(http::Exchange& exchange);
  rt::Task<Result<Who>> identify_session(http::Exchange& exchange, std::string cookie);
  rt::Task<Result<Who>> identify_token(http::Exchange& exchange, Secret token);
  // Code::rate_limit_exceeded for whoever calls too often.
  Result<void> take_turn(std::string_view kind, const std::string& credential, Instant now);
  Result<void> take_turn_of_address(const http::Exchange& exchange);
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
  access::CallRate rate_;
  observe::Family<observe::Counter>* refused_calls_;
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
